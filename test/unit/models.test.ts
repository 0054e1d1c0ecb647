import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Scalar, Tensor } from '@tensorflow/tfjs-core';
import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs-layers';
import {
  adaptiveAveragePooling2d,
  cifarTeacher,
  FEATURE_LAYER,
  loadModel,
  makeStudent,
  makeTeacher,
  paperStudent,
  paperTeacher,
  resnet,
  STUDENT_NAMES,
  saveModel,
  TEACHER_NAMES,
} from 'qrkd/models';
import { toOnnx } from 'qrkd/onnx';
import { compileNetwork } from '#dist/network/compile.js';
import { ready, tf } from '#dist/tensor/backend.js';

interface Fixture {
  models: {
    name: string;
    parameters: number;
    input: number[];
    features: number[][];
    logits: number[][];
    gradients: { norm: number; projection: number }[];
  }[];
  pools: { shape: number[]; outputSize: [number, number]; output: number[]; gradient: number[] }[];
}
const fixture: Fixture = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/models.json', import.meta.url), 'utf8'),
);

const MODELS: Record<string, () => LayersModel> = {
  teacher: () => paperTeacher(),
  'teacher-authors': () => paperTeacher({ variant: 'authors' }),
  'student-linear': () => paperStudent(),
  'student-relu': () => paperStudent({ embedding: 'relu' }),
  'teacher-cifar': () => cifarTeacher(),
  'student-colour': () => paperStudent({ inputShape: [32, 32, 3] }),
  resnet8: () => resnet({ depth: 8 }),
};

const trained = (model: LayersModel) => model.trainableWeights.reduce((sum, { shape }) => sum + size(shape), 0);

/** The formula of test/fixtures/make_models.py. */
function noise(count: number, salt: number): Float32Array {
  return Float32Array.from(
    { length: count },
    (_, k) => ((k * 2654435761 + salt * 40503 + 12345) % 2 ** 32) / 2 ** 31 - 1,
  );
}
const size = (shape: readonly (number | null)[]) => shape.reduce<number>((product, dim) => product * (dim ?? 1), 1);
const noiseTensor = (shape: number[], salt: number): Tensor => tf.tensor(noise(size(shape), salt), shape);

function close(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  assert.equal(actual.length, expected.length);
  let scale = 1e-6;
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    scale = Math.max(scale, Math.abs(expected[i]));
    worst = Math.max(worst, Math.abs(actual[i] - expected[i]));
  }
  assert.ok(worst <= tolerance * scale, `largest difference ${worst}, allowed ${tolerance * scale}`);
}

before(ready);

