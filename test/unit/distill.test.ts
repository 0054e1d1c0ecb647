import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { FidelityKernel, featureMap } from 'qrkd';
import { type DistillOptions, distill, evaluate, qrkdLoss, ready, type SampleSet, tf } from 'qrkd/distill';
import { paperStudent, paperTeacher } from 'qrkd/models';
import seedrandom from 'seedrandom';
import { epochBatches } from '#dist/distill/samples.js';

/** Three clouds of points in the plane: easily told apart, but not by the first step. */
function clouds(n: number, seed = 'clouds'): SampleSet {
  const random = seedrandom(seed);
  const labels = Int32Array.from({ length: n }, (_, i) => i % 3);
  const images = new Float32Array(2 * n);
  labels.forEach((label, i) => {
    images[2 * i] = Math.cos(2 * label) + random() - 0.5;
    images[2 * i + 1] = Math.sin(2 * label) + random() - 0.5;
  });
  return { images, labels, shape: [n, 2] };
}

function network(width: number, seed: number) {
  const kernel = (offset: number) => tf.initializers.glorotUniform({ seed: seed + offset });
  return tf.sequential({
    layers: [
      tf.layers.dense({ inputShape: [2], units: 16, activation: 'relu', kernelInitializer: kernel(1) }),
      tf.layers.dense({ units: width, name: 'features', kernelInitializer: kernel(2) }),
      tf.layers.dense({ units: 3, kernelInitializer: kernel(3) }),
    ],
  });
}

const zz = (features: number) =>
  new FidelityKernel(featureMap({ type: 'zz', features, reps: 1, bandwidth: 0.1 }), { precision: 'float32' });

const fullLoss = () =>
  qrkdLoss({ ce: 1, kd: 1, distance: 1, angle: 2, quantum: 30, kernels: { student: zz(3), teacher: zz(4) } });

const weightsOf = (model: ReturnType<typeof network>) => model.getWeights().map((w) => [...w.dataSync()]);

describe('distill', () => {
  before(() => ready());

  const train = clouds(200);

  function options(change: Partial<DistillOptions> = {}): DistillOptions {
    return {
      teacher: network(6, 1),
      student: network(3, 2),
      train,
      test: clouds(60, 'test'),
      validation: clouds(30, 'validation'),
      loss: fullLoss(),
      epochs: 3,
      batchSize: 16,
      learningRate: 1e-2,
      seed: 1,
      ...change,
    };
  }

  it('trains with every term and reports each of them', async () => {
    const teacher = network(6, 1);
    await distill({ student: teacher, train, loss: qrkdLoss(), epochs: 6, batchSize: 16, learningRate: 1e-2 });
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
      await distill({ teacher: paperTeacher({ seed: 3 }), student, train: set, loss, epochs: 2, batchSize: 16 });
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

  it('refuses options that cannot work, and says which', async () => {
    const refused = (change: Partial<DistillOptions>, expected: object) =>
      assert.rejects(distill(options(change)), expected);
    await refused({ epoch: 3 } as never, { code: 'ERR_QRKD_UNKNOWN_KEY', message: /"epochs"/ });
    await refused({ epochs: 0 }, { code: 'ERR_QRKD_VALUE', message: /epochs.*got 0/ });
    await refused({ batchSize: 500 }, { code: 'ERR_QRKD_VALUE', message: /batchSize 500.*200/ });
    await refused({ teacher: undefined }, { code: 'ERR_QRKD_TYPE', message: /teacher was not given/ });
    await refused({ loss: {} as never }, { code: 'ERR_QRKD_TYPE', message: /qrkdLoss/ });
    await refused({ featureLayer: 'embedding' }, { code: 'ERR_QRKD_VALUE', message: /no layer named "embedding"/ });
    await refused({ optimizer: 'lbfgs' as never }, { code: 'ERR_QRKD_VALUE', message: /optimizer/ });
    await refused({ train: { ...train, shape: [100, 2] } }, { code: 'ERR_QRKD_SHAPE', message: /train/ });
    const softmax = network(3, 1);
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
