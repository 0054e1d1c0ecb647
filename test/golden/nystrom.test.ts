// Low-rank approximations against scikit-learn's (test/fixtures/make_classical.py) and against what they must satisfy.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FidelityKernel, featureMap, LinearKernel, type Matrix, nystrom, RbfKernel } from 'qrkd';
import { randomMatrices } from '../matrices.js';
import { assertClose, readFixture } from './fixtures.js';

interface Case {
  gamma: number;
  features: number;
  x: number[];
  y: number[];
  landmarks: number[];
  k: number[];
  kxy: number[];
  trace_error: number;
  frobenius_error: number;
}

const { nystroem } = readFixture<{ nystroem: Case[] }>('classical.json');
const matrix = (values: number[], columns: number) => ({
  data: Float64Array.from(values),
  shape: [values.length / columns, columns] as [number, number],
});

/** A B^T */
function products({ data: a, shape: [n, f] }: Matrix, { data: b, shape: [m] }: Matrix): Float64Array {
  return Float64Array.from({ length: n * m }, (_, k) => {
    let sum = 0;
    for (let c = 0; c < f; c++) sum += a[Math.floor(k / m) * f + c] * b[(k % m) * f + c];
    return sum;
  });
}

describe("scikit-learn's Nystroem approximation", () => {
  for (const { gamma, features, landmarks, ...expected } of nystroem) {
    it(`${landmarks.length} of ${expected.x.length / features} samples`, async () => {
      const kernel = new RbfKernel({ gamma });
      const [X, Y] = [matrix(expected.x, features), matrix(expected.y, features)];
      const found = await nystrom(kernel, X, landmarks, { errorRows: X.shape[0] });
      assert.deepEqual(Array.from(found.landmarks), landmarks);
      assertClose(products(found.features, found.features), expected.k, 1e-10, 'K');
      assertClose(products(found.features, found.transform(Y)), expected.kxy, 1e-10, 'K(X, Y)');
      assertClose([found.error.trace], [expected.trace_error], 1e-10, 'trace error');
      assertClose([found.error.frobenius], [expected.frobenius_error], 1e-10, 'Frobenius error');
      assert.equal(found.error.frobeniusStandardError, 0);
    });
  }
});

