import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { type DistillOptions, type DistillResult, distill, type EpochMetrics, evaluate, ready, tf } from 'qrkd/distill';
import seedrandom from 'seedrandom';
import { bestEpoch, isOutOfPatience } from '#dist/distill/selection.js';
import { cloudOptions, clouds, denseNetwork, weightsOf } from './clouds.js';

const epochsOf = (values: number[], monitor: 'accuracy' | 'crossEntropy') =>
  values.map(
    (value) => ({ validation: { accuracy: 0, crossEntropy: 0, [monitor]: value } }) as unknown as EpochMetrics,
  );

/** The epoch after which the early stopping of tf.LayersModel.fit ends a run with these values; all if it does not. */
async function stopOfTfjs(
  model: LayersModel,
  values: number[],
  rule: { monitor: string; patience: number; minDelta: number; mode: 'min' | 'max' },
): Promise<number> {
  const callback = tf.callbacks.earlyStopping(rule);
  model.stopTraining = false;
  callback.setModel(model);
  await callback.onTrainBegin();
  let epoch = 0;
  while (epoch < values.length && !model.stopTraining) {
    await callback.onEpochEnd(epoch, { [rule.monitor]: values[epoch] });
    epoch++;
  }
  return epoch;
}

describe('01 when a run stops, and which epoch is best', () => {
  before(() => ready());

  it("is tfjs's rule for early stopping, on 300 random curves", async () => {
    const random = seedrandom('curves');
    const { log } = console;
    console.log = () => undefined; // The callback of tfjs announces its stops.
    const stops = new Set<number>();
    const model = denseNetwork(1, 1);
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
    try {
      for (let k = 0; k < 300; k++) {
        const monitor = k % 2 ? 'accuracy' : 'crossEntropy';
        // Few different values: ties are common.
        const values = Array.from({ length: 20 }, (_, e) => Math.round(10 * random() + (k % 2 ? e : -e) / 4) / 20);
        const [patience, minimumDelta] = [1 + (k % 5), k % 3 ? 0 : 0.07];
        const mode = monitor === 'accuracy' ? 'max' : 'min';
        const expected = await stopOfTfjs(model, values, { monitor, patience, minDelta: minimumDelta, mode });
        const rule = { patience, minimumDelta } as const;
        const ours = values.findIndex((_, e) =>
          isOutOfPatience(epochsOf(values.slice(0, e + 1), monitor), rule, monitor),
        );
        assert.equal(ours === -1 ? values.length : ours + 1, expected, `${values} ${JSON.stringify(rule)}`);
        stops.add(expected);
      }
    } finally {
      console.log = log;
    }
    assert.ok(stops.size > 10, 'curves of all kinds');
  });

  it('best: the highest accuracy or the lowest cross-entropy, the earlier of equals, never one that is no number', () => {
    assert.equal(bestEpoch(epochsOf([0.1, 0.7, 0.5, 0.7], 'accuracy'), 'accuracy'), 2);
    assert.equal(bestEpoch(epochsOf([0.9, 0.4, 0.4, 0.5], 'crossEntropy'), 'crossEntropy'), 2);
    assert.equal(bestEpoch(epochsOf([Number.NaN, 3, Number.POSITIVE_INFINITY], 'crossEntropy'), 'crossEntropy'), 2);
    assert.equal(bestEpoch(epochsOf([Number.NaN], 'crossEntropy'), 'crossEntropy'), 1);
  });
});

