import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { distill, evaluate, qrkdLoss, ready, type TokenSet, tf, train } from 'qrkd/distill';
import seedrandom from 'seedrandom';
import { weightsOf } from './clouds.js';

const VOCABULARY = 7;

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
