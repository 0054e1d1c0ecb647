import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { CosineKernel, FidelityKernel, featureMap } from 'qrkd';
import {
  type DistillOptions,
  distill,
  evaluate,
  kdLoss,
  qrkdLoss,
  ready,
  type SampleSet,
  tf,
  train,
} from 'qrkd/distill';
import { paperStudent, paperTeacher } from 'qrkd/models';
import seedrandom from 'seedrandom';
import { cloudOptions, clouds, denseNetwork, fullLoss, normalizedNetwork, turn, weightsOf, zz } from './clouds.js';

/** What a run wrote to stderr. */
async function stderrOf(body: () => Promise<unknown>): Promise<string> {
  const { write } = process.stderr;
  let text = '';
  process.stderr.write = (chunk: string | Uint8Array) => {
    text += String(chunk);
    return true;
  };
  try {
    await body();
  } finally {
    process.stderr.write = write;
  }
  return text;
}

function close(a: number, b: number, tolerance: number, what: string): void {
  assert.ok(Math.abs(a - b) <= tolerance * Math.max(1e-6, Math.abs(a), Math.abs(b)), `${what}: ${a} and ${b}`);
}

/** 64 noise images for the paper's pair. */
function noise(): SampleSet {
  const random = seedrandom('images');
  const images = Float32Array.from({ length: 64 * 784 }, () => random());
  return { images, labels: Int32Array.from({ length: 64 }, (_, i) => i % 10), shape: [64, 28, 28, 1] };
}

describe('01 both engines', () => {
  before(() => ready());

  const both = async (make: () => DistillOptions) => {
    const native = await distill({ ...make(), engine: 'native' });
    const tfjs = await distill({ ...make(), engine: 'tfjs' });
    assert.deepEqual([native.engine, tfjs.engine], ['native', 'tfjs']);
    return { native, tfjs };
  };

  for (const [name, optimizer] of Object.entries({
    adam: 'adam',
    'sgd with momentum, cosine schedule and clipping': {
      name: 'momentum',
      learningRate: 0.01,
      schedule: { type: 'cosine', warmup: 0.2 },
      clipNorm: 1,
      weightDecay: 0.01,
    },
  } as const)) {
    it(`the same training curve with ${name}`, async () => {
      const { native, tfjs } = await both(() => cloudOptions({ optimizer }));
      assert.equal(native.steps, tfjs.steps);
      native.epochs.forEach((epoch, e) => {
        const other = tfjs.epochs[e];
        close(epoch.loss, other.loss, 1e-3, `loss of epoch ${e + 1}`);
        assert.deepEqual(Object.keys(epoch.terms), Object.keys(other.terms));
        for (const term of ['ce', 'kd', 'distance', 'angle', 'quantum'] as const) {
          const [a, b] = [epoch.terms[term]!, other.terms[term]!];
          close(a.raw, b.raw, 2e-3, term);
          close(a.weighted, b.weighted, 2e-3, term);
          close(a.gradientNorm, b.gradientNorm, 2e-3, term);
        }
        close(epoch.runningAccuracy, other.runningAccuracy, 0.02, 'running accuracy');
        assert.equal(epoch.validation!.correct, other.validation!.correct);
      });
      weightsOf(native.student).forEach((weight, w) => {
        const reference = weightsOf(tfjs.student)[w];
        assert.ok(weight.every((value, k) => Math.abs(value - reference[k]) < 2e-3));
      });
      close(native.test!.crossEntropy, tfjs.test!.crossEntropy, 2e-3, 'test');
    });
  }

  it("the paper's convolutional pair, every term", async () => {
    const images = noise();
    const { native, tfjs } = await both(() => ({
      teacher: paperTeacher({ seed: 3 }),
      student: paperStudent({ seed: 3 }),
      train: images,
      loss: qrkdLoss({ kd: 1, distance: 1, angle: 2, quantum: 30, kernels: { student: zz(4), teacher: zz(8) } }),
      epochs: 2,
      batchSize: 16,
    }));
    for (const [e, { loss }] of native.epochs.entries()) close(loss, tfjs.epochs[e].loss, 1e-3, 'loss');
  });

  it('moving averages of batch normalisation come out alike', async () => {
    const run = async (engine: 'native' | 'tfjs') => {
      const made = normalizedNetwork(3, 4, 0);
      // Not adam: a bias before a normalisation has a gradient of rounding errors, which adam would scale up.
      await train({
        model: made,
        train: clouds(96),
        epochs: 2,
        batchSize: 32,
        optimizer: 'sgd',
        learningRate: 0.1,
        engine,
      });
      return weightsOf(made).flat();
    };
    const [native, tfjs] = [await run('native'), await run('tfjs')];
    for (const [k, value] of native.entries()) assert.ok(Math.abs(value - tfjs[k]) < 1e-3, `${value} and ${tfjs[k]}`);
  });

  it('an error names term, step and epoch, and leaves the weights of the step before', async () => {
    const { images, ...set } = clouds(96);
    // One row is not a number: the shuffle decides in which step it comes.
    const broken = { ...set, images: images.slice().fill(Number.NaN, 100, 101) };
    const messages = [];
    for (const engine of ['native', 'tfjs'] as const) {
      const model = denseNetwork(3, 5);
      const error = await train({ model, train: broken, batchSize: 16, engine }).then(
        () => assert.fail('did not reject'),
        (reason: Error & { code: string }) => reason,
      );
      assert.equal(error.code, 'ERR_QRKD_NAN_LOSS');
      assert.ok(weightsOf(model).flat().every(Number.isFinite));
      messages.push(error.message);
    }
    assert.match(messages[0], /^train: the loss term "ce" is not finite at step \d+ \(epoch 1\)/);
    assert.equal(messages[0], messages[1]);
  });

  it('rows that an amplitude map cannot encode are counted alike', async () => {
    const amplitude = (features: number) => new FidelityKernel(featureMap({ type: 'amplitude', features }));
    const { native, tfjs } = await both(() => {
      const student = denseNetwork(2, 3);
      student.layers[1].setWeights([tf.zeros([16, 2]), tf.zeros([2])]); // no gradient reaches the features: they stay zero
      return {
        ...cloudOptions({ student, epochs: 1 }),
        teacher: denseNetwork(4, 1),
        loss: qrkdLoss({ ce: 0, quantum: 1, scale: null, kernels: { student: amplitude(2), teacher: amplitude(4) } }),
      };
    });
    assert.equal(native.epochs[0].zeroVectors, 12 * 16);
    assert.equal(tfjs.epochs[0].zeroVectors, 12 * 16);
  });
});

