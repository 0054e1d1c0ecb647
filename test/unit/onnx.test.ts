import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { LayersModel, layers, SymbolicTensor } from '@tensorflow/tfjs-layers';
import { loadMnistDigits, selectRows } from 'qrkd/data';
import { adaptiveAveragePooling2d, makeGpt2, paperStudent, paperTeacher } from 'qrkd/models';
import { exportOnnx, readOnnx, runOnnx, supportedLayers, toOnnx, verifyOnnx } from 'qrkd/onnx';
import { ready, tf } from '#dist/tensor/backend.js';

before(ready);
const root = mkdtempSync(join(tmpdir(), 'qrkd-onnx-'));
after(() => rmSync(root, { recursive: true }));
let files = 0;
const fresh = () => join(root, `model${files++}.onnx`);

/** Weights that no initialiser leaves at 0 or 1, variances (the last weight of a normalisation) positive. */
function shake(model: LayersModel): LayersModel {
  for (const layer of model.layers) {
    layer.setWeights(
      layer.getWeights().map((w, i) => {
        const variance = layer.getClassName() === 'BatchNormalization' && i === layer.getWeights().length - 1;
        return variance
          ? tf.randomUniform(w.shape, 0.5, 2, 'float32', 5)
          : tf.randomNormal(w.shape, 0.05, 0.25, 'float32', i + 1);
      }),
    );
  }
  return model;
}

function sequence(inputShape: (number | null)[], ...stack: layers.Layer[]): LayersModel {
  const input = tf.input({ shape: inputShape });
  return shake(
    tf.model({
      inputs: input,
      outputs: stack.reduce((x, layer) => layer.apply(x) as SymbolicTensor, input as SymbolicTensor),
    }),
  );
}

/** Exports, and runs both runtimes on random inputs. */
async function agrees(model: LayersModel): Promise<void> {
  const path = fresh();
  await exportOnnx(model, path);
  const report = await verifyOnnx(path, model, { samples: 5, seed: 3, tolerance: 2e-5 });
  assert.ok(report.maxDifference <= 2e-5, `differs by ${report.maxDifference}`);
}

