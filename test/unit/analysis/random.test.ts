// The counter-based generator, the binomial sampler and finite shots.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FidelityKernel, featureMap, sampleShots } from 'qrkd';
import { binomial, CounterStream } from '#dist/analysis/binomial.js';
import { philox4x32 } from '#dist/analysis/philox.js';
import { measureBlock } from '#dist/analysis/shots.js';
import { readFixture } from '../../golden/fixtures.js';
import { assertRefused, randomMatrices } from '../../matrices.js';

const fixture = readFixture<{
  philox: { counter: number[]; key: number[]; words: number[] }[];
  binomial: {
    n: number;
    p: number;
    draws: number;
    lastOutcomes: number[];
    probabilities: number[];
    limit: number;
  }[];
}>('analysis.json');

it('Philox4x32-10 gives the known answers of Random123 and the blocks of randomgen', () => {
  const out = new Uint32Array(4);
  for (const { counter: c, key: k, words } of fixture.philox) {
    philox4x32(c[0]!, c[1]!, c[2]!, c[3]!, k[0]!, k[1]!, out);
    assert.deepEqual(Array.from(out), words);
  }
  assert.ok(fixture.philox.length > 20);
});

describe('binomial sampler', () => {
  for (const { n, p, draws, lastOutcomes, probabilities, limit } of fixture.binomial) {
    it(`n = ${n}, p = ${p}: chi-square against SciPy's probabilities`, () => {
      const random = new CounterStream(1);
      const counts = new Float64Array(probabilities.length);
      for (let i = 0; i < draws; i++) {
        random.seek(i, 7, 0);
        const k = binomial(random, n, p);
        assert.ok(Number.isInteger(k) && k >= 0 && k <= n);
        const bin = lastOutcomes.findIndex((last) => k <= last);
        counts[bin < 0 ? counts.length - 1 : bin]!++;
      }
      const chiSquare = probabilities.reduce((sum, q, b) => sum + (counts[b]! - q * draws) ** 2 / (q * draws), 0);
      assert.ok(chiSquare < limit, `chi-square ${chiSquare}, limit ${limit} for ${probabilities.length} bins`);
    });
  }
  it('has no doubt where there is none', () => {
    const random = new CounterStream(0);
    assert.equal(binomial(random, 1000, 0), 0);
    assert.equal(binomial(random, 1000, -1e-9), 0);
    assert.equal(binomial(random, 1000, 1), 1000);
    assert.equal(binomial(random, 1000, 1 + 1e-9), 1000);
  });
});

describe('sampleShots', () => {
  const random = randomMatrices('shots');
  const kernel = new FidelityKernel(featureMap({ type: 'zz', features: 3, bandwidth: 0.3 }));
  const X = random(40, 3);
  const K = kernel.matrix(X);
  const n = 40;

  it('is a matrix of frequencies, symmetric, with an exact diagonal, and leaves K alone', () => {
    const before = K.data.slice();
    const { data, shape } = sampleShots(K, { shots: 100, seed: 5 });
    assert.deepEqual(K.data, before);
    assert.deepEqual(shape, [n, n]);
    for (let i = 0; i < n; i++) {
      assert.ok(Math.abs(data[i * n + i]! - 1) < 1e-12);
      for (let j = 0; j < n; j++) {
        const counts = 100 * data[i * n + j]!;
        assert.ok(Math.abs(counts - Math.round(counts)) < 1e-9);
        assert.equal(data[i * n + j], data[j * n + i]);
      }
    }
  });

  it('repeats itself for a seed and changes with it', () => {
    const first = sampleShots(K, { shots: 50, seed: 1 });
    assert.deepEqual(sampleShots(K, { shots: 50, seed: 1 }), first);
    for (const seed of [0, 2, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER]) {
      assert.notDeepEqual(sampleShots(K, { shots: 50, seed }).data, first.data, `seed ${seed}`);
    }
    assert.deepEqual(sampleShots(K, { shots: 50 }), sampleShots(K, { shots: 50, seed: 0 }));
  });

  it('gives the same numbers block by block as for the whole', () => {
    for (const cross of [false, true]) {
      const whole = sampleShots(K, { shots: 200, seed: 9, cross });
      for (const [row, column, rows, columns] of [
        [0, 0, 7, 11],
        [7, 0, 13, 11],
        [20, 30, 20, 10],
        [0, 0, 7, 7],
      ] as const) {
        const block = new Float64Array(rows * columns);
        for (let i = 0; i < rows; i++) {
          for (let j = 0; j < columns; j++) block[i * columns + j] = K.data[(row + i) * n + column + j]!;
        }
        measureBlock(block, columns, { row, column, gram: !cross }, 200, 9);
        for (let i = 0; i < rows; i++) {
          for (let j = 0; j < columns; j++) {
            assert.equal(block[i * columns + j], whole.data[(row + i) * n + column + j]);
          }
        }
      }
    }
  });

  it('measures every entry of a cross matrix by itself', () => {
    const { data } = sampleShots(K, { shots: 100, cross: true });
    let different = 0;
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) if (data[i * n + j] !== data[j * n + i]) different++;
    assert.ok(different > (n * n) / 4);
  });

  it('has the mean and the variance of the binomial distribution', () => {
    const [shots, repeats] = [64, 400];
    let square = 0;
    let bias = 0;
    let expected = 0;
    for (let seed = 0; seed < repeats; seed++) {
      const { data } = sampleShots(K, { shots, seed });
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < i; j++) {
          const k = K.data[i * n + j]!;
          bias += data[i * n + j]! - k;
          square += (data[i * n + j]! - k) ** 2;
          expected += (k * (1 - k)) / shots;
        }
      }
    }
    assert.ok(Math.abs(bias) < 4 * Math.sqrt(expected), `sum of deviations ${bias}`);
    assert.ok(Math.abs(square / expected - 1) < 0.01, `variance ${square / expected} of what is expected`);
  });

  it('keeps float32', () => {
    const single = new FidelityKernel(featureMap({ type: 'zz', features: 3, bandwidth: 0.3 }), {
      precision: 'float32',
    });
    assert.ok(sampleShots(single.matrix(X), { shots: 10 }).data instanceof Float32Array);
  });

  it('refuses what it cannot use', () => {
    const options = { shots: 10 };
    assertRefused(() => sampleShots(K, { shots: 0 }), 'RangeError', 'VALUE', 'shots', 'got 0');
    assertRefused(() => sampleShots(K, { shots: 1.5 }), 'RangeError', 'VALUE', 'shots');
    assertRefused(() => sampleShots(K, {} as never), 'TypeError', 'TYPE', 'shots', 'undefined');
    assertRefused(() => sampleShots(K, { shots: 10, seed: -1 }), 'RangeError', 'VALUE', 'seed');
    assertRefused(() => sampleShots(K, { shots: 10, sed: 1 } as never), 'TypeError', 'UNKNOWN_KEY', '"seed"');
    assertRefused(() => sampleShots(random(3, 2), options), 'RangeError', 'SHAPE', '[3,2]', 'square');
    assertRefused(() => sampleShots(random(3, 3), options), 'RangeError', 'VALUE', 'symmetric', 'row 1, column 0');
  });
});
