import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { SymbolicTensor } from '@tensorflow/tfjs-layers';
import { ready, tf } from 'qrkd/distill';
import { paperStudent } from 'qrkd/models';
import { PositionEmbedding } from '#dist/models/layers/positionEmbedding.js';
import { TokenEmbedding } from '#dist/models/layers/tokenEmbedding.js';
import { compileNetwork } from '#dist/network/compile.js';

type Layer = { apply(x: SymbolicTensor | SymbolicTensor[]): unknown };

/** A model of one layer between an input and flat logits. */
function withLayer(layer: Layer, shape: (number | null)[] = [6, 6, 2]) {
  const input = tf.input({ shape, name: 'in' });
  const y = layer.apply(input) as SymbolicTensor;
  const flat = y.shape.length > 2 ? (tf.layers.flatten().apply(y) as SymbolicTensor) : y;
  return tf.model({ inputs: input, outputs: flat });
}

describe('01 compiling a model', () => {
  before(() => ready());

  it("the paper's student: its nodes, with ReLUs inside convolutions and a feature tap", () => {
    const compiled = compileNetwork(paperStudent(), { features: ['features'] });
    assert.deepEqual(compiled.input, [28, 28, 1]);
    assert.deepEqual(
      compiled.nodes.map(({ kind, inputs }) => [kind, ...inputs]),
      [
        ['conv2d', 0],
        ['conv2d', 1],
        ['maxPool2d', 2],
        ['relu', 3],
        ['adaptiveAveragePool2d', 4],
        ['conv2d', 5],
        ['reshape', 6],
        ['dense', 7],
        ['dense', 8],
      ],
    );
    assert.deepEqual(
      compiled.nodes.flatMap(({ numbers }) => ('relu' in numbers ? [numbers.relu] : [])),
      [1, 0, 1, 0, 0],
    );
    assert.deepEqual([compiled.outputs, compiled.sizes, compiled.features], [[9, 8], [10, 4], [1]]);
    assert.equal(compiled.weights.length, 7);
    assert.ok(compiled.trainable.every(Boolean));
  });

  it('padding as TensorFlow has it: the odd pixel at the end', () => {
    const layer = tf.layers.conv2d({ filters: 1, kernelSize: [4, 3], strides: [3, 2], padding: 'same' });
    const { numbers } = compileNetwork(withLayer(layer, [8, 8, 1])).nodes[0];
    assert.deepEqual([numbers.padTop, numbers.padLeft, numbers.outHeight, numbers.outWidth], [1, 0, 3, 4]);
  });

  it('separable convolutions are two nodes, a dense layer on pixels a product at each, an equal shape nothing', () => {
    const separable = compileNetwork(withLayer(tf.layers.separableConv2d({ filters: 3, kernelSize: 2 })));
    assert.deepEqual(
      separable.nodes.map(({ kind, weights }) => [kind, ...weights]),
      [['depthwiseConv2d', 0], ['conv2d', 1, 2], ['reshape']],
    );
    const dense = compileNetwork(withLayer(tf.layers.dense({ units: 3 }), [5, 2]));
    assert.deepEqual(
      dense.nodes.map(({ kind, numbers }) => [kind, numbers.units]),
      [
        ['pointwise', 3],
        ['reshape', undefined],
      ],
    );
    const flat = tf.sequential({
      layers: [tf.layers.reshape({ inputShape: [4], targetShape: [4] }), tf.layers.dense({ units: 2 })],
    });
    assert.deepEqual(
      compileNetwork(flat).nodes.map(({ kind }) => kind),
      ['dense'],
    );
  });

  it('weights stand once, trained ones first; a frozen layer and moving averages are not trained', () => {
    const shared = tf.layers.dense({ units: 4 });
    const input = tf.input({ shape: [4] });
    const frozen = tf.layers.dense({ units: 4, trainable: false });
    const norm = tf.layers.batchNormalization();
    const y = norm.apply(frozen.apply(shared.apply(shared.apply(input)))) as SymbolicTensor;
    const { weights, trainable, nodes } = compileNetwork(tf.model({ inputs: input, outputs: y }));
    assert.deepEqual(trainable, [true, true, true, true, false, false, false, false]);
    assert.equal(new Set(weights).size, 8);
    assert.deepEqual(
      nodes.map((node) => node.weights),
      [
        [0, 1],
        [0, 1],
        [4, 5],
        [2, 3, 6, 7],
      ],
    );
  });

  it('dropout: no two layers share a mask, equal seeds give equal ones', () => {
    const model = tf.sequential({
      layers: [
        tf.layers.dropout({ rate: 0.5, inputShape: [4] }),
        tf.layers.dropout({ rate: 0.5 }),
        tf.layers.dropout({ rate: 0.5, seed: 7 }),
      ],
    });
    const seeds = (seed: number) => compileNetwork(model, { seed }).nodes.map(({ numbers }) => numbers.seed);
    assert.deepEqual(seeds(1), seeds(1));
    assert.equal(new Set([...seeds(1), ...seeds(2)]).size, 5);
    assert.ok(seeds(1).every((seed) => Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32));
  });

  it('what is not supported is named with its layer and the reason', () => {
    const refused = (layer: Layer, expected: RegExp, shape?: (number | null)[]) =>
      assert.throws(() => compileNetwork(withLayer(layer, shape)), { code: 'ERR_QRKD_UNSUPPORTED', message: expected });
    refused(tf.layers.permute({ dims: [2, 1, 3], name: 'turn' }), /^layer "turn" \(Permute\): .*no such layer/);
    refused(
      tf.layers.conv2d({ filters: 1, kernelSize: 1, dataFormat: 'channelsFirst', name: 'c' }),
      /"c".*channelsFirst/,
    );
    refused(tf.layers.reLU({ maxValue: 2, name: 'r' }), /"r" \(ReLU\): maxValue is 2/);
    refused(
      tf.layers.activation({ activation: 'softsign', name: 'a' }),
      /"a" \(Activation\): activation is "softsign"/,
    );
    refused(tf.layers.softmax({ axis: 1, name: 's' }), /"s" \(Softmax\): axis is 1, not the last/);
    refused(tf.layers.batchNormalization({ axis: 1, name: 'b' }), /"b" \(BatchNormalization\): axis is 1/);
    refused(tf.layers.layerNormalization({ axis: [1, 2], name: 'l' }), /"l" \(LayerNormalization\): axis is \[1,2\]/);
    refused(tf.layers.dropout({ rate: 0.5, noiseShape: [1, 1, 1, 2], name: 'd' }), /"d" \(Dropout\): noiseShape/);
    refused(tf.layers.reshape({ targetShape: [2, 3, 6, 2], name: 'n' }), /"n" \(Reshape\): .*\[2, 3, 6, 2\]/);
    refused(tf.layers.globalAveragePooling2d({ name: 'g' }), /"in" \(InputLayer\): its shape \[\?, \?, 3\]/, [
      null,
      null,
      3,
    ]);
    const tokens = tf.input({ shape: [null], dtype: 'int32', name: 'tokens' });
    const embedded = new TokenEmbedding({ vocabulary: 5, width: 4 }).apply(tokens) as SymbolicTensor;
    const positions = new PositionEmbedding({ positions: 3, width: 4, name: 'wpe' }).apply(embedded) as SymbolicTensor;
    const attended = tf.model({ inputs: tokens, outputs: positions });
    assert.throws(() => compileNetwork(attended, { length: 4 }), /"wpe" .*4 tokens, more than its 3/);
    assert.throws(() => compileNetwork(attended), /"tokens" \(InputLayer\): its shape \[\?\]/);
    const integers = tf.input({ shape: [4], dtype: 'int32' });
    const added = tf.layers.add({ name: 'sum' }).apply([integers, integers]) as SymbolicTensor;
    assert.throws(() => compileNetwork(tf.model({ inputs: integers, outputs: added })), /"sum" \(Add\): .*integers/);
    const input = tf.input({ shape: [4, 4, 1] });
    const wide = tf.layers.conv2d({ filters: 3, kernelSize: 1 }).apply(input) as SymbolicTensor;
    const side = (layer: Layer) =>
      tf.model({
        inputs: input,
        outputs: tf.layers.flatten().apply(layer.apply([wide, input]) as SymbolicTensor) as SymbolicTensor,
      });
    assert.throws(
      () => compileNetwork(side(tf.layers.add({ name: 'sum' }))),
      /"sum" \(Add\): its inputs differ in shape/,
    );
    assert.throws(
      () => compileNetwork(tf.model({ inputs: input, outputs: wide })),
      /\(Conv2D\): the model's output \[4, 4, 3\] is not one vector/,
    );
    const nested = tf.sequential({
      name: 'inner',
      layers: [tf.layers.permute({ dims: [3, 1, 2], inputShape: [6, 6, 2], name: 'p' })],
    });
    refused(nested, /layer "inner\/p" \(Permute\)/);
  });
});
