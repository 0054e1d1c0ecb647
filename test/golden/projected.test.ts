// Projected kernels against Qiskit's partial traces, PennyLane and torch (test/fixtures/make_projected.py).
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { featureMap, type Gradient, ProjectedKernel, type ProjectedKernelOptions } from 'qrkd';
import { assertRefused } from '../matrices.js';
import { ARRAYS, assertClose, assertRelative, readFixture } from './fixtures.js';

interface Derivatives {
  dx: number[];
  dy?: number[];
  dparameters?: number[];
}

interface Case {
  spec: Parameters<typeof featureMap>[0] & { type: string; features: number };
  options: ProjectedKernelOptions;
  x: number[];
  y: number[];
  parameters: number[];
  bloch: number[];
  k: number[];
  kxy: number[];
  gradient: Derivatives & { dk: number[] };
  blochGradient: Derivatives & { dbloch: number[] };
  cross: Derivatives & { dk: number[] };
}

const { cases } = readFixture<{ cases: Case[] }>('projected.json');

for (const precision of ['float64', 'float32'] as const) {
  const tolerance = precision === 'float64' ? 1e-12 : 1e-5;
  // The slope of a Matern kernel of nu 1/2 grows like 1 / d as two samples come together.
  const gradientTolerance = precision === 'float64' ? 1e-9 : 5e-5;

  function check(found: Gradient, expected: Derivatives, what: string): void {
    assertRelative(found.dx.data, expected.dx, gradientTolerance, `${what}: dx`, 1);
    if (expected.dy) assertRelative(found.dy!.data, expected.dy, gradientTolerance, `${what}: dy`, 1);
    assertRelative(found.dparameters, expected.dparameters ?? [], gradientTolerance, `${what}: dparameters`, 1);
  }

  describe(`golden projected kernels, ${precision}`, () => {
    for (const { spec, options, ...expected } of cases) {
      const label = `${JSON.stringify(options)} of ${spec.type}`;
      it(label, () => {
        const matrix = (values: number[], columns: number) => ({
          data: ARRAYS[precision].from(values),
          shape: [values.length / columns, columns] as [number, number],
        });
        const kernel = new ProjectedKernel(featureMap(spec), { ...options, precision });
        kernel.parameters.set(expected.parameters);
        const [X, Y] = [matrix(expected.x, spec.features), matrix(expected.y, spec.features)];
        const width = 3 * kernel.map.qubits;
        const bloch = kernel.blochVectors(X);
        assert.deepEqual(bloch.shape, [X.shape[0], width]);
        assertClose(bloch.data, expected.bloch, tolerance, 'blochVectors(X)');
        assertClose(kernel.matrix(X).data, expected.k, tolerance, 'matrix(X)');
        assertClose(kernel.matrix(X, Y).data, expected.kxy, tolerance, 'matrix(X, Y)');
        const dbloch = matrix(expected.blochGradient.dbloch, width);
        check(kernel.blochGradient(X, dbloch), expected.blochGradient, 'blochGradient');
        check(kernel.gradient(X, matrix(expected.gradient.dk, X.shape[0])), expected.gradient, 'gradient(X, dK)');
        check(kernel.gradient(X, matrix(expected.cross.dk, Y.shape[0]), Y), expected.cross, 'gradient(X, dK, Y)');
      });
    }
  });
}

describe('ProjectedKernel', () => {
  const map = featureMap({ type: 'zz', features: 2 });

  it('is described by plain JSON, defaults filled in', () => {
    const json = { kernel: 'projected', map: map.toJSON(), precision: 'float64' };
    assert.deepEqual(new ProjectedKernel(map).toJSON(), { ...json, inner: 'rbf', gamma: 1 });
    assert.deepEqual(new ProjectedKernel(map, { inner: 'linear' }).toJSON(), { ...json, inner: 'linear' });
    const matern = new ProjectedKernel(map, { inner: 'matern', length: 2 });
    assert.deepEqual(matern.toJSON(), { ...json, inner: 'matern', nu: 1.5, length: 2 });
  });

  it('refuses what cannot be meant', () => {
    const make =
      (options: object, of: unknown = map) =>
      () =>
        new ProjectedKernel(of as never, options as never);
    assertRefused(make({}, 'zz'), 'TypeError', 'TYPE', 'map must come from featureMap()');
    assertRefused(make({}, featureMap({ type: 'amplitude', features: 4 })), 'TypeError', 'UNSUPPORTED', 'no circuit');
    assertRefused(make({ inner: 'poly' }), 'RangeError', 'VALUE', 'inner must be one of rbf, linear, matern');
    assertRefused(make({ gamma: 0 }), 'RangeError', 'VALUE', 'gamma must be a positive number');
    assertRefused(make({ inner: 'linear', gamma: 1 }), 'TypeError', 'UNKNOWN_KEY', '"gamma"');
    assertRefused(make({ inner: 'matern' }), 'RangeError', 'VALUE', 'length must be a positive number');
    assertRefused(make({ inner: 'matern', length: 1, nu: 1 }), 'RangeError', 'VALUE', 'nu must be 0.5, 1.5 or 2.5');
    assertRefused(make({ precision: 'half' }), 'RangeError', 'VALUE', 'precision');
  });
});