for (const engine of ['native', 'tfjs'] as const) {
  describe(`02 early stopping and the best epoch, engine ${engine}`, () => {
    let folder: string;
    before(async () => {
      await ready();
      folder = mkdtempSync(join(tmpdir(), 'qrkd-selection-'));
    });
    after(() => rmSync(folder, { recursive: true }));

    // A learning rate so large that epochs get worse, too.
    const options = (change: Partial<DistillOptions> = {}) =>
      cloudOptions({ student: denseNetwork(3, 2), engine, epochs: 9, learningRate: 0.15, batchSize: 40, ...change });
    const outcome = ({ student, epochs, ...result }: DistillResult) => ({
      ...result,
      stepMilliseconds: 0,
      weights: weightsOf(student),
      epochs: epochs.map(({ seconds: _, ...epoch }) => epoch),
    });

    it('the best epoch is put back, to the bit, and evaluated', async () => {
      const seen: number[][][] = [];
      const student = denseNetwork(3, 2);
      const onEpoch = () => void seen.push(weightsOf(student));
      const result = await distill(options({ student, keep: 'best', onEpoch }));
      const accuracies = result.epochs.map(({ validation }) => validation!.accuracy);
      assert.equal(result.keptEpoch, 1 + accuracies.indexOf(Math.max(...accuracies)));
      assert.ok(result.keptEpoch < 9, 'another one than the last, or this test shows nothing');
      assert.deepEqual(weightsOf(student), seen[result.keptEpoch - 1]);
      assert.notDeepEqual(seen[8], seen[result.keptEpoch - 1]);
      assert.deepEqual(result.validation, result.epochs[result.keptEpoch - 1].validation);
      const close = (a: number, b: number) => assert.ok(Math.abs(a - b) < 1e-5, `${a} and ${b}`);
      close(result.test!.crossEntropy, evaluate(student, clouds(60, 'test')).crossEntropy);
      close(result.train.crossEntropy, evaluate(student, clouds(200)).crossEntropy);
      assert.deepEqual([result.stopped, result.steps], ['epochs', 45]);
      const last = await distill(options());
      assert.deepEqual([last.keptEpoch, weightsOf(last.student)], [9, seen[8]]);
    });

    it('stops early, resumed as well: same student, same metrics, same reason', async () => {
      const make = (change = {}) =>
        options({ epochs: 40, earlyStopping: { patience: 2, monitor: 'crossEntropy' }, keep: 'best', ...change });
      const whole = await distill(make());
      assert.equal(whole.stopped, 'patience');
      assert.ok(whole.epochs.length < 40 && whole.steps === 5 * whole.epochs.length);
      assert.equal(whole.keptEpoch, whole.epochs.length - 2);
      // Before the best epoch, and behind it (the slower engine behind it only).
      for (const stopAt of engine === 'native' ? [1, whole.keptEpoch + 1] : [whole.keptEpoch + 1]) {
        const checkpoint = { path: join(folder, `${engine} ${stopAt}.json`) };
        const controller = new AbortController();
        const onEpoch = ({ epoch }: { epoch: number }) => epoch === stopAt && controller.abort(new Error('stopped'));
        await assert.rejects(distill(make({ checkpoint, signal: controller.signal, onEpoch })), /stopped/);
        assert.deepEqual(outcome(await distill(make({ checkpoint }))), outcome(whole));
        assert.equal(JSON.parse(readFileSync(checkpoint.path, 'utf8')).epoch, whole.epochs.length);
        const again = await distill(make({ checkpoint, onEpoch: () => assert.fail('an epoch was run') }));
        assert.deepEqual(outcome(again), outcome(whole));
        await assert.rejects(distill(make({ checkpoint, keep: 'last' })), /keep differs \("best" there, "last" here\)/);
        await assert.rejects(distill(make({ checkpoint, earlyStopping: { patience: 3 } })), /earlyStopping differs/);
        await assert.rejects(distill(make({ checkpoint, validation: clouds(30, 'others') })), /validation differs/);
      }
    });
  });
}

describe('03 options of selection', () => {
  before(() => ready());

  it('that cannot work are refused', async () => {
    const refused = (change: object, message: RegExp) =>
      assert.rejects(distill(cloudOptions(change)), (error: Error & { code: string }) => {
        assert.match(error.message, message);
        return error.code.startsWith('ERR_QRKD');
      });
    await refused({ keep: 'first' }, /keep must be last or best, got "first"/);
    await refused({ keep: 'best', validation: undefined }, /keep: 'best' needs a validation part/);
    await refused({ earlyStopping: { patience: 1 }, validation: undefined }, /earlyStopping needs a validation part/);
    await refused({ earlyStopping: {} }, /earlyStopping\.patience must be a whole number .* got undefined/);
    await refused({ earlyStopping: { patience: 1.5 } }, /patience .* got 1\.5/);
    await refused({ earlyStopping: { patience: 2, minimumDelta: -1 } }, /minimumDelta .* got -1/);
    await refused({ earlyStopping: { patience: 2, monitor: 'loss' } }, /monitor must be accuracy or crossEntropy/);
    await refused({ earlyStopping: { patience: 2, minDelta: 1 } }, /unknown key "minDelta".*minimumDelta/);
    await refused({ earlyStopping: 3 }, /earlyStopping: the options must be an object, got 3/);
  });
});
