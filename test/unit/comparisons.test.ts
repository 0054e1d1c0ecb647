import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compareMethods, formatComparison, formatP, plannedComparisons } from '#dist/study/comparisons.js';
import { parseConfig } from '#dist/study/config.js';
import { ACCURACY } from '#dist/study/measure.js';
import { demoConfig } from '#dist/study/recipe.js';

const kernels = (type: string) => ({ student: { type }, teacher: { type } });
const planned = (methods: Record<string, object>) => plannedComparisons(parseConfig({ methods }, 'test'));

describe('planned comparisons', () => {
  it('of the demo: the kernel term against none, fidelity kernels against the classical control', () => {
    assert.deepEqual(plannedComparisons(parseConfig(demoConfig(false, 3), 'demo')), [
      ['QRKD', 'KD+RKD'],
      ['QRKD', 'RBF control'],
      ['QRKD (angle)', 'KD+RKD'],
      ['QRKD (angle)', 'RBF control'],
      ['RBF control', 'KD+RKD'],
    ]);
  });

  it('finds the method of equal weights first, else the one of the same terms', () => {
    assert.deepEqual(
      planned({
        light: { distance: 1 },
        heavy: { distance: 25 },
        A: { distance: 25, quantum: 100 },
        B: { distance: 3, quantum: 100 },
        C: { kd: 1, quantum: 1 },
        cosine: { distance: 1, quantum: 1, kernels: kernels('cosine') },
      }),
      [
        ['A', 'heavy'],
        ['A', 'cosine'],
        ['B', 'light'],
        ['B', 'cosine'],
        ['C', 'cosine'],
        ['cosine', 'light'],
      ],
    );
  });

  it('without kernels: everything against scratch', () => {
    assert.deepEqual(planned({ Scratch: {}, KD: { kd: 1 }, RKD: { angle: 2 } }), [
      ['KD', 'Scratch'],
      ['RKD', 'Scratch'],
    ]);
    assert.deepEqual(planned({ KD: { kd: 1 } }), []);
  });
});

describe('comparisons', () => {
  const config = parseConfig({ methods: { Scratch: {}, KD: { kd: 1 }, RKD: { angle: 1 } } }, 'test');
  const run = (method: string, seed: number, test: number) => ({ method, seed, train: 1, test });

  it('are paired by seed, in percentage points, with p corrected over all', () => {
    const [kd, rkd] = compareMethods(config, [
      run('KD', 2, 0.93),
      run('Scratch', 0, 0.9),
      run('Scratch', 1, 0.8),
      run('Scratch', 2, 0.91),
      run('KD', 0, 0.91),
      run('KD', 1, 0.84),
      run('RKD', 0, 0.9),
      run('RKD', 1, 0.81),
      run('RKD', 5, 0.1),
    ]);
    assert.deepEqual([kd.method, kd.other, kd.n], ['KD', 'Scratch', 3]);
    // (1, 4, 2): mean 7/3, sample variance 7/3.
    assert.ok(Math.abs(kd.difference.mean - 7 / 3) < 1e-9);
    assert.ok(Math.abs(kd.difference.deviation! ** 2 - 7 / 3) < 1e-9);
    assert.equal(rkd.n, 2, 'seed 5 has no partner');
    assert.ok(kd.p! < rkd.p!);
    assert.equal(kd.pHolm, 2 * kd.p!);
    assert.equal(rkd.pHolm, rkd.p);
  });

  it('read as one line', () => {
    const compared = { method: 'A', other: 'B', n: 10, difference: { mean: 0.5, deviation: 1 }, detectable: 0.996 };
    assert.equal(
      formatComparison({ ...compared, interval: [-0.215, 1.215], p: 0.1483, pHolm: 0.0004 }, ACCURACY),
      'A - B: 0.50 ± 1.00 points, 95 % interval -0.21 to 1.22, p 0.15 (Holm < 0.001), detectable 1.00',
    );
    const one = compareMethods(config, [run('KD', 0, 0.5), run('Scratch', 0, 0.25)]);
    assert.equal(one.map((comparison) => formatComparison(comparison, ACCURACY)).join(), 'KD - Scratch: 25.00 points');
    assert.deepEqual([null, 0.5, 0.05, 0.0123, 0.0001].map(formatP), ['-', '0.50', '0.050', '0.012', '< 0.001']);
  });
});
