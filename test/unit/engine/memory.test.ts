// Requests that do not fit are refused before anything is taken, and the number named is what would have been taken.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CosineKernel, FidelityKernel, featureMap, type MatrixLike, RbfKernel } from 'qrkd';
import { angleLossGradient, distanceLossGradient } from '#dist/engine/relational.js';
import type { MapSpec } from '../../oracle.js';

/** The two numbers of an ERR_QRKD_MEMORY, in GiB; the call must be quick and leave memory as it was. */
function refused(call: () => unknown, what: RegExp): [needed: number, available: number] {
  const before = process.memoryUsage();
  const start = performance.now();
  let error: (Error & { code?: string }) | undefined;
  try {
    call();
  } catch (caught) {
    error = caught as Error;
  }
  const elapsed = performance.now() - start;
  const after = process.memoryUsage();
  assert.ok(error, 'not refused');
  assert.ok(error instanceof RangeError && error.code === 'ERR_QRKD_MEMORY', error.stack);
  assert.match(error.message, what);
  assert.ok(elapsed < 200, `took ${elapsed} ms`);
  assert.ok(after.rss - before.rss < 64 * 2 ** 20, `${after.rss - before.rss} bytes taken`);
  const [, needed, available] = /needs (\S+) GiB of memory, (\S+) GiB are available/.exec(error.message) ?? [];
  return [Number(needed), Number(available)];
}

const zeros = (rows: number, columns: number): MatrixLike => ({
  data: new Float32Array(rows * columns),
  shape: [rows, columns],
});

describe('what does not fit is refused', () => {
  const tooMany = zeros(2 ** 20, 1);

  it('a Gram matrix of a million samples, by every kernel and every call', async () => {
    for (const kernel of [
      new RbfKernel({ gamma: 1 }),
      new CosineKernel(),
      new FidelityKernel(featureMap({ type: 'angle', features: 1 })),
    ]) {
      for (const call of [
        () => kernel.matrix(tooMany),
        () => kernel.matrix(tooMany, tooMany),
        () => kernel.forward(tooMany),
        () => kernel.lossGradient(tooMany, [[1]]),
      ]) {
        const [needed, available] = refused(call, /of 1048576( x 1048576)? samples needs/);
        assert.ok(needed >= 8190, `${needed} GiB for 2^40 doubles`);
        assert.ok(available > 0 && available < 8190);
      }
      await assert.rejects(kernel.matrixAsync(tooMany), { code: 'ERR_QRKD_MEMORY' });
    }
  });

  it('relational losses of a million samples', () => {
    refused(() => distanceLossGradient(tooMany, tooMany), /distanceLoss of 1048576 samples needs/);
    refused(() => angleLossGradient(tooMany, tooMany), /angleLoss of 1048576 samples needs/);
  });

  it('states of 30 qubits, which take half as much in float32', () => {
    const map = featureMap({ type: 'zz', features: 30, reps: 1 });
    const wide = zeros(64, 30);
    const [single] = refused(() => new FidelityKernel(map, { precision: 'float32' }).matrix(wide), /zz, 30 qubits/);
    const [double] = refused(() => new FidelityKernel(map).matrix(wide), /of 64 samples needs/);
    // 64 samples x 2^30 amplitudes x 2 numbers x 4 bytes.
    assert.ok(single >= 512 && single < 514, `${single} GiB`);
    assert.ok(Math.abs(double / single - 2) < 0.01);
    refused(() => new FidelityKernel(map).states(wide), /64 states of 30 qubits/);
  });

  it('statevectors of product states with many qubits, whose kernel fits', () => {
    const kernel = new FidelityKernel(featureMap({ type: 'angle', features: 60 }));
    const X = zeros(2, 60);
    assert.deepEqual(Array.from(kernel.matrix(X).data), [1, 1, 1, 1]);
    refused(() => kernel.states(X), /2 states of 60 qubits/);
    const wide = new FidelityKernel(featureMap({ type: 'z', features: 3000 }));
    refused(() => wide.states(zeros(1, 3000)), /3000 qubits/);
  });
});

describe('the memory named is the memory taken', () => {
  const program = fileURLToPath(new URL('footprint.js', import.meta.url));
  const cases: [what: string, spec: MapSpec, precision: string, n: number, m: number][] = [
    ['states', { type: 'zz', features: 19 }, 'float64', 1, 0],
    ['gradient', { type: 'zz', features: 17, reps: 3 }, 'float64', 8, 3],
    ['matrix', { type: 'iqp', features: 17, repeats: 2 }, 'float32', 65, 0],
    ['matrix', { type: 'angle', features: 2 }, 'float64', 4000, 0],
    ['loss', { type: 'amplitude', features: 2 }, 'float64', 1500, 0],
    ['projected', { type: 'zz', features: 18 }, 'float32', 32, 0],
    ['projected', { type: 'angle', features: 20_000 }, 'float64', 64, 0],
    ['gradient', { type: 'angle', features: 100_000 }, 'float32', 20, 0],
  ];
  for (const [what, spec, precision, n, m] of cases) {
    it(`${what} of ${n}${m ? ` x ${m}` : ''} samples, ${spec.type} of ${spec.features} features, ${precision}`, async () => {
      const args = [program, what, JSON.stringify(spec), precision, String(n), String(m)];
      const { stdout } = await promisify(execFile)(process.execPath, args);
      const { named, taken } = JSON.parse(stdout) as { named: number; taken: number };
      const mebibytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
      // Small things beside the panels and matrices are not counted, and not everything counted is held at once.
      assert.ok(taken < 1.1 * named + 24 * 2 ** 20, `${mebibytes(named)} named, ${mebibytes(taken)} taken`);
      assert.ok(taken > 0.3 * named, `${mebibytes(named)} named, only ${mebibytes(taken)} taken`);
    });
  }
});
