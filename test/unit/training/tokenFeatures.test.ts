import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { RbfKernel } from 'qrkd';
import {
  angleLoss,
  type DistillOptions,
  distanceLoss,
  distill,
  type FeaturePair,
  qrkdLoss,
  quantumLoss,
  ready,
  type TokenSet,
  tf,
} from 'qrkd/distill';
import { makeGpt2 } from 'qrkd/models';
import seedrandom from 'seedrandom';
import { allOutputs, openModel } from '#dist/distill/outputs.js';
import { asSamples } from '#dist/distill/samples.js';
import { drawPlaces } from '#dist/models/layers/tokenSampling.js';
import type { FeaturePlace } from '#dist/models/taps.js';
import { compileNetwork } from '#dist/network/compile.js';
import { NativeNetwork } from '#dist/network/NativeNetwork.js';
import { parseConfig } from '#dist/study/config.js';
import { withPadTokens } from '#dist/study/padTokens.js';
import { checkStudy } from '#dist/study/study.js';
import { weightsOf } from './clouds.js';

const PAD = 10;
const LENGTH = 7;

/** A classifier whose layers h.0, h.1 and ln_f are sequences; weights larger than GPT-2's own, so that features differ. */
function gpt2(width: number, seed: number, padToken = PAD): LayersModel {
  const sizes = { vocab_size: 11, n_positions: 12, n_embd: width, n_layer: 2, n_head: 2, num_labels: 2 };
  const dropout = { embd_pdrop: 0, resid_pdrop: 0, attn_pdrop: 0 };
  const { model } = makeGpt2({ ...sizes, ...dropout, eos_token_id: 0, pad_token_id: padToken }, { seed });
  model.setWeights(model.getWeights().map((weight) => (weight.rank === 2 ? tf.mul(weight, 8) : weight)));
  return model;
}

/** Texts of 1 to `LENGTH` tokens, filled up on the right; the first is a whole row. */
function texts(n: number, { length = LENGTH, pad = PAD } = {}) {
  const random = seedrandom('texts');
  const lengths = Array.from({ length: n }, (_, i) => (i === 0 ? LENGTH : 1 + Math.floor(random() * LENGTH)));
  const rows = lengths.map((own) => {
    const tokens = Array.from({ length: own }, () => Math.floor(random() * 10));
    return [...tokens, ...new Array<number>(length - own).fill(pad)];
  });
  const set: TokenSet = {
    tokens: Int32Array.from(rows.flat()),
    labels: Int32Array.from({ length: n }, (_, i) => i % 2),
    shape: [n, length],
  };
  return { lengths, set };
}

const PLACES: FeaturePlace[] = [
  { layer: 'h.0', pooling: 'average', padToken: PAD },
  { layer: 'h.1.mlp.c_fc', activation: 'before', pooling: 'average', padToken: PAD },
  { layer: 'ln_f', pooling: 'last', padToken: PAD },
  { layer: 'h.1.mlp.c_fc', activation: 'before', pooling: 'last', padToken: PAD },
  { layer: 'h.0', tokens: 3, padToken: PAD },
  { layer: 'h.1', pooling: 'last' },
  { layer: 'h.1', pooling: 'average' },
];

const PAIRS: FeaturePair[] = [
  { student: PLACES[0], teacher: PLACES[2], weight: 0.5 },
  { student: PLACES[3], teacher: PLACES[0] },
  { student: PLACES[4], teacher: { layer: 'ln_f', tokens: 3, padToken: PAD }, weight: 0.7 },
];

async function featuresOf(model: LayersModel, places: readonly FeaturePlace[], set: TokenSet) {
  const samples = asSamples(set);
  const tfjs = allOutputs(openModel(model, places, 'model'), samples).features;
  const [n, length] = set.shape;
  const native = new NativeNetwork(compileNetwork(model, { features: places, length }), { maxBatch: 4 });
  try {
    const values = await native.evaluate({ images: samples.images, count: n });
    return { tfjs, native: native.network.features.map((output) => values[output]) };
  } finally {
    native.dispose();
  }
}

function assertClose(a: ArrayLike<number>, b: ArrayLike<number>, tolerance: number, what: string): void {
  assert.equal(a.length, b.length, what);
  for (let k = 0; k < a.length; k++) assert.ok(Math.abs(a[k] - b[k]) <= tolerance, `${what}: ${a[k]} and ${b[k]}`);
}