describe('02 which engine', () => {
  before(() => ready());

  it('native where everything is supported, without a word', async () => {
    let engine: string | undefined;
    const text = await stderrOf(async () => {
      engine = (await distill(cloudOptions({ epochs: 1 }))).engine;
    });
    assert.deepEqual([engine, text], ['native', '']);
  });

  it('tfjs otherwise, with one line that says why', async () => {
    const noisy = () => new FidelityKernel(featureMap({ type: 'zz', features: 4 }), { noise: { depolarizing: 0.1 } });
    const cases: [Partial<DistillOptions>, RegExp][] = [
      [{ student: denseNetwork(3, 2, turn()) }, /^qrkd: distill runs on tfjs: layer "turn" \(Permute\): .*\n$/],
      [{ optimizer: tf.train.adam(1e-3) }, /^qrkd: distill runs on tfjs: its optimizer is a tfjs object \(Adam\).*\n$/],
      [
        { loss: qrkdLoss({ quantum: 1, kernels: { student: zz(3), teacher: noisy() } }) },
        /^qrkd: distill runs on tfjs: the quantum term's teacher kernel is measured with .*\n$/,
      ],
      [
        { loss: qrkdLoss({ quantum: 1, kernels: { student: ownKernel(), teacher: new CosineKernel() } }) },
        /^qrkd: distill runs on tfjs: the quantum term's student kernel is none of qrkd's own\n$/,
      ],
    ];
    for (const [change, expected] of cases) {
      const given = () => cloudOptions({ epochs: 1, batchSize: 100, ...change });
      const text = await stderrOf(async () => assert.equal((await distill(given())).engine, 'tfjs'));
      assert.match(text, expected);
      assert.equal(await stderrOf(() => distill({ ...given(), engine: 'tfjs' })), '', 'asked for: nothing to say');
      await assert.rejects(distill({ ...given(), engine: 'native' }), {
        code: 'ERR_QRKD_VALUE',
        message: new RegExp(
          expected.source.replace('^qrkd: distill runs on tfjs', 'distill .*native engine').replace('\\n$', '$'),
        ),
      });
    }
  });

  it('a teacher that only tfjs can run may teach a native student', async () => {
    const text = await stderrOf(async () => {
      const { engine } = await distill(cloudOptions({ teacher: denseNetwork(6, 1, turn()), epochs: 1 }));
      assert.equal(engine, 'native');
    });
    assert.match(text, /^qrkd: distill: teacher runs on tfjs: layer "turn" \(Permute\): .*\n$/);
  });

  it('precision float64 is native or an error', async () => {
    const { engine } = await distill(cloudOptions({ precision: 'float64', epochs: 1 }));
    assert.equal(engine, 'native');
    const optimizer = tf.train.sgd(0.1);
    await assert.rejects(distill(cloudOptions({ precision: 'float64', optimizer })), /cannot run on the native engine/);
    await assert.rejects(
      distill(cloudOptions({ precision: 'float64', engine: 'tfjs' })),
      /float64 is the native engine's/,
    );
  });
});

