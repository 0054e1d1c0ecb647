import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { SymbolicTensor } from '@tensorflow/tfjs-layers';
import { ready, tf, train } from 'qrkd/distill';
import seedrandom from 'seedrandom';
import { adaptiveAveragePooling2d } from '#dist/models/layers/adaptiveAveragePooling2d.js';
import { CausalSelfAttention } from '#dist/models/layers/causalSelfAttention.js';
import { PositionEmbedding } from '#dist/models/layers/positionEmbedding.js';
import { SequencePooling } from '#dist/models/layers/sequencePooling.js';
import { TokenEmbedding } from '#dist/models/layers/tokenEmbedding.js';
import { TokenSampling } from '#dist/models/layers/tokenSampling.js';
import { compileNetwork } from '#dist/network/compile.js';
import { nativeLayers } from '#dist/network/layers/registry.js';
import { NativeNetwork } from '#dist/network/NativeNetwork.js';
import { comparePasses, normalSamples, randomizeWeights } from './gradients.js';
import { randomModel } from './randomGraphs.js';

type Make = (x: SymbolicTensor) => SymbolicTensor;

/** A layer in the middle, so that it also has to hand a gradient on: 1 x 1 convolution, layer, flatten, dense. */
function around(middle: Make, shape = [7, 6, 2], channels = 3) {
  const input = tf.input({ shape });
  const first = tf.layers.conv2d({ filters: channels, kernelSize: 1 }).apply(input) as SymbolicTensor;
  const y = middle(first);
  const flat = y.shape.length > 2 ? (tf.layers.flatten().apply(y) as SymbolicTensor) : y;
  return tf.model({ inputs: input, outputs: tf.layers.dense({ units: 4 }).apply(flat) as SymbolicTensor });
}

const one =
  (layer: { apply(x: SymbolicTensor): unknown }): Make =>
  (x) =>
    layer.apply(x) as SymbolicTensor;