describe('tokens drawn', () => {
  it('are one of each part of a sequence, all alike often, and no padding', () => {
    const random = seedrandom('draws');
    const often = new Array<number>(8).fill(0);
    for (let i = 0; i < 4000; i++) {
      const ids = Array.from({ length: 8 }, () => Math.floor(random() * 50_000));
      const [first, second] = drawPlaces(ids, 2, null);
      assert.ok(first >= 0 && first < 4 && second >= 4 && second < 8);
      assert.deepEqual(drawPlaces([...ids, 50_256, 50_256], 2, 50_256), [first, second]);
      assert.deepEqual(drawPlaces([50_256, ...ids], 2, 50_256), [first + 1, second + 1]);
      often[first]++;
      often[second]++;
    }
    // Each place 1,000 times in the mean, with a deviation of 27.
    for (const times of often) assert.ok(Math.abs(times - 1000) < 5 * 27, often.join(' '));
  });

  it('are all of a sequence of as many, come again in shorter ones, and are the first place of nothing but padding', () => {
    assert.deepEqual(drawPlaces([5, 6, 7], 3, null), [0, 1, 2]);
    assert.deepEqual(drawPlaces([0, 5, 0, 6, 0], 4, 0), [1, 1, 3, 3]);
    assert.deepEqual(drawPlaces([0, 0], 3, 0), [0, 0, 0]);
  });
});

