import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CosineKernel } from 'qrkd';
import { LOSS_PRESETS, lossPreset, qrkdLoss } from 'qrkd/distill';

describe('loss presets', () => {
  const kernels = { student: new CosineKernel(), teacher: new CosineKernel() };

  it('have the weights of their sources', () => {
    const table = {
      'paper-reproduction': [1, 0.25, 0.1, 0.1, 0.1],
      'rkd-classification': [1, 0, 25, 50, 0],
      'official-rkd': [0, 0, 1, 2, 0],
      recommended: [1, 1, 1, 2, 30],
      'recommended-relu': [1, 1, 25, 50, 100],
    } as const;
    assert.deepEqual(LOSS_PRESETS, Object.keys(table));
    for (const preset of LOSS_PRESETS) {
      const { weights, temperature } = qrkdLoss({ preset, kernels });
      assert.deepEqual(Object.values(weights), table[preset]);
      assert.equal(temperature, 4);
      assert.deepEqual(lossPreset(preset), { ...weights, temperature });
    }
  });

  it('are where a loss begins: what is given beside them counts, also 0', () => {
    const loss = qrkdLoss({ preset: 'rkd-classification', kd: 0.5, distance: 0, temperature: 2 });
    assert.deepEqual(loss.weights, { ce: 1, kd: 0.5, distance: 0, angle: 50, quantum: 0 });
    assert.equal(loss.temperature, 2);
    assert.equal(qrkdLoss({ preset: 'official-rkd', ce: undefined }).weights.ce, 0);
    assert.equal(qrkdLoss({ preset: 'official-rkd', ce: 1 }).weights.ce, 1);
    lossPreset('recommended').kd = 7;
    assert.equal(lossPreset('recommended').kd, 1, 'a copy');
  });

  it('need kernels where they have a quantum term, and a name that there is', () => {
    assert.throws(() => qrkdLoss({ preset: 'recommended' }), { code: 'ERR_QRKD_TYPE', message: /kernels/ });
    assert.equal(qrkdLoss({ preset: 'recommended', quantum: 0 }).weights.angle, 2);
    const unknown = {
      code: 'ERR_QRKD_VALUE',
      message: /preset "rkd-clasification" \(did you mean "rkd-classification"\?\)/,
    };
    assert.throws(() => qrkdLoss({ preset: 'rkd-clasification' as never }), unknown);
    assert.throws(() => lossPreset('toString' as never), {
      code: 'ERR_QRKD_VALUE',
      message: /known: paper-reproduction/,
    });
  });
});
