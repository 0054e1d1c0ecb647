// FidelityKernel with shots, noise, mitigation and psd, against PennyLane's density matrices and the tools one by one.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import {
  applyNoise,
  type DeviceOptions,
  type FeatureMapSpec,
  FidelityKernel,
  featureMap,
  type Matrix,
  makePsd,
  mergeParts,
  mitigateDepolarizing,
  mitigateReadout,
  type NoiseOptions,
  QrkdRangeError,
  sampleShots,
} from 'qrkd';
import { readMatrixFile } from '#dist/files/index.js';
import { assertClose, readFixture } from '../../golden/fixtures.js';
import { assertRefused, randomMatrices } from '../../matrices.js';

const { noise: cases } = readFixture<{
  noise: {
    spec: FeatureMapSpec & { features: number };
    x: number[];
    y: number[];
    noisy: { noise: NoiseOptions; k: number[]; kxy: number[] }[];
  }[];
}>('analysis.json');

const folder = mkdtempSync(join(tmpdir(), 'qrkd-device-'));
after(() => rmSync(folder, { recursive: true }));

const rows = (values: number[], columns: number) => ({
  data: Float64Array.from(values),
  shape: [values.length / columns, columns] as [number, number],
});
const random = randomMatrices('device');
const map = featureMap({ type: 'zz', features: 3, reps: 1, bandwidth: 0.2 });
const X = random(30, 3);
const Y = random(11, 3);
const exact = new FidelityKernel(map);
const device = (options: DeviceOptions) => new FidelityKernel(map, options);

/** With ones on the diagonal, from which rounding takes 1e-16. */
function unitDiagonal({ data, shape }: Matrix): Matrix {
  return { data: data.map((v, k) => (k % (shape[0] + 1) === 0 ? 1 : v)), shape };
}

describe('a noisy FidelityKernel', () => {
  for (const { spec, x, y, noisy } of cases) {
    for (const { noise, k, kxy } of noisy) {
      it(`${spec.type}, ${JSON.stringify(noise)}: PennyLane's density matrices`, async () => {
        const kernel = new FidelityKernel(featureMap(spec), { noise });
        const [X, Y] = [rows(x, spec.features), rows(y, spec.features)];
        const n = X.shape[0];
        // Readout errors make the test of (y, x) differ from that of (x, y): the upper half counts.
        const upper = k.map((value, i) => (i % n < Math.floor(i / n) ? k[(i % n) * n + Math.floor(i / n)]! : value));
        assertClose(kernel.matrix(X).data, upper, 1e-12, 'matrix(X)');
        assertClose(kernel.matrix(X, Y).data, kxy, 1e-12, 'matrix(X, Y)');
        assert.deepEqual(await kernel.matrixAsync(X), kernel.matrix(X));
        assert.deepEqual(await kernel.matrixAsync(X, Y), kernel.matrix(X, Y));
      });
    }
  }
});

it('readout errors of product states, for many qubits', () => {
  const features = 40;
  const [X, Y] = [random(5, features), random(3, features)];
  const readout = { meas1prep0: 0.01, meas0prep1: 0.03 };
  const kernel = new FidelityKernel(featureMap({ type: 'angle', features }), { noise: { readout } });
  const reads = (i: number, y: { data: Float64Array }, j: number) => {
    let product = 1;
    for (let q = 0; q < features; q++) {
      const k = Math.cos((X.data[i * features + q]! - y.data[j * features + q]!) / 2) ** 2;
      product *= 0.99 * k + 0.03 * (1 - k);
    }
    return product;
  };
  const table = (y: typeof X) =>
    Array.from({ length: 5 * y.shape[0] }, (_, k) => reads(Math.floor(k / y.shape[0]), y, k % y.shape[0]));
  assertClose(kernel.matrix(X).data, table(X), 1e-14, 'matrix(X)');
  assertClose(kernel.matrix(X, Y).data, table(Y), 1e-14, 'matrix(X, Y)');
});

