import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { distill, evaluate, qrkdLoss, ready, type TokenSet, tf, train } from 'qrkd/distill';
import { makeGpt2 } from 'qrkd/models';
import seedrandom from 'seedrandom';
import { evaluateClasses } from '#dist/distill/evaluate.js';
import { type InferenceOptions, openInference } from '#dist/distill/teacher.js';
import { weightsOf } from './clouds.js';

const VOCABULARY = 7;
const NO_DROPOUT = { embd_pdrop: 0, resid_pdrop: 0, attn_pdrop: 0 };

/** Every token by itself: an embedding, and logits for each token [N, T, 7] or, of one token, [N, 7]. */
function perToken(length: number, seed: number, width = 5) {
  const kernel = (offset: number) => tf.initializers.glorotUniform({ seed: seed + offset });
  const table = tf.layers.embedding({
    inputDim: VOCABULARY,
    outputDim: width,
    inputLength: length,
    name: 'table',
    embeddingsInitializer: kernel(1),
  });
  return tf.sequential({
    layers: [
      table,
      ...(length === 1 ? [tf.layers.flatten()] : []),
      tf.layers.dense({ units: VOCABULARY, kernelInitializer: kernel(2), name: 'logits' }),
    ],
  });
}

/** Sequences of random ids; some labels do not count. */
function sequences(n: number, length: number, seed: string): TokenSet {
  const random = seedrandom(seed);
  const id = () => Math.floor(random() * VOCABULARY);
  return {
    tokens: Int32Array.from({ length: n * length }, id),
    labels: Int32Array.from({ length: n * length }, () => (random() < 0.3 ? -1 : id())),
    shape: [n, length],
  };
}

/** The tokens that count, as samples of their own. */
function separate({ tokens, labels }: TokenSet): TokenSet {
  const places = [...labels.keys()].filter((k) => labels[k] !== -1);
  return {
    tokens: Int32Array.from(places, (k) => tokens[k]),
    labels: Int32Array.from(places, (k) => labels[k]),
    shape: [places.length, 1],
  };
}

const near = (a: number, b: number, tolerance: number) => assert.ok(Math.abs(a - b) <= tolerance, `${a}, ${b}`);

describe('F1', () => {
  it('is the mean over classes that occur', () => {
    const answers = [0, 1, 1, 1, 0];
    const data = Float32Array.from(answers.flatMap((answer) => [0, 1, 2].map((c) => Number(c === answer))));
    const labels = Int32Array.of(0, 0, 1, 1, 1);
    // Class 0: 1 right, 1 wrongly found, 1 missed; class 1: 2, 1, 1; nothing is or was taken for class 2.
    near(evaluateClasses({ data, shape: [5, 3] }, labels).f1!, (2 / 4 + 4 / 6) / 2, 1e-15);
  });
});