const CASES: Record<string, () => Make> = {
  'Conv2D 3 x 3 valid': () => one(tf.layers.conv2d({ filters: 5, kernelSize: 3 })),
  'Conv2D 3 x 2 same, strides 2 and 1, relu': () =>
    one(tf.layers.conv2d({ filters: 4, kernelSize: [3, 2], strides: [2, 1], padding: 'same', activation: 'relu' })),
  'Conv2D dilated (forward pass)': () =>
    one(tf.layers.conv2d({ filters: 2, kernelSize: 3, dilationRate: [2, 1], useBias: false, activation: 'tanh' })),
  'DepthwiseConv2D multiplier 2, same': () =>
    one(tf.layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, padding: 'same', activation: 'relu' })),
  'DepthwiseConv2D stride 2, dilationRate, which tfjs ignores': () =>
    one(tf.layers.depthwiseConv2d({ kernelSize: 2, strides: 2, dilationRate: 2, useBias: false })),
  SeparableConv2D: () =>
    one(
      tf.layers.separableConv2d({ filters: 5, kernelSize: 3, depthMultiplier: 2, padding: 'same', activation: 'relu' }),
    ),
  'Dense on every pixel': () => one(tf.layers.dense({ units: 5, activation: 'sigmoid' })),
  'Dense on a sequence, then on a vector': () => (x) => {
    const rows = tf.layers.reshape({ targetShape: [7, 18] }).apply(x) as SymbolicTensor;
    const dense = tf.layers.dense({ units: 3, activation: 'relu' }).apply(rows) as SymbolicTensor;
    return tf.layers.dense({ units: 6, activation: 'relu' }).apply(tf.layers.flatten().apply(dense)) as SymbolicTensor;
  },
  'MaxPooling2D 2': () => one(tf.layers.maxPooling2d({ poolSize: 2 })),
  'MaxPooling2D 3 same, overlapping': () => one(tf.layers.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' })),
  'AveragePooling2D 3 x 2': () => one(tf.layers.averagePooling2d({ poolSize: [3, 2], strides: [1, 2] })),
  'AveragePooling2D same': () => one(tf.layers.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' })),
  AdaptiveAveragePooling2d: () => one(adaptiveAveragePooling2d({ outputSize: [4, 3] })),
  GlobalAveragePooling2D: () => one(tf.layers.globalAveragePooling2d({})),
  GlobalMaxPooling2D: () => one(tf.layers.globalMaxPooling2d({})),
  BatchNormalization: () => one(tf.layers.batchNormalization({ momentum: 0.9, epsilon: 1e-2 })),
  'LayerNormalization of channels': () => one(tf.layers.layerNormalization({})),
  'LayerNormalization of the sample': () => one(tf.layers.layerNormalization({ axis: [1, 2, 3], scale: true })),
  'LayerNormalization without weights (forward pass)': () =>
    one(tf.layers.layerNormalization({ center: false, scale: false })),
  ZeroPadding2D: () =>
    one(
      tf.layers.zeroPadding2d({
        padding: [
          [1, 0],
          [2, 3],
        ],
      }),
    ),
  'Reshape to another image, one extent left open': () => (x) =>
    tf.layers
      .globalAveragePooling2d({})
      .apply(tf.layers.reshape({ targetShape: [3, -1, 6] }).apply(x)) as SymbolicTensor,
  Dropout: () => one(tf.layers.dropout({ rate: 0 })),
  'ReLU layer': () => one(tf.layers.reLU()),
  'ReLU up to 6': () => one(tf.layers.reLU({ maxValue: 6 })),
  LeakyReLU: () => one(tf.layers.leakyReLU({ alpha: 0.2 })),
  ELU: () => one(tf.layers.elu()),
  'Softmax layer': () => one(tf.layers.softmax({ axis: 3 })),
  ...Object.fromEntries(
    (
      [
        'elu',
        'gelu',
        'gelu_new',
        'hardSigmoid',
        'linear',
        'mish',
        'relu',
        'relu6',
        'selu',
        'sigmoid',
        'softmax',
      ] as const
    ).map((activation) => [
      `Activation ${activation}`,
      () => one(tf.layers.activation({ activation: activation as never })),
    ]),
  ),
  ...Object.fromEntries(
    (['softplus', 'swish', 'tanh'] as const).map((activation) => [
      `Activation ${activation}`,
      () => one(tf.layers.activation({ activation })),
    ]),
  ),
  Add: () => (x) => {
    const y = tf.layers.conv2d({ filters: 3, kernelSize: 3, padding: 'same' }).apply(x) as SymbolicTensor;
    return tf.layers.add().apply([x, y, x]) as SymbolicTensor;
  },
  Multiply: () => (x) => {
    const gate = tf.layers.conv2d({ filters: 3, kernelSize: 1, activation: 'sigmoid' }).apply(x) as SymbolicTensor;
    return tf.layers.multiply().apply([x, gate]) as SymbolicTensor;
  },
  ...Object.fromEntries(
    (['average', 'maximum', 'minimum'] as const).map((merge) => [
      merge,
      () => (x: SymbolicTensor) => {
        const y = tf.layers.conv2d({ filters: 3, kernelSize: 1 }).apply(x) as SymbolicTensor;
        return tf.layers[merge]().apply([x, y]) as SymbolicTensor;
      },
    ]),
  ),
  Concatenate: () => (x) => {
    const y = tf.layers.conv2d({ filters: 2, kernelSize: 1 }).apply(x) as SymbolicTensor;
    return tf.layers.concatenate().apply([x, y, x]) as SymbolicTensor;
  },
  'a layer used twice': () => {
    const shared = tf.layers.conv2d({ filters: 3, kernelSize: 3, padding: 'same', activation: 'relu' });
    return (x) => tf.layers.add().apply([shared.apply(x), shared.apply(shared.apply(x))] as never) as SymbolicTensor;
  },
  'a model in the model': () => (x) => {
    const input = tf.input({ shape: x.shape.slice(1) });
    const inner = tf.layers.conv2d({ filters: 4, kernelSize: 2, activation: 'relu' }).apply(input) as SymbolicTensor;
    const model = tf.model({
      inputs: input,
      outputs: tf.layers.maxPooling2d({ poolSize: 2 }).apply(inner) as SymbolicTensor,
    });
    return model.apply(x) as SymbolicTensor;
  },
  'weights that are not trained': () => one(tf.layers.conv2d({ filters: 3, kernelSize: 2, trainable: false })),
};

const VOCABULARY = 9;
const WIDTH = 6;

/** Tokens, of which the first one fills up sequences, embedded; then the layer and a classifier. */
function ofTokens(middle: (x: SymbolicTensor, tokens: SymbolicTensor) => SymbolicTensor, embedding: unknown) {
  const tokens = tf.input({ shape: [7], dtype: 'int32' });
  const first = (embedding as { apply(x: SymbolicTensor): unknown }).apply(tokens) as SymbolicTensor;
  const y = middle(first, tokens);
  const flat = y.shape.length > 2 ? (tf.layers.flatten().apply(y) as SymbolicTensor) : y;
  return tf.model({ inputs: tokens, outputs: tf.layers.dense({ units: 4 }).apply(flat) as SymbolicTensor });
}

const table = () => new TokenEmbedding({ vocabulary: VOCABULARY, width: WIDTH });
const pooled =
  (mode: 'mean' | 'last', padToken: number | null = null) =>
  (x: SymbolicTensor, tokens: SymbolicTensor) =>
    new SequencePooling({ mode, padToken }).apply([x, tokens]) as SymbolicTensor;

const drawn =
  (count: number, padToken: number | null = null) =>
  (x: SymbolicTensor, tokens: SymbolicTensor) =>
    new TokenSampling({ tokens: count, padToken }).apply([x, tokens]) as SymbolicTensor;

const TOKEN_CASES: Record<string, () => ReturnType<typeof ofTokens>> = {
  "tfjs's own Embedding": () => ofTokens((x) => x, tf.layers.embedding({ inputDim: VOCABULARY, outputDim: 3 })),
  'TokenEmbedding, one weight in two places': () => {
    const shared = table();
    return ofTokens((x) => shared.apply(tf.layers.layerNormalization({}).apply(x) as SymbolicTensor) as never, shared);
  },
  PositionEmbedding: () => ofTokens(one(new PositionEmbedding({ positions: 11, width: WIDTH })), table()),
  'CausalSelfAttention, 1 head': () => ofTokens(one(new CausalSelfAttention({ heads: 1, width: WIDTH })), table()),
  'CausalSelfAttention, 3 heads': () => ofTokens(one(new CausalSelfAttention({ heads: 3, width: WIDTH })), table()),
  'SequencePooling mean': () => ofTokens(pooled('mean'), table()),
  'SequencePooling mean, padded': () => ofTokens(pooled('mean', 0), table()),
  'SequencePooling last': () => ofTokens(pooled('last'), table()),
  'SequencePooling last, padded': () => ofTokens(pooled('last', 0), table()),
  TokenSampling: () => ofTokens(drawn(3), table()),
  'TokenSampling, padded': () => ofTokens(drawn(4, 0), table()),
};

/** Sequences of ids, padded on the right to different lengths, some of them to nothing. */
function tokenSamples(n: number, seed: string) {
  const random = seedrandom(seed);
  const ids = Array.from({ length: n }, () => {
    const length = Math.floor(8 * random());
    return Array.from({ length: 7 }, (_, t) => (t < length ? 1 + Math.floor(random() * (VOCABULARY - 1)) : 0));
  });
  const labels = Int32Array.from({ length: n }, () => Math.floor(4 * random()));
  return { images: Float32Array.from(ids.flat()), labels, shape: [n, 7] };
}

describe('01 native layers', () => {
  before(() => ready());

  for (const [name, make] of Object.entries(CASES)) {
    it(`${name}: forward pass, gradients and moving averages are tfjs's`, async () => {
      const model = around(make());
      randomizeWeights(model, name);
      // 19 samples: more than a panel, and lanes that stay empty.
      // tfjs cannot differentiate those that say so.
      await comparePasses(model, normalSamples(model, 19, name), name, !name.includes('(forward pass)'));
    });
  }

  for (const [name, make] of Object.entries(TOKEN_CASES)) {
    it(`${name}: forward pass and gradients are tfjs's`, async () => {
      const model = make();
      randomizeWeights(model, name);
      await comparePasses(model, tokenSamples(19, name), name);
    });
  }

  it('a number that is no token is refused by name', async () => {
    const network = new NativeNetwork(compileNetwork(ofTokens((x) => x, table())), { maxBatch: 16 });
    try {
      for (const id of [9, -1, Number.NaN]) {
        const images = new Float32Array(14).fill(3);
        images[8] = id;
        await assert.rejects(network.evaluate({ images, count: 2 }), /token .* is none of the vocabulary's 9/);
      }
    } finally {
      network.dispose();
    }
  });

  it('a layer that tfjs cannot train: batch normalisation without scale, dilated convolutions', async () => {
    const model = around((x) => {
      const y = tf.layers.batchNormalization({ scale: false, center: false }).apply(x) as SymbolicTensor;
      return tf.layers
        .conv2d({ filters: 4, kernelSize: 3, dilationRate: 2, activation: 'relu' })
        .apply(y) as SymbolicTensor;
    });
    randomizeWeights(model, 'dilated');
    const { epochs } = await train({ model, train: normalSamples(model, 64, 'dilated'), epochs: 30, batchSize: 32 });
    assert.ok(epochs[29].loss < 0.7 * epochs[0].loss, `${epochs[0].loss} to ${epochs[29].loss}`);
  });

  it('every layer of the registry is among them', () => {
    const used = new Set(
      [...Object.values(CASES).map((make) => () => around(make())), ...Object.values(TOKEN_CASES)].flatMap((make) => {
        const layers = (model: { layers: { getClassName(): string }[] }): string[] =>
          model.layers.flatMap((layer) => [layer.getClassName(), ...('layers' in layer ? layers(layer as never) : [])]);
        return layers(make() as never);
      }),
    );
    assert.deepEqual(
      nativeLayers.filter((name) => !used.has(name)),
      [],
    );
  });
});

const GRAPHS = 100;

describe('02 random graphs', () => {
  before(() => ready());

  it(`${GRAPHS} graphs of all layers: forward pass, gradients and moving averages are tfjs's`, async () => {
    for (let graph = 0; graph < GRAPHS; graph++) {
      const model = randomModel(`graph-${graph}`);
      randomizeWeights(model, `weights-${graph}`);
      const kinds = model.layers.map((layer) => layer.getClassName()).join(' ');
      const samples = normalSamples(model, 5 + (graph % 20), `samples-${graph}`);
      await comparePasses(model, samples, `graph ${graph} (${kinds})`);
      model.dispose();
    }
  });
});
