import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { type DistillOptions, distill, evaluate, qrkdLoss, ready, tf } from 'qrkd/distill';
import { paperStudent, paperTeacher } from 'qrkd/models';
import seedrandom from 'seedrandom';
import { epochBatches } from '#dist/distill/samples.js';
import { cloudOptions, clouds, denseNetwork, weightsOf, zz } from './training/clouds.js';

for (const engine of ['native', 'tfjs'] as const) {
  describe(`distill, engine ${engine}`, () => {
    before(() => ready());

    const train = clouds(200);

    const options = (change: Partial<DistillOptions> = {}) => cloudOptions({ train, engine, ...change });

    it('trains with every term and reports each of them', async () => {
      const teacher = denseNetwork(6, 1);
      await distill({
        student: teacher,
        train,
        loss: qrkdLoss(),
        epochs: 6,
        batchSize: 16,
        learningRate: 1e-2,
        engine,
      });
      assert.ok(evaluate(teacher, train).accuracy > 0.9);
      const teacherWeights = weightsOf(teacher);
      let steps = 0;
      const result = await distill(options({ teacher, epochs: 5, onStep: () => void steps++ }));
      assert.equal(result.steps, 5 * Math.floor(200 / 16));
      assert.equal(steps, result.steps);
      assert.deepEqual(weightsOf(teacher), teacherWeights, 'the teacher is only read');
      const [first, last] = [result.epochs[0], result.epochs[4]];
      assert.deepEqual(Object.keys(last.terms), ['ce', 'kd', 'distance', 'angle', 'quantum']);
      assert.ok(last.loss < first.loss && last.terms.quantum!.raw < first.terms.quantum!.raw);
      for (const { raw, weighted, gradientNorm } of Object.values(last.terms)) {
        assert.ok([raw, weighted, gradientNorm].every((v) => Number.isFinite(v) && v > 0));
      }
      assert.equal(last.terms.quantum!.weighted / last.terms.quantum!.raw > 29.9, true);
      assert.ok(result.train.accuracy > 0.9 && result.test!.accuracy > 0.9);
      assert.equal(result.test!.samples, 60);
      assert.equal(last.validation!.samples, 30);
      assert.deepEqual(result.validation, last.validation);
    });

    it('gives the same student for the same seed, another one for another seed', async () => {
      const run = async (seed: number) => weightsOf((await distill(options({ seed }))).student as never);
      const first = await run(1);
      assert.deepEqual(await run(1), first);
      assert.notDeepEqual(await run(2), first);
    });

    it("trains the paper's convolutional pair to the same bit twice", async () => {
      const random = seedrandom('images');
      const images = Float32Array.from({ length: 64 * 784 }, () => random());
      const set = { images, labels: Int32Array.from({ length: 64 }, (_, i) => i % 10), shape: [64, 28, 28, 1] };
      const run = async () => {
        const kernels = { student: zz(4), teacher: zz(8) };
        const loss = qrkdLoss({ kd: 1, distance: 1, angle: 2, quantum: 30, kernels });
        const student = paperStudent({ seed: 3 });
        await distill({
          teacher: paperTeacher({ seed: 3 }),
          student,
          train: set,
          loss,
          epochs: 2,
          batchSize: 16,
          engine,
        });
        return weightsOf(student as never);
      };
      assert.deepEqual(await run(), await run());
    });

    it('leaves no tensors behind', async () => {
      const given = options();
      await distill(given);
      const before = tf.memory().numTensors;
      await distill(given);
      assert.equal(tf.memory().numTensors, before);
    });

    it('names term and step where a loss stops being finite', async () => {
      const broken = { ...train, images: train.images.slice().fill(Number.NaN, 0, 1) };
      await assert.rejects(distill(options({ train: broken, teacher: undefined, loss: qrkdLoss() })), {
        name: 'RangeError',
        code: 'ERR_QRKD_NAN_LOSS',
        message: /"ce" is not finite at step \d+ \(epoch 1\)/,
      });
    });

    it('stops on abort with the reason of the signal', async () => {
      const controller = new AbortController();
      const reason = new Error('enough');
      let steps = 0;
      const onStep = () => {
        if (++steps === 5) controller.abort(reason);
      };
      await assert.rejects(distill(options({ signal: controller.signal, onStep })), (error) => error === reason);
      assert.equal(steps, 5);
    });
  });
}

describe('distill', () => {
  before(() => ready());

  it('refuses options that cannot work, and says which', async () => {
    const refused = (change: Partial<DistillOptions>, expected: object) =>
      assert.rejects(distill(cloudOptions(change)), expected);
    await refused({ epoch: 3 } as never, { code: 'ERR_QRKD_UNKNOWN_KEY', message: /"epochs"/ });
    await refused({ epochs: 0 }, { code: 'ERR_QRKD_VALUE', message: /epochs.*got 0/ });
    await refused({ batchSize: 500 }, { code: 'ERR_QRKD_VALUE', message: /batchSize 500.*200/ });
    await refused({ teacher: undefined }, { code: 'ERR_QRKD_TYPE', message: /teacher was not given/ });
    await refused({ loss: {} as never }, { code: 'ERR_QRKD_TYPE', message: /qrkdLoss/ });
    await refused({ featureLayer: 'embedding' }, { code: 'ERR_QRKD_VALUE', message: /no layer named "embedding"/ });
    await refused({ optimizer: 'lbfgs' as never }, { code: 'ERR_QRKD_VALUE', message: /optimizer/ });
    await refused({ train: { ...clouds(200), shape: [100, 2] } }, { code: 'ERR_QRKD_SHAPE', message: /train/ });
    const softmax = denseNetwork(3, 1);
    softmax.add(tf.layers.softmax());
    await refused({ student: softmax }, { code: 'ERR_QRKD_VALUE', message: /softmax.*logits/ });
  });

  it('shuffles: every epoch is another order of the same rows, equal for equal seeds', () => {
    const flat = (seed: number, epoch: number) => epochBatches(40, 8, seed, epoch).flatMap((b) => [...b]);
    assert.deepEqual(
      flat(1, 1).sort((a, b) => a - b),
      Array.from({ length: 40 }, (_, i) => i),
    );
    assert.deepEqual(flat(1, 1), flat(1, 1));
    assert.notDeepEqual(flat(1, 1), flat(1, 2));
    assert.notDeepEqual(flat(1, 1), flat(2, 1));
    assert.equal(epochBatches(41, 8, 0, 1).length, 5);
  });
});
