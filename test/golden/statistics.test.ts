import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { holm, pairedComparison } from '#dist/study/statistics.js';
import { readFixture } from './fixtures.js';

interface Fixture {
  comparisons: {
    a: number[];
    b: number[];
    level: number;
    mean: number;
    deviation: number;
    interval: [number, number];
    p: number;
    detectable: number;
  }[];
  families: { p: number[]; holm: number[] }[];
}

// Of SciPy and statsmodels: test/fixtures/make_statistics.py.
const fixture = readFixture<Fixture>('statistics.json');

function near(actual: number | null, expected: number, tolerance: number, what: string): void {
  assert.ok(
    actual !== null && Math.abs(actual - expected) <= tolerance * Math.abs(expected),
    `${what}: ${actual}, expected ${expected}`,
  );
}

describe('statistics', () => {
  it("paired comparisons are SciPy's", () => {
    assert.equal(fixture.comparisons.length, 28);
    for (const { a, b, level, ...expected } of fixture.comparisons) {
      const { n, difference, interval, p, detectable } = pairedComparison(a, b, level);
      const name = `${n} pairs at ${level}`;
      assert.equal(n, a.length);
      near(difference.mean, expected.mean, 1e-11, `${name}, mean`);
      near(difference.deviation, expected.deviation, 1e-11, `${name}, deviation`);
      near(p, expected.p, 1e-7, `${name}, p`);
      const width = expected.interval[1] - expected.interval[0];
      interval!.forEach((bound, i) => {
        assert.ok(Math.abs(bound - expected.interval[i]) < 1e-7 * width, `${name}, interval ${interval}`);
      });
      near(detectable, expected.detectable, 1e-6, `${name}, detectable`);
    }
  });

  it("Holm's correction is statsmodels'; what was not tested does not count", () => {
    for (const { p, holm: expected } of fixture.families) {
      for (const [i, corrected] of holm(p).entries()) near(corrected, expected[i], 1e-12, `p ${p[i]}`);
      const [first, ...rest] = holm([null, ...p]);
      assert.equal(first, null);
      assert.deepEqual(rest, holm(p));
    }
    assert.deepEqual(holm([]), []);
  });

  it('swapping the sides turns the sign alone', () => {
    const { a, b, level } = fixture.comparisons[8];
    const [one, other] = [pairedComparison(a, b, level), pairedComparison(b, a, level)];
    assert.equal(other.difference.mean, -one.difference.mean);
    assert.equal(other.p, one.p);
    assert.equal(other.detectable, one.detectable);
    assert.deepEqual(other.interval, [-one.interval![1], -one.interval![0]]);
  });

  it('says nothing where nothing can be tested', () => {
    assert.deepEqual(pairedComparison([5], [3]), {
      n: 1,
      difference: { mean: 2, deviation: null },
      interval: null,
      p: null,
      detectable: null,
    });
    // 0.3 - 0.2 and 0.2 - 0.1 differ in their last bits.
    const { interval, p, detectable } = pairedComparison([0.3, 0.2, 0.9], [0.2, 0.1, 0.8]);
    assert.deepEqual([interval, p, detectable], [null, null, null]);
  });

  it('refuses unequal lengths and levels that are none', () => {
    assert.throws(() => pairedComparison([1, 2], [1]), { code: 'ERR_QRKD_SHAPE', message: /a has 2 values and b 1/ });
    assert.throws(() => pairedComparison([], []), { code: 'ERR_QRKD_SHAPE' });
    assert.throws(() => pairedComparison([1], [1], 95), { code: 'ERR_QRKD_VALUE', message: /level is 95/ });
  });
});