describe('FidelityKernel on a device', () => {
  const depolarizing = { depolarizing: 0.1, layers: 2 };

  it('is the tools one after the other', () => {
    const K = unitDiagonal(exact.matrix(X));
    const measured = sampleShots(applyNoise(K, { ...depolarizing, qubits: 3 }), { shots: 300, seed: 7 });
    const options = { shots: 300, seed: 7, noise: depolarizing };
    assert.deepEqual(device(options).matrix(X), measured);
    for (const method of ['single', 'average', 'split_channel'] as const) {
      const mitigated = mitigateDepolarizing(measured, { qubits: 3, method });
      const own = device({ ...options, mitigation: { depolarizing: method } }).matrix(X);
      assertClose(own.data, mitigated.data, 1e-13, method);
      const repaired = device({ ...options, mitigation: { depolarizing: method }, psd: 'clip' }).matrix(X);
      assertClose(repaired.data, makePsd(mitigated, 'clip').data, 1e-12, `${method}, clip`);
    }
    assert.deepEqual(device({ shots: 300, seed: 7 }).matrix(X), sampleShots(K, { shots: 300, seed: 7 }));
    assert.deepEqual(device({ psd: 'nearest' }).matrix(X), makePsd(K, 'nearest'));
    assert.deepEqual(device({ shots: 50 }).matrix(X, Y), sampleShots(exact.matrix(X, Y), { shots: 50, cross: true }));
  });

  it('with shots, the same for every seed: sync, async, whatever the precision asks', async () => {
    for (const precision of ['float32', 'float64'] as const) {
      const kernel = new FidelityKernel(map, { precision, shots: 100, seed: 3, noise: depolarizing });
      const K = kernel.matrix(X);
      assert.equal(K.data.constructor, precision === 'float32' ? Float32Array : Float64Array);
      assert.deepEqual(kernel.matrix(X), K);
      assert.deepEqual(await kernel.matrixAsync(X), K);
      for (let i = 0; i < 30; i++) for (let j = 0; j < i; j++) assert.equal(K.data[i * 30 + j], K.data[j * 30 + i]);
    }
  });

  it('measures large matrices in a thread of its own: the same matrix, and the event loop goes on', async () => {
    const large = random(380, 3);
    for (const precision of ['float32', 'float64'] as const) {
      const kernel = new FidelityKernel(map, { precision, shots: 100, noise: depolarizing });
      assert.deepEqual(await kernel.matrixAsync(large), kernel.matrix(large));
      assert.deepEqual(await kernel.matrixAsync(large, large), kernel.matrix(large, large));
    }
    const repaired = device({ shots: 100, psd: 'clip' });
    const some = random(240, 3);
    let ticks = 0;
    const timer = setInterval(() => ticks++, 5);
    const K = await repaired.matrixAsync(some);
    clearInterval(timer);
    assert.ok(ticks > 10, `${ticks} ticks while eigenvalues were computed`);
    assert.deepEqual(K, repaired.matrix(some));

    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    await assert.rejects(repaired.matrixAsync(large, undefined, { signal: controller.signal }), { name: 'AbortError' });
  });

  it('tells from the other thread what it cannot do', async () => {
    const hopeless = device({ noise: { depolarizing: 1 }, mitigation: { depolarizing: 'average' } });
    const large = random(380, 3);
    assertRefused(() => hopeless.matrix(large), 'RangeError', 'VALUE', 'noise alone');
    await assert.rejects(hopeless.matrixAsync(large), (error: Error & { code: string }) => {
      assert.ok(error instanceof QrkdRangeError);
      assert.equal(error.code, 'ERR_QRKD_VALUE');
      assert.match(error.message, /^FidelityKernel: .*noise alone/);
      return true;
    });
  });

  it('a float32 diagonal is exactly 1 without noise, whatever the shots', () => {
    const kernel = new FidelityKernel(map, { precision: 'float32', shots: 2 ** 32 });
    const { data } = kernel.matrix(X);
    for (let i = 0; i < 30; i++) assert.equal(data[i * 31], 1);
  });

  it('mitigates a cross matrix by the diagonals of its sides', () => {
    const noise = { depolarizing: 0.2 };
    for (const method of ['single', 'average', 'split_channel'] as const) {
      const mitigation = { depolarizing: method };
      assertClose(
        device({ noise, mitigation }).matrix(X, Y).data,
        exact.matrix(X, Y).data,
        1e-13,
        `${method}, no shots`,
      );
      const measured = device({ noise, mitigation, shots: 1e6 }).matrix(X, Y);
      assertClose(measured.data, exact.matrix(X, Y).data, 5e-3, `${method}, a million shots`);
    }
  });

  it('undoes readout errors where wrong outcomes are alike, and nearly so elsewhere', () => {
    const noise = { readout: 0.02, depolarizing: 0.1 };
    const mitigation = { readout: true, depolarizing: 'average' } as const;
    const K = device({ noise, mitigation }).matrix(X).data;
    const plain = device({ noise }).matrix(X).data;
    const ideal = exact.matrix(X).data;
    const error = (values: ArrayLike<number>) =>
      Array.from(ideal).reduce((sum, k, i) => sum + (values[i]! - k) ** 2, 0);
    assert.ok(error(K) < error(plain) / 10, `${error(K)} of ${error(plain)}`);
    for (let i = 0; i < 30; i++) assertClose([K[i * 31]!], [1], 1e-12, 'diagonal');
    const closedForm = mitigateReadout(device({ noise: { readout: 0.02 } }).matrix(X), { qubits: 3, readout: 0.02 });
    assertClose(
      device({ noise: { readout: 0.02 }, mitigation: { readout: true } }).matrix(X).data,
      closedForm.data,
      1e-14,
      'readout',
    );
  });

  it('goes to a file tile by tile as in the whole', async () => {
    const wide = random(300, 3);
    const options = { shots: 64, seed: 2, noise: depolarizing, mitigation: { depolarizing: 'split_channel' } } as const;
    for (const precision of ['float32', 'float64'] as const) {
      const kernel = new FidelityKernel(map, { precision, ...options });
      for (const second of [undefined, Y]) {
        const whole = kernel.matrix(wide, second);
        const path = join(folder, `${precision}${second ? 'xy' : ''}.npy`);
        const { tiles } = await kernel.matrixToFile(path, wide, second, { memory: 60_000 });
        assert.ok(tiles > 2, `${tiles} tiles`);
        assert.deepEqual(await readMatrixFile(path), whole);
        const parts: string[] = [];
        for (const shard of ['1/2', '2/2']) parts.push((await kernel.matrixToFile(path, wide, second, { shard })).path);
        const merged = join(folder, 'merged.npy');
        await mergeParts(merged, parts);
        assert.deepEqual(await readMatrixFile(merged), whole);
        rmSync(merged);
      }
    }
    const large = random(500, 3);
    const path = join(folder, 'large.npy');
    await device(options).matrixToFile(path, large);
    assert.deepEqual(await readMatrixFile(path), device(options).matrix(large));
    await assert.rejects(device({ psd: 'clip' }).matrixToFile(join(folder, 'a.npy'), X), {
      code: 'ERR_QRKD_UNSUPPORTED',
    });
    await assert.rejects(device({ noise: { readout: 0.1 } }).matrixToFile(join(folder, 'a.npy'), X), /noise\.readout/);
  });

  it('has the gradient of a depolarised kernel', () => {
    const kernel = device({ noise: depolarizing });
    const dK = random(30, 30);
    const scale = 0.9 ** 2;
    const pass = kernel.forward(X);
    assertClose(pass.matrix.data, kernel.matrix(X).data, 1e-14, 'values');
    const expected = exact.gradient(X, dK).dx.data.map((v) => scale * v);
    assertClose(pass.gradient(dK).dx.data, expected, 1e-14, 'dx');
    const cross = random(30, 11);
    const { dx, dy } = kernel.gradient(X, cross, Y);
    const reference = exact.gradient(X, cross, Y);
    assertClose(
      dx.data,
      reference.dx.data.map((v) => scale * v),
      1e-14,
      'dx of the cross matrix',
    );
    assertClose(
      dy!.data,
      reference.dy!.data.map((v) => scale * v),
      1e-14,
      'dy',
    );
    pass.dispose();
    assert.throws(() => pass.gradient(dK), { code: 'ERR_QRKD_DISPOSED' });
  });

  it('refuses gradients that do not exist', () => {
    const options: [DeviceOptions, string][] = [
      [{ shots: 10 }, 'shots'],
      [{ noise: { readout: 0.01 } }, 'noise.readout'],
      [{ psd: 'clip' }, 'psd'],
      [{ noise: depolarizing, mitigation: { depolarizing: 'average' } }, 'mitigation'],
    ];
    for (const [given, name] of options) {
      assertRefused(() => device(given).forward(X), 'TypeError', 'UNSUPPORTED', name);
      assertRefused(() => device(given).gradient(X, random(30, 30)), 'TypeError', 'UNSUPPORTED', name);
    }
    assertRefused(
      () => device({ shots: 10 }).lossGradient(X, random(30, 30)),
      'TypeError',
      'UNSUPPORTED',
      'lossGradient',
    );
    const target = random(30, 30);
    assert.deepEqual(device({ psd: 'none' }).lossGradient(X, target), exact.lossGradient(X, target));
    assert.deepEqual(device({ psd: 'none' }).forward(X).matrix, exact.forward(X).matrix);
  });

  it('says what it is, and can be made from that', () => {
    const options = {
      shots: 100,
      seed: 4,
      noise: { readout: { meas1prep0: 0.01, meas0prep1: 0.02 } },
      psd: 'shift',
    } as const;
    const json = JSON.parse(JSON.stringify(device(options)));
    assert.deepEqual(json, { kernel: 'fidelity', map: map.toJSON(), precision: 'float64', ...options });
    const { kernel: _, map: spec, ...rest } = JSON.parse(JSON.stringify(device(options)));
    assert.deepEqual(new FidelityKernel(featureMap(spec), rest).toJSON(), json);
    assert.deepEqual(exact.toJSON(), { kernel: 'fidelity', map: map.toJSON(), precision: 'float64' });
  });

  it('an abort ends a measurement with readout errors', async () => {
    const kernel = device({ noise: { readout: 0.01 } });
    const controller = new AbortController();
    const run = kernel.matrixAsync(X, undefined, { signal: controller.signal, onProgress: () => controller.abort() });
    await assert.rejects(run, { name: 'AbortError' });
  });

  it('refuses what it cannot use', () => {
    assertRefused(() => device({ shots: 0 }), 'RangeError', 'VALUE', 'shots');
    assertRefused(() => device({ seed: 0.5 }), 'RangeError', 'VALUE', 'seed');
    assertRefused(() => device({ psd: 'flip' as never }), 'RangeError', 'VALUE', 'psd');
    assertRefused(() => device({ noise: { readouts: 1 } as never }), 'TypeError', 'UNKNOWN_KEY', '"readout"');
    assertRefused(() => device({ noise: { depolarizing: -1 } }), 'RangeError', 'VALUE', 'depolarizing');
    assertRefused(() => device({ mitigation: { readout: true } }), 'RangeError', 'VALUE', 'noise.readout');
    assertRefused(() => device({ mitigation: { depolarizing: 'mean' as never } }), 'RangeError', 'VALUE', 'average');
    assertRefused(() => device({ shot: 1 } as never), 'TypeError', 'UNKNOWN_KEY', '"shots"');
    const amplitude = featureMap({ type: 'amplitude', features: 4 });
    assertRefused(
      () => new FidelityKernel(amplitude, { noise: { readout: 0.1 } }),
      'TypeError',
      'UNSUPPORTED',
      'circuit',
    );
  });
});