const image = [9, 7, 3];
const gpt2 = { vocab_size: 7, n_positions: 9, n_embd: 8, n_layer: 2, n_head: 2 };
const CASES: Record<string, () => LayersModel> = {
  'Conv2D valid': () => sequence(image, tf.layers.conv2d({ filters: 4, kernelSize: 3 })),
  'Conv2D same, even kernel': () =>
    sequence(image, tf.layers.conv2d({ filters: 4, kernelSize: [2, 4], padding: 'same' })),
  'Conv2D same, strided': () =>
    sequence(image, tf.layers.conv2d({ filters: 4, kernelSize: 3, strides: 2, padding: 'same' })),
  'ZeroPadding2D, of an image as it comes and behind a convolution': () =>
    sequence(
      image,
      tf.layers.zeroPadding2d({
        padding: [
          [1, 2],
          [0, 3],
        ] as never,
      }),
      tf.layers.conv2d({ filters: 4, kernelSize: 3 }),
      tf.layers.zeroPadding2d({ padding: 1 }),
      tf.layers.conv2d({ filters: 2, kernelSize: 3, strides: 2 }),
    ),
  'Conv2D 1x1, strides 3': () =>
    sequence(image, tf.layers.conv2d({ filters: 2, kernelSize: 1, strides: 3, padding: 'same' })),
  'Conv2D dilated': () =>
    sequence(image, tf.layers.conv2d({ filters: 2, kernelSize: 3, dilationRate: 2, padding: 'same' })),
  'Conv2D without bias, relu': () =>
    sequence(image, tf.layers.conv2d({ filters: 2, kernelSize: 3, useBias: false, activation: 'relu' })),
  'Conv2D softmax over channels': () =>
    sequence(image, tf.layers.conv2d({ filters: 4, kernelSize: 3, activation: 'softmax' })),
  'Dense of features': () => sequence([6], tf.layers.dense({ units: 4, activation: 'tanh' })),
  'Dense without bias': () => sequence([6], tf.layers.dense({ units: 4, useBias: false })),
  'Dense of a sequence': () => sequence([5, 6], tf.layers.dense({ units: 4, activation: 'softmax' })),
  'Dense of an image behind a convolution': () =>
    sequence(image, tf.layers.conv2d({ filters: 4, kernelSize: 3 }), tf.layers.dense({ units: 2 })),
  MaxPooling2D: () => sequence(image, tf.layers.maxPooling2d({ poolSize: 2 })),
  'MaxPooling2D same, overlapping': () =>
    sequence(image, tf.layers.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' })),
  AveragePooling2D: () => sequence(image, tf.layers.averagePooling2d({ poolSize: [3, 2] })),
  'AveragePooling2D same': () =>
    sequence(image, tf.layers.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' })),
  GlobalAveragePooling2D: () => sequence(image, tf.layers.globalAveragePooling2d({}), tf.layers.dense({ units: 2 })),
  GlobalMaxPooling2D: () => sequence(image, tf.layers.globalMaxPooling2d({})),
  'AdaptiveAveragePooling2d, overlapping windows': () =>
    sequence(image, adaptiveAveragePooling2d({ outputSize: [4, 2] })),
  'AdaptiveAveragePooling2d, sizes that divide': () =>
    sequence([8, 6, 2], adaptiveAveragePooling2d({ outputSize: [4, 2] })),
  'AdaptiveAveragePooling2d, larger than its input': () =>
    sequence([2, 3, 2], adaptiveAveragePooling2d({ outputSize: 5 })),
  'Flatten behind a convolution': () =>
    sequence(
      image,
      tf.layers.conv2d({ filters: 4, kernelSize: 3 }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 2 }),
    ),
  Reshape: () =>
    sequence([12], tf.layers.reshape({ targetShape: [2, 3, 2] }), tf.layers.conv2d({ filters: 2, kernelSize: 2 })),
  'Reshape with an inferred size': () => sequence(image, tf.layers.reshape({ targetShape: [-1, 9] })),
  ReLU: () => sequence(image, tf.layers.reLU()),
  'ReLU with a maximum': () => sequence([6], tf.layers.dense({ units: 5 }), tf.layers.reLU({ maxValue: 0.4 })),
  LeakyReLU: () => sequence([6], tf.layers.dense({ units: 5 }), tf.layers.leakyReLU({ alpha: 0.2 })),
  ELU: () => sequence([6], tf.layers.dense({ units: 5 }), tf.layers.elu()),
  Softmax: () => sequence([6], tf.layers.softmax()),
  'Softmax of an image behind a convolution': () =>
    sequence(image, tf.layers.conv2d({ filters: 4, kernelSize: 3 }), tf.layers.softmax({ axis: -1 })),
  Dropout: () =>
    sequence([6], tf.layers.dropout({ rate: 0.5 }), tf.layers.dense({ units: 2 }), tf.layers.dropout({ rate: 0.5 })),
  'BatchNormalization of features': () => sequence([6], tf.layers.batchNormalization()),
  'BatchNormalization of an image': () =>
    sequence(image, tf.layers.batchNormalization({ epsilon: 0.1 }), tf.layers.flatten()),
  'BatchNormalization without scale': () => sequence(image, tf.layers.batchNormalization({ scale: false })),
  'BatchNormalization without centre': () => sequence([6], tf.layers.batchNormalization({ center: false })),
  LayerNormalization: () => sequence([4, 6], tf.layers.layerNormalization({ epsilon: 0.1 })),
  'LayerNormalization of features, without its weights': () =>
    sequence([6], tf.layers.layerNormalization({ scale: false, center: false })),
  'LayerNormalization without scale': () => sequence([6], tf.layers.layerNormalization({ scale: false })),
  'LayerNormalization without centre': () => sequence([6], tf.layers.layerNormalization({ center: false })),
  'GPT-2': () => shake(makeGpt2(gpt2).model),
  'GPT-2 as a classifier': () => shake(makeGpt2({ ...gpt2, num_labels: 3, pad_token_id: 0 }).model),
  Sequential: () =>
    shake(
      tf.sequential({
        layers: [
          tf.layers.conv2d({ filters: 2, kernelSize: 3, inputShape: image }),
          tf.layers.flatten(),
          tf.layers.dense({ units: 3 }),
        ],
      }),
    ),
  'Add and Concatenate': () => {
    const x = tf.input({ shape: image });
    const conv = () => tf.layers.conv2d({ filters: 3, kernelSize: 3, padding: 'same' });
    const a = conv().apply(x) as SymbolicTensor;
    const b = conv().apply(x) as SymbolicTensor;
    const sum = tf.layers.add().apply([a, b, x]) as SymbolicTensor;
    const inner = tf.layers.concatenate().apply([a, b]) as SymbolicTensor;
    const high = tf.layers.concatenate({ axis: 1 }).apply([a, sum]) as SymbolicTensor;
    return shake(tf.model({ inputs: x, outputs: [sum, inner, high] }));
  },
  'two inputs': () => {
    const [a, b] = [tf.input({ shape: [3] }), tf.input({ shape: [4] })];
    const joined = tf.layers.concatenate().apply([a, b]) as SymbolicTensor;
    return shake(tf.model({ inputs: [a, b], outputs: tf.layers.dense({ units: 2 }).apply(joined) as SymbolicTensor }));
  },
  'a layer applied twice, and a value that is two outputs': () => {
    const x = tf.input({ shape: [4] });
    const shared = tf.layers.dense({ units: 4, activation: 'relu', name: 'shared' });
    const once = shared.apply(x) as SymbolicTensor;
    const twice = shared.apply(once) as SymbolicTensor;
    const same = tf.layers.dropout({ rate: 0.1 }).apply(twice) as SymbolicTensor;
    return shake(tf.model({ inputs: x, outputs: [once, twice, same] }));
  },
  'nested models': () => {
    const inner = sequence([4], tf.layers.dense({ units: 4, name: 'inside' }), tf.layers.reLU({ name: 'last' }));
    const x = tf.input({ shape: [4] });
    return tf.model({ inputs: x, outputs: inner.apply(inner.apply(x) as SymbolicTensor) as SymbolicTensor });
  },
};

describe('01 every layer computes in onnxruntime what it computes in tfjs', () => {
  for (const [name, model] of Object.entries(CASES)) it(name, () => agrees(model()));

  for (const activation of [
    'elu',
    'hardSigmoid',
    'linear',
    'relu',
    'relu6',
    'selu',
    'sigmoid',
    'softmax',
    'softplus',
    'softsign',
    'swish',
    'tanh',
  ] as const) {
    it(`Activation ${activation}, alone and inline`, async () => {
      const dense = () => tf.layers.dense({ units: 5 });
      await agrees(
        sequence(
          [6],
          dense(),
          tf.layers.activation({ activation }),
          dense(),
          tf.layers.dense({ units: 5, activation }),
        ),
      );
    });
  }

  it('and no supported layer goes untested', () => {
    const noise = ['AlphaDropout', 'GaussianDropout', 'GaussianNoise', 'SpatialDropout1D'];
    const tested = Object.values(CASES).flatMap((model) => model().layers.map((layer) => layer.getClassName()));
    assert.deepEqual(
      supportedLayers.filter((name) => ![...tested, ...noise, 'Activation'].includes(name)),
      [],
    );
  });
});

describe('02 the file', () => {
  it('is opset 17, IR 8, with a dynamic batch, real names and its metadata', async () => {
    const path = fresh();
    const metadata = { note: 'grün', metrics: { testAccuracy: 0.925, epochs: [1, 2] }, none: undefined };
    const result = await exportOnnx(paperStudent(), path, { metadata, trainingConfig: { b: 1, a: { d: 2, c: 3 } } });
    const summary = readOnnx(path);
    assert.equal(result.bytes, readFileSync(path).length);
    assert.equal(summary.opset, 17);
    assert.equal(summary.irVersion, 8);
    assert.equal(summary.producer, 'qrkd');
    assert.match(summary.producerVersion, /^\d+\.\d+\.\d+/);
    assert.deepEqual(summary.inputs, [{ name: 'image', shape: ['batch', 28, 28, 1] }]);
    assert.deepEqual(summary.outputs, [{ name: 'logits', shape: ['batch', 10] }]);
    assert.equal(summary.metadata.note, 'grün');
    assert.deepEqual(JSON.parse(summary.metadata.metrics), metadata.metrics);
    assert.equal('none' in summary.metadata, false);
    const names = summary.nodes.map((node) => node.name);
    for (const layer of ['conv1', 'conv2', 'pool', 'relu2', 'downsample', 'conv3', 'flatten', 'features', 'logits']) {
      assert.ok(names.includes(layer), `${layer} in ${names}`);
    }
    // One transposition in front of the convolutions and one behind them.
    assert.equal(summary.nodes.filter((node) => node.operator === 'Transpose').length, 2);
    const reordered = toOnnx(paperStudent(), { metadata, trainingConfig: { a: { c: 3, d: 2 }, b: 1 } });
    assert.deepEqual(Buffer.from(reordered), readFileSync(path));
  });

  it('of the paper networks agrees on real digits, to the sample', async () => {
    const digits = selectRows(
      loadMnistDigits().test,
      Array.from({ length: 300 }, (_, i) => i),
    );
    for (const model of [
      paperTeacher({ seed: 1 }),
      paperTeacher({ variant: 'authors' }),
      paperStudent(),
      paperStudent({ embedding: 'relu' }),
    ]) {
      const path = fresh();
      await exportOnnx(model, path);
      const inputs = { data: digits.images, shape: digits.shape };
      const report = await verifyOnnx(path, model, { inputs, labels: digits.labels, samples: 10 });
      assert.ok(report.ok, JSON.stringify(report));
      assert.equal(report.real!.samples, 300);
      assert.equal(report.real!.accuracy!.onnxCorrect, report.real!.accuracy!.tfjsCorrect);
    }
  });

  it('of another model is found out', async () => {
    const path = fresh();
    await exportOnnx(paperStudent({ seed: 1 }), path);
    const report = await verifyOnnx(path, paperStudent({ seed: 2 }));
    assert.equal(report.ok, false);
    assert.ok(report.maxDifference > 1e-3);
    await assert.rejects(verifyOnnx(path, sequence([6], tf.layers.dense({ units: 2 }))), { code: 'ERR_QRKD_SHAPE' });
  });
});

describe('03 refusals', () => {
  it('an unsupported layer, by name, before anything is written', async () => {
    const path = fresh();
    const model = sequence([5], tf.layers.thresholdedReLU({ name: 'threshold' }));
    await assert.rejects(exportOnnx(model, path), (error: Error & { code: string }) => {
      assert.equal(error.code, 'ERR_QRKD_UNSUPPORTED');
      assert.match(error.message, /layer "threshold" \(ThresholdedReLU\) cannot be exported/);
      return true;
    });
    assert.equal(existsSync(path), false);
    const first = sequence(
      [3, 5, 5],
      tf.layers.conv2d({ filters: 2, kernelSize: 3, dataFormat: 'channelsFirst', name: 'nchw' }),
    );
    await assert.rejects(exportOnnx(first, path), /layer "nchw" \(Conv2D\).*channelsFirst/);
    await assert.rejects(exportOnnx({} as LayersModel, path), { code: 'ERR_QRKD_TYPE' });
    await assert.rejects(exportOnnx(model, path, { meta: {} } as never), { code: 'ERR_QRKD_UNKNOWN_KEY' });
  });

  it('a truncated, foreign or missing file, with one line', async () => {
    const model = paperStudent();
    const bytes = toOnnx(model);
    const path = fresh();
    const lengths = [0, 1, 100, Math.floor(bytes.length / 2), bytes.length - 6, bytes.length - 1];
    for (const length of lengths) {
      writeFileSync(path, bytes.subarray(0, length));
      await assert.rejects(verifyOnnx(path, model), (error: Error & { code: string }) => {
        assert.equal(error.code, 'ERR_QRKD_FORMAT', `${length}: ${error.message}`);
        assert.ok(error.message.startsWith(path) && !error.message.includes('\n'));
        return true;
      });
    }
    writeFileSync(path, 'not a model at all');
    await assert.rejects(verifyOnnx(path, model), { code: 'ERR_QRKD_FORMAT' });
    await assert.rejects(verifyOnnx(join(root, 'none.onnx'), model), { code: 'ERR_QRKD_FILE' });
  });

  it('inputs of another shape', async () => {
    const path = fresh();
    await exportOnnx(paperStudent(), path);
    const image = { data: new Float32Array(27 * 28), shape: [1, 27, 28, 1] };
    await assert.rejects(runOnnx(path, { image }), /input "image" is \[1, 27, 28, 1\], expected \[batch, 28, 28, 1\]/);
    await assert.rejects(runOnnx(path, {}), /input "image" is missing/);
    const short = { data: new Float32Array(783), shape: [1, 28, 28, 1] };
    await assert.rejects(runOnnx(path, { image: short }), /input "image" has 783 numbers for \[1, 28, 28, 1\]/);
    const none = { data: new Float32Array(0), shape: [0, 28, 28, 1] };
    await assert.rejects(verifyOnnx(path, paperStudent(), { inputs: none }), { code: 'ERR_QRKD_SHAPE' });
    await assert.rejects(verifyOnnx(path, paperStudent(), { labels: [1] }), { code: 'ERR_QRKD_VALUE' });
  });

  it('an output folder that does not exist leaves nothing behind', async () => {
    await assert.rejects(exportOnnx(paperStudent(), join(root, 'no', 'x.onnx')), { code: 'ERR_QRKD_FILE' });
    assert.deepEqual(
      readdirSync(root).filter((name) => !name.endsWith('.onnx')),
      [],
    );
  });
});

describe('04 qrkd/onnx', () => {
  it('loads neither the addon nor TensorFlow', () => {
    const script = `
      process.dlopen = () => { throw new Error('a native module was loaded'); };
      const { exportOnnx } = await import('qrkd/onnx');
      const { createRequire } = await import('node:module');
      const loaded = Object.keys(createRequire(import.meta.url).cache).filter((f) => /tfjs|onnxruntime/.test(f));
      console.log(typeof exportOnnx, loaded.length);`;
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: new URL('../../../', import.meta.url),
      encoding: 'utf8',
    });
    assert.equal(output.trim(), 'function 0');
  });
});