/** The squared cosine kernel as a user might write it: the interface, and nothing of ours behind it. */
function ownKernel() {
  const kernel = new CosineKernel();
  return {
    precision: kernel.precision,
    matrix: kernel.matrix.bind(kernel),
    matrixAsync: kernel.matrixAsync.bind(kernel),
    forward: kernel.forward.bind(kernel),
    gradient: kernel.gradient.bind(kernel),
    lossGradient: kernel.lossGradient.bind(kernel),
    toJSON: () => ({ kernel: 'own' }),
  };
}

describe('03 the native engine', () => {
  before(() => ready());

  it('gives the same bits on one thread and on all', async () => {
    const run = async (threads?: 1) => {
      const student = normalizedNetwork(3, 2);
      const { epochs } = await distill(cloudOptions({ student, batchSize: 80, ...(threads && { threads }) }));
      return { weights: weightsOf(student), losses: epochs.map(({ loss }) => loss) };
    };
    assert.deepEqual(await run(1), await run());
  });

  it('runs several students at once, each as if it were alone', async () => {
    const run = async (seed: number) => weightsOf((await distill(cloudOptions({ seed, threads: 1 }))).student);
    const together = await Promise.all([run(1), run(2), run(3)]);
    assert.deepEqual(together, [await run(1), await run(2), await run(3)]);
    assert.notDeepEqual(together[0], together[1]);
  });

  it('stops on abort with the reason of the signal; the model keeps the weights of a finished step', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const student = denseNetwork(3, 2);
    const before = weightsOf(student);
    const steps: number[] = [];
    const onStep = (step: number) => {
      steps.push(step);
      if (step === 5) controller.abort(reason);
    };
    const given = cloudOptions({ student, epochs: 100_000, signal: controller.signal, onStep });
    await assert.rejects(distill(given), (error) => error === reason);
    assert.deepEqual(steps, [1, 2, 3, 4, 5], 'in order, and none after the abort');
    assert.notDeepEqual(weightsOf(student), before);
    assert.ok(weightsOf(student).flat().every(Number.isFinite));
  });

  it('an error that a callback throws ends the run with it', async () => {
    const failure = new Error('no more');
    const onStep = () => {
      throw failure;
    };
    await assert.rejects(distill(cloudOptions({ epochs: 1000, onStep })), (error) => error === failure);
  });

  it('weights are in the model after every epoch, and what is changed there is taken over', async () => {
    const student = denseNetwork(3, 2);
    const seen: number[][][] = [];
    await distill(cloudOptions({ student, onEpoch: () => void seen.push(weightsOf(student)) }));
    assert.equal(new Set(seen.map((weights) => JSON.stringify(weights))).size, 3);
    assert.deepEqual(seen[2], weightsOf(student));

    const reset = async (engine: 'native' | 'tfjs') => {
      const model = denseNetwork(3, 2);
      const first = model.getWeights().map((weight) => weight.clone());
      const onEpoch = () => model.setWeights(first);
      const { epochs } = await train({ model, train: clouds(96), epochs: 2, optimizer: 'sgd', engine, onEpoch });
      return epochs.map(({ loss }) => loss);
    };
    const [native, tfjs] = [await reset('native'), await reset('tfjs')];
    for (const [e, loss] of native.entries()) close(loss, tfjs[e], 1e-4, `loss of epoch ${e + 1}`);
  });

  it('train: plain cross-entropy, native evaluation of the model', async () => {
    const model = denseNetwork(6, 1);
    const validation = clouds(30, 'validation');
    const result = await train({ model, train: clouds(200), validation, epochs: 6, batchSize: 16, learningRate: 1e-2 });
    assert.equal(result.model, model);
    assert.equal(result.engine, 'native');
    assert.ok(result.train.accuracy > 0.9);
    const tfjs = evaluate(model, validation);
    assert.equal(result.validation!.correct, tfjs.correct);
    close(result.validation!.crossEntropy, tfjs.crossEntropy, 1e-5, 'cross-entropy');
    await assert.rejects(train({ model, train: clouds(9), loss: fullLoss() } as never), {
      code: 'ERR_QRKD_UNKNOWN_KEY',
    });
    await assert.rejects(train({ model, train: { ...clouds(9), labels: new Int32Array(9).fill(3) }, batchSize: 9 }), {
      code: 'ERR_QRKD_VALUE',
      message: /^train: train: labels\[0\] must be between 0 and 2, got 3/,
    });
    await assert.rejects(train({ model, train: noise() }), {
      code: 'ERR_QRKD_SHAPE',
      message: /\[2\], got \[28, 28, 1\]/,
    });
  });

  it('leaves no tensors behind', async () => {
    const given = cloudOptions({ epochs: 1 });
    await distill(given);
    const before = tf.memory().numTensors;
    await distill(given);
    assert.equal(tf.memory().numTensors, before);
  });
});

