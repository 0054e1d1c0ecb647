import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { principalPlane } from '#dist/study/pictures.js';

describe('pictures of features', () => {
  it('a plane in space keeps its distances and all of its variance', () => {
    // (u, v) laid into four dimensions by two orthonormal vectors, far from the origin.
    const plane = [-2, -1, 0, 1, 2].flatMap((u) => [-1, 0, 1].map((v): [number, number] => [3 * u, v]));
    const rows = plane.flatMap(([u, v]) => [10 + (u + v) / 2, (u - v) / 2, (u + v) / 2, 7 + (u - v) / 2]);
    const { points, explained } = principalPlane({ data: Float32Array.from(rows), shape: [plane.length, 4] });
    assert.equal(explained, 1);
    const distance = (a: number[], b: number[]) => Math.hypot(a[0] - b[0], a[1] - b[1]);
    for (const [i, a] of plane.entries()) {
      for (const [j, b] of plane.entries()) {
        assert.ok(Math.abs(distance(points[i], points[j]) - distance(a, b)) < 5e-3, `${a} to ${b}`);
      }
      // The wide direction is the first component.
      assert.ok(Math.abs(Math.abs(points[i][0]) - Math.abs(a[0])) < 5e-3);
    }
  });

  it('tells the share that is not shown, and does with one feature or none that varies', () => {
    const cross = [1, -1].flatMap((s) => [
      [3 * s, 0, 0],
      [0, 2 * s, 0],
      [0, 0, s],
    ]);
    const { explained } = principalPlane({ data: Float32Array.from(cross.flat()), shape: [6, 3] });
    assert.ok(Math.abs(explained - 13 / 14) < 1e-4);
    assert.deepEqual(principalPlane({ data: Float32Array.of(1, 3), shape: [2, 1] }).points, [
      [-1, 0],
      [1, 0],
    ]);
    assert.equal(principalPlane({ data: new Float32Array(8).fill(2), shape: [4, 2] }).explained, 1);
  });
});