describe('nystrom', () => {
  const random = randomMatrices('nystrom');
  const zz = (precision?: 'float32') =>
    new FidelityKernel(featureMap({ type: 'zz', features: 4, bandwidth: 0.2, reps: 1 }), { precision });
  const X = random(150, 4, 2);

  for (const method of ['uniform', 'rpcholesky'] as const) {
    it(`${method}: exact for as many landmarks as samples`, async () => {
      const few = random(20, 4, 2);
      const K = zz().matrix(few).data;
      const { features, error, landmarks } = await nystrom(zz(), few, 20, { method });
      assert.equal(new Set(landmarks).size, landmarks.length);
      assertClose(products(features, features), K, 1e-9, 'K');
      assertClose([error.trace, error.frobenius], [0, 0], 1e-8, 'errors');
    });

    it(`${method}: exact for a kernel of low rank, whose rank is found`, async () => {
      const { rank, features, error, transform } = await nystrom(new LinearKernel(), X, 30, { method });
      assert.equal(rank, 4);
      assertClose(products(features, features), new LinearKernel().matrix(X).data, 1e-10, 'K');
      assert.ok(Math.abs(error.relativeTrace) < 1e-12, String(error.relativeTrace));
      const Y = random(9, 4);
      assertClose(products(transform(Y), features), new LinearKernel().matrix(Y, X).data, 1e-10, 'K(Y, X)');
    });

    it(`${method}: tells its own error`, async () => {
      const K = zz().matrix(X).data;
      const { features, error, landmarks } = await nystrom(zz(), X, 12, { method, errorRows: 40 });
      const residual = products(features, features).map((v, k) => K[k] - v);
      const trace = Array.from({ length: 150 }, (_, i) => residual[i * 151]).reduce((a, b) => a + b);
      assertClose([error.trace, error.relativeTrace], [trace, trace / 150], 1e-10, 'trace');
      const frobenius = Math.hypot(...residual);
      assert.ok(error.frobeniusStandardError > 0 && error.frobeniusStandardError < 0.3 * frobenius);
      const off = Math.abs(error.frobenius - frobenius) / error.frobeniusStandardError;
      assert.ok(off < 4, `${error.frobenius} +- ${error.frobeniusStandardError}, exact ${frobenius}`);
      assert.ok(frobenius <= trace);
      // Landmarks themselves are represented exactly.
      for (const i of landmarks) for (const j of landmarks) assert.ok(Math.abs(residual[i * 150 + j]) < 1e-10);
    });

    it(`${method}: the same seed, the same landmarks; float32 is near float64`, async () => {
      const choose = async (seed: number) => Array.from((await nystrom(zz(), X, 12, { method, seed })).landmarks);
      assert.deepEqual(await choose(5), await choose(5));
      assert.notDeepEqual(await choose(5), await choose(6));
      const rows = await choose(5);
      const [single, double] = [await nystrom(zz('float32'), X, rows), await nystrom(zz(), X, rows)];
      const difference = Math.abs(single.error.trace - double.error.trace);
      assert.ok(difference < 1e-2, `${single.error.trace}, ${double.error.trace}`);
    });
  }

  it('the estimated error covers the exact one as often as its standard error says', async () => {
    const K = zz().matrix(X).data;
    const rows = Array.from({ length: 12 }, (_, i) => 7 * i);
    let covered = 0;
    for (let seed = 0; seed < 200; seed++) {
      const { features, error } = await nystrom(zz(), X, rows, { seed, errorRows: 40 });
      const exact = Math.hypot(...products(features, features).map((v, k) => K[k] - v));
      if (Math.abs(error.frobenius - exact) < 2 * error.frobeniusStandardError) covered++;
    }
    assert.ok(covered > 170 && covered < 200, `${covered} of 200 within two standard errors`);
  });

  it('pivoted Cholesky chooses in proportion to what is left of the diagonal', async () => {
    // Two groups of equal samples, 45 and 5 of them, and one far sample: the first pivot is of the group by size, and no
    // group is chosen twice.
    const data = Float64Array.from({ length: 51 }, (_, i) => (i < 45 ? 0 : i < 50 ? 20 : 40));
    const kernel = new RbfKernel({ gamma: 1 });
    const first = { large: 0 };
    for (let seed = 0; seed < 400; seed++) {
      const { landmarks, rank } = await nystrom(kernel, { data, shape: [51, 1] }, 5, { method: 'rpcholesky', seed });
      const groups = Array.from(landmarks, (i) => data[i]);
      assert.deepEqual(
        [...groups].sort((a, b) => a - b),
        [0, 20, 40],
      );
      assert.equal(rank, 3);
      if (groups[0] === 0) first.large++;
    }
    // 45 / 51 of 400 is 353, with a standard deviation of 6.5.
    assert.ok(Math.abs(first.large - 353) < 26, String(first.large));
  });

  it('refuses what cannot be meant, and can be aborted', async () => {
    const refused = (m: unknown, options: object, code: string, message: RegExp) =>
      assert.rejects(nystrom(zz(), X, m as number, options), { code: `ERR_QRKD_${code}`, message });
    await refused(0, {}, 'VALUE', /m must be a whole number from 1 to 150/);
    await refused(151, {}, 'VALUE', /m must be a whole number/);
    await refused('5', {}, 'TYPE', /m must be a whole number, got "5"/);
    await refused([1, 1], {}, 'VALUE', /none twice/);
    await refused([150], {}, 'VALUE', /landmark 0 must be a whole number from 0 to 149/);
    await refused(5, { method: 'kmeans' }, 'VALUE', /method must be one of uniform, rpcholesky/);
    await refused(5, { methods: 'uniform' }, 'UNKNOWN_KEY', /did you mean "method"/);
    await assert.rejects(nystrom('zz' as never, X, 5), { code: 'ERR_QRKD_TYPE' });
    await assert.rejects(nystrom(zz(), random(5, 3), 2), { code: 'ERR_QRKD_SHAPE' });
    const reason = new Error('enough');
    await assert.rejects(nystrom(zz(), X, 5, { signal: AbortSignal.abort(reason) }), (error) => error === reason);
  });
});
