import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type DistillOptions, distill, type EngineName, qrkdLoss, ready } from 'qrkd/distill';
import { cloudOptions, denseNetwork, normalizedNetwork, weightsOf, zz } from './clouds.js';

const RATIOS = { angle: 0.5, quantum: 0.2 };
const loss = (targetRatios: object = RATIOS) =>
  qrkdLoss({ kd: 1, distance: 1, angle: 2, quantum: 30, kernels: { student: zz(3), teacher: zz(4) }, targetRatios });

/** A run, and what it wrote to stderr. */
async function run(change: Partial<DistillOptions> = {}) {
  const { write } = process.stderr;
  let text = '';
  process.stderr.write = (chunk) => {
    text += String(chunk);
    return true;
  };
  try {
    const given = cloudOptions({ loss: loss(), ...change });
    const { epochs } = await distill(given);
    return { epochs: epochs.map(({ seconds: _, ...epoch }) => epoch), weights: weightsOf(given.student), text };
  } finally {
    process.stderr.write = write;
  }
}

describe('target ratios', () => {
  const folder = mkdtempSync(join(tmpdir(), 'qrkd-ratios-'));
  before(() => ready());
  after(() => rmSync(folder, { recursive: true }));

  it('weights follow from the norms of the epoch before, and are what the terms are weighted with', async () => {
    const { epochs, text } = await run();
    assert.match(text, /^qrkd: distill: targetRatios is on; .* was measured to cost accuracy\n$/);
    assert.deepEqual(epochs[0].weights, { ce: 1, kd: 1, hidden: 0, distance: 1, angle: 2, quantum: 30 });
    for (const [e, { weights, terms }] of epochs.entries()) {
      for (const [term, { raw, weighted }] of Object.entries(terms)) {
        const weight = weights![term as keyof typeof terms];
        assert.ok(Math.abs(weighted - weight * raw) < 1e-9 * weight, term);
      }
      if (e === 0) continue;
      const { terms: last } = epochs[e - 1];
      const wanted = (term: 'angle' | 'quantum') => (RATIOS[term] * last.ce!.gradientNorm) / last[term]!.gradientNorm;
      const others = { ce: 1, kd: 1, hidden: 0, distance: 1 };
      assert.deepEqual(weights, { ...others, angle: wanted('angle'), quantum: wanted('quantum') });
    }
    assert.notEqual(epochs[1].weights!.quantum, epochs[2].weights!.quantum);
  });

  it('both engines alike', async () => {
    const [native, tfjs] = [await run({ engine: 'native' }), await run({ engine: 'tfjs' })];
    native.epochs.forEach((epoch, e) => {
      const other = tfjs.epochs[e];
      assert.ok(Math.abs(epoch.loss / other.loss - 1) < 1e-3);
      for (const term of ['angle', 'quantum'] as const) {
        assert.ok(Math.abs(epoch.weights![term] / other.weights![term] - 1) < 5e-3, term);
      }
    });
    native.weights.flat().forEach((weight, k) => {
      assert.ok(Math.abs(weight - tfjs.weights.flat()[k]) < 2e-3);
    });
  });

  for (const engine of ['native', 'tfjs'] as EngineName[]) {
    it(`${engine}: a run that goes on ends in the same student, to the bit`, async () => {
      const make = () => ({ engine, student: (engine === 'tfjs' ? denseNetwork : normalizedNetwork)(3, 2) });
      const whole = await run(make());
      const checkpoint = { path: join(folder, `${engine}.json`) };
      const controller = new AbortController();
      const onEpoch = ({ epoch }: { epoch: number }) => {
        if (epoch === 2) controller.abort(new Error('stopped'));
      };
      await assert.rejects(run({ ...make(), checkpoint, signal: controller.signal, onEpoch }), /stopped/);
      assert.deepEqual(await run({ ...make(), checkpoint }), whole);
      await assert.rejects(run({ ...make(), checkpoint, loss: loss({ angle: 0.5 }) }), /another run: loss differs/);
    });
  }

  it('off by default; refused where they have nothing to work on', async () => {
    const { epochs, text } = await run({ loss: qrkdLoss({ kd: 1 }), epochs: 1 });
    assert.deepEqual([epochs[0].weights, text], [undefined, '']);
    assert.throws(
      () => qrkdLoss({ kd: 1, targetRatios: { kd: 0 } }),
      /targetRatios\.kd must be a number above 0, got 0/,
    );
    assert.throws(() => qrkdLoss({ kd: 1, targetRatios: { angle: 1 } }), /the weight of angle is 0/);
    assert.throws(() => qrkdLoss({ ce: 0, kd: 1, targetRatios: { kd: 1 } }), /the weight of ce is 0/);
    assert.throws(() => qrkdLoss({ kd: 1, targetRatios: { ce: 1 } as never }), /unknown key "ce"/);
  });
});