describe('one vector of a sequence, or several', () => {
  before(() => ready());

  it('is the mean over its tokens, the last of them or some, without padding, in both engines', async () => {
    const model = gpt2(4, 3);
    const { set, lengths } = texts(6);
    const ids = tf.tensor2d(set.tokens, [6, LENGTH], 'int32');
    const valuesOf = (name: string) =>
      tf.model({ inputs: model.inputs, outputs: model.getLayer(name).output }).predict(ids) as Tensor3D;
    const [kernel, bias] = model.getLayer('h.1.mlp.c_fc').getWeights();
    const normed = valuesOf('h.1.ln_2');
    const linear = tf.add(tf.matMul(tf.reshape(normed, [6 * LENGTH, 4]), kernel), bias);
    const { tfjs, native } = await featuresOf(model, PLACES, set);
    PLACES.forEach(({ layer, activation, pooling, tokens: drawn, padToken }, p) => {
      const values = activation ? tf.reshape(linear, [6, LENGTH, -1]) : valuesOf(layer);
      const wanted = (values.arraySync() as number[][][]).flatMap((row, i) => {
        const ids = set.tokens.subarray(i * LENGTH, (i + 1) * LENGTH);
        if (drawn) return drawPlaces(ids, drawn, PAD).flatMap((place) => row[place]);
        const counted = padToken === undefined ? row : row.slice(0, lengths[i]);
        if (pooling === 'last') return counted.at(-1)!;
        return counted[0].map((_, c) => counted.reduce((sum, token) => sum + token[c], 0) / counted.length);
      });
      const what = JSON.stringify(PLACES[p]);
      assertClose(tfjs[p].data, wanted, 1e-5, `tfjs, ${what}`);
      assertClose(native[p].data, wanted, 1e-5, `native, ${what}`);
    });
  });

  it('does not change with the padding, neither with how much there is nor with the token that it is', async () => {
    const places = (padToken: number) => PLACES.slice(0, 5).map((place) => ({ ...place, padToken }));
    const { set } = texts(5);
    const few = await featuresOf(gpt2(4, 3), places(PAD), set);
    const much = await featuresOf(gpt2(4, 3), places(PAD), texts(5, { length: 12 }).set);
    // The same model with its vocabulary in another order, in which padding is token 0.
    const other = { ...set, tokens: set.tokens.map((id) => (id === PAD ? 0 : id + 1)) };
    const model = gpt2(4, 3, 0);
    const wte = model.getLayer('wte');
    const [table] = wte.getWeights();
    wte.setWeights([tf.concat([tf.slice(table, [10, 0], [1, -1]), tf.slice(table, [0, 0], [10, -1])])]);
    const renamed = await featuresOf(model, places(0).slice(0, 4), other);
    const unlike = await featuresOf(gpt2(4, 3), [{ layer: 'h.0', pooling: 'average' }], texts(5, { length: 12 }).set);
    for (const engine of ['tfjs', 'native'] as const) {
      few[engine].forEach(({ data }, p) => {
        assertClose(much[engine][p].data, data, 1e-5, `${engine}, more padding`);
        // Which tokens are drawn depends on their ids.
        if (p < 4) assertClose(renamed[engine][p].data, data, 1e-5, `${engine}, another token`);
      });
      assert.ok(unlike[engine][0].data.some((value, k) => Math.abs(value - few[engine][0].data[k]) > 0.01));
    }
  });

  it('is refused where there are no tokens, or no sequence, with one line', () => {
    const model = gpt2(4, 3);
    const refused = (place: object, message: RegExp, of = model) =>
      assert.throws(() => openModel(of, [place as FeaturePlace], 'student'), { message });
    const images = tf.sequential({ layers: [tf.layers.dense({ units: 3, inputShape: [5, 2], name: 'each' })] });
    refused({ layer: 'pooled', pooling: 'last' }, /layer "pooled" gives 4 numbers, not a map; pooling last/);
    refused(
      { layer: 'each', pooling: 'last' },
      /^student: pooling last is for models of tokens \[n, t\] at layers \[n, t, channels\], but the input is \[\?, 5, 2\] and layer "each" gives \[\?, 5, 3\]$/,
      images,
    );
    refused({ layer: 'each', pooling: 'average', padToken: 0 }, /^student: padToken is for models of tokens/, images);
    refused(
      { layer: 'h.0', pooling: 'max', padToken: 0 },
      /padToken goes with pooling average or last, or with tokens, got pooling max/,
    );
    refused({ layer: 'h.0', padToken: 0 }, /padToken goes with .*, got pooling none/);
    refused(
      { layer: 'h.0', tokens: 2, pooling: 'average' },
      /student: features\.tokens takes tokens as they are, got pooling average/,
    );
    refused({ layer: 'each', tokens: 2 }, /^student: tokens is for models of tokens/, images);
    for (const tokens of [0, 1.5, '2'])
      refused({ layer: 'h.0', tokens }, /tokens must be a whole number of at least 1/);
    for (const padToken of [-1, 0.5, null, '0']) {
      refused({ layer: 'h.0', pooling: 'last', padToken }, /padToken must be a token's id/);
    }
    assert.throws(
      () => compileNetwork(images, { features: [{ layer: 'each', pooling: 'last' }] }),
      /is for models of tokens/,
    );
  });
});

describe('relations of such vectors', () => {
  before(() => ready());

  const options = (change: Partial<DistillOptions> = {}): DistillOptions => {
    const kernels = { student: new RbfKernel({ gamma: 0.25 }), teacher: new RbfKernel({ gamma: 0.25 }) };
    return {
      teacher: gpt2(6, 7),
      student: gpt2(4, 1),
      train: texts(16).set,
      loss: qrkdLoss({ ce: 1, distance: 2, angle: 3, quantum: 5, kernels, projection: { teacherFeatures: 3 } }),
      featurePairs: PAIRS,
      epochs: 1,
      batchSize: 8,
      optimizer: 'sgd',
      learningRate: 0.05,
      ...change,
    };
  };

  it('are those of the tokens drawn, each a row, by the losses one by one', async () => {
    const place = { layer: 'h.0', tokens: 3, padToken: PAD };
    const { set } = texts(8);
    const rows = (model: LayersModel): Tensor2D => {
      const { data, shape } = allOutputs(openModel(model, [place], 'model'), asSamples(set)).features[0];
      return tf.tensor2d(data as Float32Array, [24, shape[1] / 3]);
    };
    const [s, t] = [rows(gpt2(4, 1)), rows(gpt2(6, 7))];
    const kernel = new RbfKernel({ gamma: 0.25 });
    const wanted = {
      distance: distanceLoss(s, t),
      angle: angleLoss(s, t),
      quantum: quantumLoss(s, t, { student: kernel, teacher: kernel, scale: 2 }),
    };
    for (const engine of ['native', 'tfjs'] as const) {
      const loss = qrkdLoss({
        ce: 0,
        distance: 1,
        angle: 1,
        quantum: 1,
        kernels: { student: kernel, teacher: kernel },
      });
      const featurePairs = [{ student: place, teacher: place }];
      const { epochs } = await distill(options({ engine, loss, featurePairs, train: set }));
      for (const [term, value] of Object.entries(wanted)) {
        const { raw } = epochs[0].terms[term as 'angle']!;
        assertClose([raw], value.dataSync(), 1e-5, `${engine}, ${term}`);
      }
    }
  });

  it("are a whole batch's where micro-batches are computed one by one", async () => {
    const run = async (microBatch?: number) => {
      const given = options({ engine: 'tfjs', ...(microBatch && { microBatch }) });
      await distill(given);
      return weightsOf(given.student).flat();
    };
    assertClose(await run(3), await run(), 1e-5, 'weights');
  });

  it('compare the same tokens, or are refused', async () => {
    const refused = (teacher: FeaturePlace, message: RegExp) =>
      assert.rejects(distill(options({ featurePairs: [{ student: PLACES[4], teacher }] })), { message });
    await refused(
      { layer: 'h.0', tokens: 2, padToken: PAD },
      /featurePairs\[0\]: tokens must be the same on both sides, got 3/,
    );
    await refused({ layer: 'h.0', padToken: PAD, pooling: 'last' }, /tokens must be the same on both sides/);
    await refused({ layer: 'h.0', tokens: 3 }, /padToken must be the same on both sides, got 10 of the student/);
  });

  it('train alike in both engines: every term, its gradient norm, the weights', async () => {
    const run = async (engine: 'native' | 'tfjs') => {
      const given = options({ engine });
      const { epochs, engine: used } = await distill(given);
      assert.equal(used, engine);
      return { epochs, weights: weightsOf(given.student).flat() };
    };
    const [native, tfjs] = [await run('native'), await run('tfjs')];
    for (const term of ['ce', 'distance', 'angle', 'quantum'] as const) {
      const [a, b] = [native.epochs[0].terms[term]!, tfjs.epochs[0].terms[term]!];
      assertClose([a.raw, a.gradientNorm], [b.raw, b.gradientNorm], 2e-4, term);
    }
    assertClose(native.weights, tfjs.weights, 1e-4, 'weights');
  });

  it('have the gradient that finite differences give', async () => {
    const first = gpt2(4, 1).getWeights();
    /** Loss of one batch at the weights moved along a direction, and the weights after a step. */
    const at = async (factor: number, direction: Float32Array[], learningRate: number) => {
      const student = gpt2(4, 1);
      student.setWeights(
        first.map((weight, w) => tf.add(weight, tf.mul(factor, tf.tensor(direction[w], weight.shape)))),
      );
      const { epochs } = await distill(
        options({ student, train: texts(8).set, learningRate, precision: 'float64', engine: 'native' }),
      );
      return { loss: epochs[0].loss, student };
    };
    const none = first.map(({ size }) => new Float32Array(size));
    const { student } = await at(0, none, 1);
    const gradient = student.getWeights().map((weight, w) => tf.sub(first[w], weight).dataSync() as Float32Array);
    const square = gradient.flatMap((values) => [...values]).reduce((sum, v) => sum + v * v, 0);
    const h = 1e-3 / Math.sqrt(square);
    const slope = ((await at(h, gradient, 1e-9)).loss - (await at(-h, gradient, 1e-9)).loss) / (2 * h);
    assert.ok(Math.abs(slope / square - 1) < 2e-3, `${slope} along the gradient, whose square is ${square}`);
  });
});

it('a study of texts with labels leaves its own padding out of the places that pool, unless they name a token', async () => {
  const places = [
    'pooled',
    { layer: 'h.0', pooling: 'average' },
    { layer: 'h.0', pooling: 'last', padToken: 3 },
    { layer: 'h.0', pooling: 'max' },
    { layer: 'h.0' },
    { layer: 'h.0', tokens: 2 },
  ];
  const given = { data: 'brown', text: { task: 'classification' }, methods: { rkd: { distance: 1 } } };
  const config = parseConfig(
    { ...given, featurePairs: places.map((student) => ({ student, teacher: 'pooled' })) },
    'x',
  );
  const filled = withPadTokens(config, { padToken: 7 });
  assert.deepEqual(
    filled.featurePairs!.map(({ student }) => student),
    [
      places[0],
      { layer: 'h.0', pooling: 'average', padToken: 7 },
      ...places.slice(2, 5),
      { layer: 'h.0', tokens: 2, padToken: 7 },
    ],
  );
  assert.equal(withPadTokens(config, { padToken: null }), config);
  const uneven = [{ student: { layer: 'h.0', tokens: 2 }, teacher: { layer: 'h.0', tokens: 3 } }];
  await assert.rejects(checkStudy(parseConfig({ ...given, featurePairs: uneven }, 'x')), {
    message: 'study: featurePairs[0]: tokens must be the same on both sides, got 2 of the student and 3 of the teacher',
  });
});