describe('04 augmentation', () => {
  before(() => ready());

  it('sees every batch once; teacher and student learn from what it returns; both engines alike', async () => {
    const run = async (engine: 'native' | 'tfjs') => {
      const places: string[] = [];
      const student = denseNetwork(3, 2);
      const { epochs } = await distill(
        cloudOptions({
          student,
          engine,
          epochs: 2,
          augment(images, { epoch, step, rows }) {
            places.push(`${epoch}/${step}/${rows.length}`);
            return images.map((value) => 0.5 * value + 0.01 * step);
          },
        }),
      );
      return { places, losses: epochs.map(({ loss }) => loss) };
    };
    const [native, tfjs] = [await run('native'), await run('tfjs')];
    assert.deepEqual(
      native.places,
      Array.from({ length: 24 }, (_, k) => `${1 + Math.floor(k / 12)}/${k + 1}/16`),
    );
    assert.deepEqual(native.places, tfjs.places);
    for (const [e, loss] of native.losses.entries()) close(loss, tfjs.losses[e], 1e-3, `loss of epoch ${e + 1}`);
  });

  it('an augmentation that changes nothing gives the run without one', async () => {
    const run = async (change: Partial<DistillOptions>) =>
      weightsOf((await distill(cloudOptions({ student: normalizedNetwork(3, 2), epochs: 2, ...change }))).student);
    const plain = await run({});
    assert.deepEqual(await run({ augment: () => undefined }), plain);
    // In place.
    assert.notDeepEqual(await run({ augment: (images) => void images.fill(0, 0, 8) }), plain);
  });

  it('the teacher is run on what it returns: where it is the student itself, nothing is left to learn', async () => {
    const train = clouds(32);
    const turned = (images: Float32Array) => images.map((value) => -value);
    const logits = (images: Float32Array) => tf.tidy(() => denseNetwork(4, 5).predict(tf.tensor2d(images, [32, 2])));
    const cached = kdLoss(logits(turned(train.images)) as never, logits(train.images) as never, { temperature: 4 });
    // What the loss would be with the teacher's outputs of the images as they were.
    assert.ok(cached.dataSync()[0] > 0.01);
    for (const engine of ['native', 'tfjs'] as const) {
      const { epochs } = await distill({
        teacher: denseNetwork(4, 5),
        student: denseNetwork(4, 5),
        train,
        loss: qrkdLoss({ ce: 0, kd: 1, temperature: 4 }),
        epochs: 1,
        batchSize: 16,
        learningRate: 1e-12,
        engine,
        augment: turned,
      });
      assert.ok(Math.abs(epochs[0].terms.kd!.raw) < 1e-6, engine);
    }
  });

  it('what it returns is checked', async () => {
    await assert.rejects(distill(cloudOptions({ augment: () => new Float32Array(3) })), {
      code: 'ERR_QRKD_TYPE',
      message: /augment must return nothing or a Float32Array of 32 numbers, got one of 3/,
    });
    await assert.rejects(distill(cloudOptions({ augment: 'flip' as never })), { code: 'ERR_QRKD_TYPE' });
  });
});