describe('labels of tokens', () => {
  before(() => ready());

  it('a model of single tokens learns from sequences what it learns from their tokens one by one', async () => {
    const whole = sequences(6, 9, 'whole');
    const parts = separate(whole);
    const run = (set: TokenSet) => {
      const length = set.shape[1];
      return distill({
        student: perToken(length, 1),
        teacher: perToken(length, 5),
        loss: qrkdLoss({ ce: 1, kd: 2, temperature: 2 }),
        train: set,
        epochs: 4,
        batchSize: set.shape[0],
        engine: 'tfjs',
      });
    };
    const [a, b] = [await run(whole), await run(parts)];
    near(a.epochs[3].terms.ce!.raw, b.epochs[3].terms.ce!.raw, 1e-6);
    near(a.epochs[3].terms.kd!.raw, b.epochs[3].terms.kd!.raw, 1e-6);
    assert.equal(a.train.samples, parts.labels.length);
    assert.deepEqual([a.train.samples, a.train.correct], [b.train.samples, b.train.correct]);
    near(a.epochs[0].runningAccuracy, b.epochs[0].runningAccuracy, 1e-12);
    const [wa, wb] = [weightsOf(a.student), weightsOf(b.student)].map((weights) => weights.flat());
    wa.forEach((weight, k) => {
      near(weight, wb[k], 1e-5);
    });
    near(a.train.crossEntropy, evaluate(b.student, parts).crossEntropy, 1e-5);
  });

  const gpt2 = (seed: number, layers = 2) =>
    makeGpt2(
      { ...{ vocab_size: VOCABULARY, n_positions: 9, n_embd: 6, n_layer: layers, n_head: 2 }, ...NO_DROPOUT },
      { seed },
    ).model;

  it('both engines train the same GPT-2: losses, accuracy, weights, evaluations', async () => {
    const run = (engine: 'native' | 'tfjs') =>
      distill({
        student: gpt2(1),
        teacher: gpt2(2, 3),
        loss: qrkdLoss({ ce: 1, kd: 3, temperature: 2 }),
        train: sequences(38, 9, 'train'),
        validation: sequences(5, 9, 'validation'),
        epochs: 3,
        batchSize: 19,
        optimizer: 'momentum',
        learningRate: 0.3,
        engine,
      });
    const [native, tfjs] = [await run('native'), await run('tfjs')];
    assert.equal(native.engine, 'native');
    native.epochs.forEach(({ terms, runningAccuracy, validation }, e) => {
      const other = tfjs.epochs[e];
      for (const term of ['ce', 'kd'] as const) {
        near(terms[term]!.raw, other.terms[term]!.raw, 1e-5);
        near(terms[term]!.gradientNorm, other.terms[term]!.gradientNorm, 1e-4 * other.terms[term]!.gradientNorm);
      }
      near(runningAccuracy, other.runningAccuracy, 1e-12);
      near(validation!.crossEntropy, other.validation!.crossEntropy, 1e-5);
      assert.deepEqual(
        [validation!.samples, validation!.correct],
        [other.validation!.samples, other.validation!.correct],
      );
    });
    near(native.train.crossEntropy, evaluate(native.student, sequences(38, 9, 'train')).crossEntropy, 1e-5);
    const [a, b] = [native, tfjs].map(({ student }) => weightsOf(student).flat());
    a.forEach((weight, k) => {
      near(weight, b[k], 1e-4);
    });
  });

  it('both engines compare the same hidden states, those of a wider teacher too', async () => {
    const wide = { vocab_size: VOCABULARY, n_positions: 9, n_embd: 10, n_layer: 1, n_head: 2, ...NO_DROPOUT };
    for (const teacher of [gpt2(2), makeGpt2(wide, { seed: 3 }).model]) {
      for (const weights of [{ hidden: 1 }, { ce: 1, kd: 1, hidden: 2 }]) {
        const run = (engine: 'native' | 'tfjs') =>
          distill({
            student: gpt2(1),
            teacher,
            loss: qrkdLoss({ ce: 0, kd: 0, ...weights }),
            train: sequences(20, 9, 'hidden'),
            epochs: 2,
            batchSize: 10,
            optimizer: 'momentum',
            learningRate: 0.1,
            engine,
          });
        const [native, tfjs] = [await run('native'), await run('tfjs')];
        native.epochs.forEach(({ terms }, e) => {
          const [own, other] = [terms.hidden!, tfjs.epochs[e].terms.hidden!];
          near(own.raw, other.raw, 1e-5);
          near(own.gradientNorm, other.gradientNorm, 1e-4 * other.gradientNorm);
        });
        const [a, b] = [native, tfjs].map(({ student }) => weightsOf(student).flat());
        a.forEach((weight, k) => {
          near(weight, b[k], 1e-4);
        });
      }
    }
  });

  it('both engines train the same classifier of sequences, padded, with relations of what was pooled', async () => {
    const config = { vocab_size: VOCABULARY, n_positions: 9, n_embd: 6, n_layer: 1, n_head: 2, ...NO_DROPOUT };
    const make = (seed: number) => makeGpt2({ ...config, num_labels: 3, pad_token_id: 0 }, { seed }).model;
    const { tokens, shape } = sequences(20, 9, 'classified');
    const labels = Int32Array.from({ length: 20 }, (_, i) => i % 3);
    const run = (engine: 'native' | 'tfjs') =>
      distill({
        student: make(1),
        teacher: make(2),
        loss: qrkdLoss({ ce: 1, kd: 1, distance: 1, angle: 1 }),
        featureLayer: 'pooled',
        train: { tokens, labels, shape },
        epochs: 3,
        batchSize: 10,
        optimizer: 'momentum',
        learningRate: 0.1,
        engine,
      });
    const [native, tfjs] = [await run('native'), await run('tfjs')];
    native.epochs.forEach(({ loss }, e) => {
      near(loss, tfjs.epochs[e].loss, 1e-4);
    });
    const [a, b] = [native, tfjs].map(({ student }) => weightsOf(student).flat());
    a.forEach((weight, k) => {
      near(weight, b[k], 1e-4);
    });
  });

  it('a GPT-2 with dropout trains natively, the same with the same seed', async () => {
    const run = async () => {
      const { model } = makeGpt2(
        { vocab_size: VOCABULARY, n_positions: 9, n_embd: 6, n_layer: 1, n_head: 2 },
        { seed: 1 },
      );
      const set = sequences(8, 9, 'dropout');
      return (await train({ model, train: set, epochs: 8, batchSize: 8, learningRate: 0.02, engine: 'native' })).epochs;
    };
    const [a, b] = [await run(), await run()];
    assert.deepEqual(
      a.map(({ loss }) => loss),
      b.map(({ loss }) => loss),
    );
    assert.ok(a[7].loss < a[0].loss);
  });

  it('sets of sequences of different lengths are left to tfjs', async () => {
    const options = { model: gpt2(1), train: sequences(4, 9, 'long'), test: sequences(4, 5, 'short'), batchSize: 2 };
    await assert.rejects(train({ ...options, epochs: 1, engine: 'native' }), /differ in length \(9, 5\)/);
    assert.equal((await train({ ...options, epochs: 1 })).engine, 'tfjs');
  });

  it('relations of whole sequences go with terms of tokens', async () => {
    const { epochs, test } = await distill({
      student: perToken(4, 1),
      teacher: perToken(4, 5),
      loss: qrkdLoss({ ce: 1, kd: 1, distance: 1, angle: 1 }),
      featureLayer: 'logits',
      train: sequences(12, 4, 'train'),
      test: sequences(5, 4, 'test'),
      epochs: 2,
      batchSize: 4,
      engine: 'tfjs',
    });
    assert.equal(epochs[1].steps, 3);
    assert.ok(Object.values(epochs[1].terms).every(({ raw }) => raw > 0));
    assert.ok(test!.samples < 20 && test!.samples > 5);
  });

  it("hidden states of tokens turn towards the teacher's, narrowed where those are wider", async () => {
    for (const [teacher, width] of [
      [perToken(4, 5), 5],
      [perToken(4, 5, 9), 9],
    ] as const) {
      const { epochs } = await distill({
        student: perToken(4, 1),
        teacher,
        loss: qrkdLoss({ ce: 0, hidden: 1 }),
        hiddenLayer: 'table',
        train: sequences(32, 4, 'hidden'),
        epochs: 30,
        batchSize: 16,
        learningRate: 0.05,
        engine: 'tfjs',
      });
      const [first, last] = [epochs[0], epochs[29]].map(({ terms }) => terms.hidden!.raw);
      assert.ok(first > 0.3 && last < 0.02, `width ${width}: ${first} to ${last}`);
    }
  });

  it('what does not fit is refused before any work', async () => {
    const model = perToken(4, 1);
    const set = sequences(6, 4, 'bad');
    const refuse = (change: Partial<TokenSet>, message: RegExp) =>
      assert.rejects(train({ model, train: { ...set, ...change }, batchSize: 2, engine: 'tfjs' }), message);
    await refuse({ labels: new Int32Array(6) }, /logits for each of 4 tokens, so 24 labels are expected, got 6/);
    await refuse({ labels: new Int32Array(5) }, /shape \[6, 4\] does not fit 24 input numbers and 5 labels/);
    await refuse({ labels: set.labels.map((label) => label && -2) }, /between 0 and 6, or -1 for a token .* got -2/);
    await refuse({ labels: new Int32Array(24).fill(-1) }, /no token counts, all 24 labels are -1/);
    const { model: short } = makeGpt2({ vocab_size: 7, n_positions: 4, n_embd: 4, n_layer: 1, n_head: 1 });
    const validation = sequences(6, 5, 'longer');
    await assert.rejects(train({ model: short, train: set, validation, batchSize: 2 }), {
      message: 'train: model takes sequences of at most 4 tokens, got some of 5',
    });
  });

  it('a teacher runs on whole panels of the native engine, however large its vocabulary', () => {
    const { model } = makeGpt2({ vocab_size: 40_000, n_positions: 64, n_embd: 2, n_layer: 1, n_head: 1 });
    const passes = (how: Partial<InferenceOptions>) => {
      const options = { engine: 'native', where: 'x', precision: 'float32', alone: true, length: 64 } as const;
      const { perPass, dispose } = openInference(model, [], { ...options, ...how });
      dispose();
      return perPass;
    };
    // 2^25 numbers are logits of 13 sequences.
    assert.deepEqual(
      [{}, { alone: false }, { atOnce: 4 }, { precision: 'float64' as const }, { engine: 'tfjs' as const }].map(passes),
      [16, 32, 4, 8, 13],
    );
  });

  it('a teacher of another vocabulary is refused with both sizes', async () => {
    const other = tf.sequential({
      layers: [
        tf.layers.embedding({ inputDim: 9, outputDim: 5, inputLength: 4 }),
        tf.layers.dense({ units: 9, name: 'logits' }),
      ],
    });
    const options = { student: perToken(4, 1), teacher: other, train: sequences(6, 4, 'other'), batchSize: 2 };
    await assert.rejects(
      distill({ ...options, loss: qrkdLoss({ kd: 1 }) }),
      /the teacher gives logits of 9 classes, the student of 7/,
    );
  });
});
