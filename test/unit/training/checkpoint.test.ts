import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { augmentation } from 'qrkd/data';
import { type DistillOptions, type DistillResult, distill, ready, tf } from 'qrkd/distill';
import { cloudOptions, clouds, denseNetwork, normalizedNetwork, weightsOf } from './clouds.js';

describe('01 checkpoints', () => {
  let folder: string;
  before(async () => {
    await ready();
    folder = mkdtempSync(join(tmpdir(), 'qrkd-checkpoint-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  const outcome = ({ student, epochs, steps, train, test }: DistillResult) => ({
    weights: weightsOf(student),
    epochs: epochs.map(({ seconds: _, ...epoch }) => epoch),
    steps,
    train,
    test,
  });

  /** A run that is stopped after `epoch`, and the one that goes on from there with a student made anew. */
  async function interrupted(make: () => DistillOptions, path: string, epoch: number): Promise<DistillResult> {
    const controller = new AbortController();
    const stop = (metrics: { epoch: number }) => {
      if (metrics.epoch === epoch) controller.abort(new Error('stopped'));
    };
    const checkpoint = { path };
    await assert.rejects(distill({ ...make(), checkpoint, signal: controller.signal, onEpoch: stop }), /stopped/);
    return distill({ ...make(), checkpoint });
  }

  for (const [name, change] of Object.entries({
    'native, adam': {},
    'native, momentum, float64': { optimizer: { name: 'momentum', schedule: 'cosine' }, precision: 'float64' },
    'native, augmented': { augment: (images: Float32Array) => images.map((value) => 0.9 * value) },
    'tfjs, adam': { engine: 'tfjs' },
  } as Record<string, Partial<DistillOptions>>)) {
    it(`${name}: a run that goes on ends in the same student, to the bit`, async () => {
      const network = change.engine === 'tfjs' ? denseNetwork : normalizedNetwork;
      const make = () => cloudOptions({ student: network(3, 2), epochs: 3, ...change });
      const whole = await distill(make());
      const resumed = await interrupted(make, join(folder, `${name}.json`), 1);
      assert.deepEqual(outcome(resumed), outcome(whole));
    });
  }

  it('a finished run is not run again; every few epochs and the last one are written, whole', async () => {
    const path = join(folder, 'new folder', 'run.json');
    const written: number[] = [];
    const make = () => cloudOptions({ epochs: 5, checkpoint: { path, everyEpochs: 2 } });
    const saved = () => JSON.parse(readFileSync(path, 'utf8')).epoch as number;
    const first = await distill({ ...make(), onEpoch: ({ epoch }) => epoch > 1 && written.push(saved()) });
    assert.deepEqual(written, [2, 2, 4, 5]);
    assert.deepEqual(readdirSync(join(folder, 'new folder')), ['run.json'], 'nothing temporary is left');
    const again = await distill({ ...make(), onEpoch: () => assert.fail('an epoch was run') });
    assert.deepEqual(outcome(again), outcome(first));
    assert.equal(again.stepMilliseconds, 0);
  });

  it('a checkpoint of another run, or no checkpoint, is refused with one line', async () => {
    const path = join(folder, 'other.json');
    const given = (change: Partial<DistillOptions> = {}) =>
      cloudOptions({ epochs: 1, checkpoint: { path }, ...change });
    await distill(given());
    const refused = (change: Partial<DistillOptions>, message: RegExp) =>
      assert.rejects(distill(given(change)), { code: 'ERR_QRKD_VALUE', message });
    await refused(
      { batchSize: 20 },
      /other\.json is of another run: batchSize differs \(16 there, 20 here\); remove it/,
    );
    await refused({ seed: 2 }, /seed differs/);
    await refused({ learningRate: 1 }, /optimizer differs/);
    await refused({ engine: 'tfjs' }, /engine differs \("native" there, "tfjs" here\)/);
    await refused({ student: normalizedNetwork(3, 2) }, /model differs/);
    await refused({ teacher: denseNetwork(6, 9) }, /teacher differs/);
    await refused({ train: clouds(200, 'others') }, /train differs/);
    await refused({ augment: () => undefined }, /augment differs \(false there, true here\)/);
    const flipped = augmentation({ flip: true }, [1, 2, 1], 3);
    await refused({ augment: flipped }, /augment differs \(false there, {"flip":true,"seed":3} here\)/);
    await assert.rejects(
      distill(given({ optimizer: tf.train.adam(), engine: 'tfjs' })),
      /checkpoint needs an optimizer given by/,
    );
    await assert.rejects(distill(given({ checkpoint: { path: '' } })), { code: 'ERR_QRKD_TYPE' });
    await assert.rejects(distill(given({ checkpoint: { path, everyEpochs: 0 } })), { code: 'ERR_QRKD_VALUE' });
    for (const text of ['{"weights":', '{"format":"other"}', 'null']) {
      writeFileSync(path, text);
      await assert.rejects(distill(given()), { code: 'ERR_QRKD_FORMAT', message: /other\.json/ });
    }
  });
});