describe('01 the paper networks', () => {
  it('have exactly 6,690 and 1,725 parameters', () => {
    assert.equal(paperTeacher().countParams(), 6690);
    assert.equal(paperTeacher({ variant: 'authors' }).countParams(), 6690);
    assert.equal(paperStudent().countParams(), 1725);
    assert.equal(paperStudent({ embedding: 'relu' }).countParams(), 1725);
  });

  it('have a student of any width: 913 + 203 a feature', () => {
    for (const width of [16, 64]) {
      const student = paperStudent({ width });
      assert.equal(student.countParams(), 913 + 203 * width);
      assert.deepEqual(student.getLayer(FEATURE_LAYER).outputShape, [null, width]);
    }
    for (const width of [0, 2.5])
      assert.throws(() => paperStudent({ width }), /width is .*; expected an integer of at/);
  });

  it('take [n, 28, 28, 1], give logits [n, 10], and name their feature layer', () => {
    for (const [model, width] of [
      [paperTeacher(), 31],
      [paperTeacher({ variant: 'authors' }), 20],
      [paperStudent(), 4],
    ] as const) {
      assert.deepEqual(model.inputs[0].shape, [null, 28, 28, 1]);
      assert.deepEqual(model.outputs[0].shape, [null, 10]);
      assert.deepEqual(model.getLayer(FEATURE_LAYER).outputShape, [null, width]);
    }
  });

  it('have the sizes that are known of the CIFAR networks', () => {
    assert.equal(cifarTeacher().countParams(), 285_226);
    assert.equal(paperTeacher({ inputShape: [32, 32, 3] }).countParams(), 6690 + 18);
    assert.equal(paperStudent({ inputShape: [32, 32, 3] }).countParams(), 1725 + 2 * 9 * 19);
    assert.equal(trained(resnet()), 269_722);
    assert.equal(trained(resnet({ depth: 8 })), 75_290);
    assert.equal(trained(resnet({ depth: 32 })), 464_154);
  });

  it('by name: any image and number of classes, native, and as ONNX', () => {
    const options = { inputShape: [32, 32, 3], classes: 100, seed: 5 } as const;
    const models = [
      ...TEACHER_NAMES.map((name) => makeTeacher(name, options)),
      ...STUDENT_NAMES.map((name) => makeStudent(name, options)),
    ];
    assert.deepEqual(
      models.map((model) => model.getLayer(FEATURE_LAYER).outputShape),
      [31, 20, 64, 64, 4, 64].map((width) => [null, width]),
    );
    for (const model of models) {
      assert.deepEqual(
        [model.inputs[0].shape, model.outputs[0].shape],
        [
          [null, 32, 32, 3],
          [null, 100],
        ],
      );
      assert.equal(compileNetwork(model, { features: [FEATURE_LAYER] }).sizes.length, 2);
      assert.ok(toOnnx(model).length > 4 * model.countParams());
    }
    assert.throws(() => makeTeacher('resnet' as never), /name is "resnet".*did you mean "resnet20"/);
    assert.throws(() => makeStudent('resnet8', { width: 4 }), /unknown key "width"/);
  });

  it('are initialised from their seed', () => {
    const values = (model: LayersModel) => model.getWeights().map((w) => [...w.dataSync()]);
    assert.deepEqual(values(paperStudent({ seed: 7 })), values(paperStudent({ seed: 7 })));
    assert.notDeepEqual(values(paperStudent({ seed: 7 })), values(paperStudent({ seed: 8 })));
    const limit = Math.sqrt(6 / 171);
    const conv2 = values(paperStudent())[1];
    assert.ok(conv2.every((w) => Math.abs(w) <= limit) && Math.max(...conv2) > 0.95 * limit);
  });

  it('refuse what they do not know', () => {
    assert.throws(() => paperStudent({ embeding: 'relu' } as never), { code: 'ERR_QRKD_UNKNOWN_KEY' });
    assert.throws(() => paperStudent({ embedding: 'tanh' as never }), /embedding is "tanh"/);
    assert.throws(() => paperTeacher({ variant: 'author' as never }), /did you mean "authors"/);
    assert.throws(() => paperTeacher({ seed: -1 }), /seed is -1; expected an integer from 0/);
    assert.throws(
      () => paperTeacher({ inputShape: [28, 28] as never }),
      /inputShape is \[28,28\]; expected \[height, wid/,
    );
    assert.throws(() => paperStudent({ inputShape: [7, 9, 1] }), /sides of 7 and 9; expected at least 8/);
    assert.throws(() => cifarTeacher({ classes: 1 }), /classes is 1; expected an integer of at least 2/);
    assert.throws(() => resnet({ depth: 18 }), /depth is 18; expected 6 n \+ 2/);
  });
});

describe('02 forward and backward against PyTorch', () => {
  for (const expected of fixture.models) {
    it(expected.name, () => {
      const model = MODELS[expected.name]();
      assert.equal(trained(model), expected.parameters);
      model.trainableWeights.forEach((weight, salt) => {
        const shape = weight.shape as number[];
        const scale = Math.sqrt(6 / size(shape.slice(0, -1)));
        const values = noise(size(shape), salt).map((v) => v * scale);
        weight.write(tf.tensor(values, shape));
      });
      const x = tf.div(tf.add(noiseTensor(expected.input, 99), 1), 2);
      const layer = model.getLayer(FEATURE_LAYER);
      const both = tf.model({ inputs: model.inputs, outputs: [layer.output as SymbolicTensor, model.outputs[0]] });
      const [features, logits] = both.predict(x) as Tensor[];
      close(features.dataSync(), expected.features.flat(), 2e-5);
      close(logits.dataSync(), expected.logits.flat(), 2e-5);

      const objective = () =>
        tf.sum(tf.mul(model.apply(x) as Tensor, noiseTensor([expected.input[0], 10], 77))) as Scalar;
      const { grads } = tf.variableGrads(objective);
      model.trainableWeights.forEach((weight, i) => {
        const gradient = grads[weight.name];
        const along = tf.sum(tf.mul(gradient, noiseTensor(gradient.shape, 55)));
        const { norm, projection } = expected.gradients[i];
        close(tf.norm(gradient).dataSync(), [norm], 1e-4);
        assert.ok(Math.abs(along.dataSync()[0] - projection) <= 1e-4 * norm, `projection of ${weight.name}`);
      });
    });
  }
});

describe('03 adaptive average pooling', () => {
  for (const { shape, outputSize, output, gradient } of fixture.pools) {
    it(`${shape.slice(1, 3).join('x')} to ${outputSize.join('x')} as PyTorch, with its gradient`, () => {
      const layer = adaptiveAveragePooling2d({ outputSize });
      const result = tf.valueAndGrad((x) => {
        const y = layer.apply(x) as Tensor;
        assert.deepEqual(y.shape, layer.computeOutputShape(shape));
        return tf.sum(tf.mul(y, noiseTensor(y.shape, 77)));
      })(noiseTensor(shape, 11));
      close((layer.apply(noiseTensor(shape, 11)) as Tensor).dataSync(), output, 1e-6);
      close(result.grad.dataSync(), gradient, 1e-6);
    });
  }

  it('refuses sizes that are not one or two positive integers', () => {
    for (const outputSize of [0, 1.5, [4], [4, -1], 'x', undefined]) {
      assert.throws(() => adaptiveAveragePooling2d({ outputSize } as never), { code: 'ERR_QRKD_VALUE' });
    }
  });
});

describe('04 saving and loading', () => {
  const root = mkdtempSync(join(tmpdir(), 'qrkd-models-'));
  after(() => rmSync(root, { recursive: true }));

  it('gives back the same model on every backend', async () => {
    const model = paperStudent({ seed: 3 });
    const file = await saveModel(model, join(root, 'student'));
    const x = noiseTensor([3, 28, 28, 1], 1);
    for (const path of [file, join(root, 'student')]) {
      const loaded = await loadModel(path);
      assert.equal(loaded.getLayer('downsample').getClassName(), 'AdaptiveAveragePooling2d');
      assert.deepEqual([...(loaded.predict(x) as Tensor).dataSync()], [...(model.predict(x) as Tensor).dataSync()]);
    }
  });

  it('names the file that is missing, truncated or not a model', async () => {
    const refused = (path: string, code: string, message: RegExp) =>
      assert.rejects(loadModel(path), (error: Error & { code: string }) => {
        assert.equal(error.code, code);
        assert.match(error.message, message);
        assert.ok(!error.message.includes('\n'));
        return true;
      });
    await refused(join(root, 'none'), 'ERR_QRKD_FILE', /none: no such file/);
    const folder = join(root, 'broken');
    const file = await saveModel(paperStudent(), folder);
    truncateSync(join(folder, 'weights.bin'), 6000);
    await refused(folder, 'ERR_QRKD_FORMAT', /6000 bytes, expected 6900/);
    rmSync(join(folder, 'weights.bin'));
    await refused(folder, 'ERR_QRKD_FILE', /weights\.bin: cannot be read/);
    truncateSync(file, 100);
    await refused(folder, 'ERR_QRKD_FORMAT', /model\.json: not readable as JSON/);
    writeFileSync(file, '{"a": 1}');
    await refused(folder, 'ERR_QRKD_FORMAT', /not a saved tf\.LayersModel/);
  });
});
