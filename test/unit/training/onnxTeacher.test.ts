import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  distill,
  keepOutputs,
  onnxTeacher,
  qrkdLoss,
  ready,
  type SampleSet,
  type Tap,
  type Teacher,
} from 'qrkd/distill';
import { paperStudent, paperTeacher } from 'qrkd/models';
import { exportOnnx } from 'qrkd/onnx';
import seedrandom from 'seedrandom';
import { decodeModel, encodeModel } from '#dist/onnx/schema.js';
import { weightsOf } from './clouds.js';

const fixture = (name: string) => fileURLToPath(new URL(`../../../../test/fixtures/${name}`, import.meta.url));
const torchFile = fixture('torch_teacher.onnx');
const torch: { images: number[]; shape: number[]; averages: number[]; features: number[]; logits: number[] } =
  JSON.parse(readFileSync(fixture('torch_teacher.json'), 'utf8'));
/** The names that torch's exporter gave to what is behind the convolution's and the hidden layer's ReLU. */
const MAPS = '/Relu_output_0';
const FEATURES = '/Relu_1_output_0';
const [samples] = torch.shape;
const set: SampleSet = {
  images: Float32Array.from(torch.images),
  labels: Int32Array.from({ length: samples }, (_, i) => i % 4),
  shape: torch.shape,
};
const tap = (layer: string, rest: Partial<Tap> = {}): Tap => ({ layer, activation: 'after', pooling: 'none', ...rest });

function assertNear(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  assert.equal(actual.length, expected.length);
  for (let k = 0; k < expected.length; k++) {
    assert.ok(Math.abs(actual[k] - expected[k]) <= tolerance, `[${k}]: ${actual[k]}, expected ${expected[k]}`);
  }
}

const root = mkdtempSync(join(tmpdir(), 'qrkd-teacher-'));
after(() => rmSync(root, { recursive: true }));

/** The fixture with another input shape. */
function reshaped(dims: (number | string)[]): string {
  const model = decodeModel(readFileSync(torchFile));
  model.graph.input[0].type.tensor_type.shape.dim = dims.map((d) =>
    typeof d === 'string' ? { dim_param: d } : { dim_value: d },
  );
  const path = join(root, `${dims.join('x')}.onnx`);
  writeFileSync(path, encodeModel(model));
  return path;
}

describe('01 a file that torch wrote', () => {
  it('gives the logits and, from inside its graph, the features that torch computed', async () => {
    const teacher = await onnxTeacher(torchFile, {
      features: [FEATURES, MAPS],
      layout: 'channels-first',
      batchSize: 3,
    });
    const { logits, features } = await teacher.outputs(set, [
      tap(FEATURES),
      tap(MAPS, { pooling: 'average' }),
      tap(MAPS),
    ]);
    assert.deepEqual(logits!.shape, [samples, 4]);
    assertNear(logits!.data, torch.logits, 1e-5);
    assertNear(features[0].data, torch.features, 1e-5);
    assert.deepEqual(
      features.map(({ shape }) => shape),
      [
        [7, 5],
        [7, 4],
        [7, 48],
      ],
    );
    assertNear(features[1].data, torch.averages, 1e-5);
    const [{ data }] = (await teacher.outputs(set, [tap(MAPS, { pooling: 'max' })])).features;
    const largest = Array.from({ length: 28 }, (_, k) => Math.max(...features[2].data.slice(12 * k, 12 * (k + 1))));
    assert.deepEqual([...data], largest);
    teacher.close();
  });

  it('is fed channels first, which is told once, and in batches of the size that it wants', async () => {
    const lines: string[] = [];
    const { write } = process.stderr;
    process.stderr.write = (chunk) => lines.push(String(chunk)) > 0;
    const path = reshaped([3, 3, 8, 6]);
    try {
      const teacher = await onnxTeacher(path);
      for (let i = 0; i < 2; i++) assertNear((await teacher.outputs(set, [])).logits!.data, torch.logits, 1e-5);
      teacher.close();
    } finally {
      process.stderr.write = write;
    }
    assert.deepEqual(lines, [`qrkd: ${path} takes images channels first, [n, 3, 8, 6]: they are transposed\n`]);
  });

  it('sees normalised images', async () => {
    const mean = [0.4, 0.5, 0.6];
    const deviation = [0.2, 0.3, 0.25];
    const images = set.images.map((v, k) => v * deviation[k % 3] + mean[k % 3]);
    const teacher = await onnxTeacher(torchFile, { normalize: { mean, deviation }, layout: 'channels-first' });
    assertNear((await teacher.outputs({ ...set, images }, [])).logits!.data, torch.logits, 1e-4);
    teacher.close();
  });

  it('says what is wrong', async () => {
    const refused = async (path: string, options: object, message: RegExp, code = 'ERR_QRKD_VALUE') => {
      const promise = onnxTeacher(path, options).then(async (teacher) => {
        try {
          await teacher.outputs(set, [tap(teacher.featureLayer ?? 'none')]);
        } finally {
          teacher.close();
        }
      });
      await assert.rejects(promise, { code, message });
    };
    const first = { layout: 'channels-first' } as const;
    await refused(join(root, 'none.onnx'), {}, /none\.onnx: cannot be read/, 'ERR_QRKD_FILE');
    await refused(
      torchFile,
      { features: 'relu' },
      /has no tensor "relu"; it has logits, \/Relu_1_output_0, .*, image$/,
    );
    await refused(torchFile, first, /"none" is none of the teacher's features; name it in onnxTeacher's features/);
    await refused(torchFile, { feature: 'x' }, /unknown key "feature"/, 'ERR_QRKD_UNKNOWN_KEY');
    await refused(torchFile, { batchSize: 0 }, /batchSize must be a whole number/);
    await refused(torchFile, { layout: 'nchw' }, /layout must be channels-first or channels-last, got "nchw"/);
    await refused(
      torchFile,
      { features: FEATURES, layout: 'channels-last' },
      /\[n, 3, 8, 6\] does not fit images \[n, 8, 6, 3\]/,
      'ERR_QRKD_SHAPE',
    );
    await refused(
      torchFile,
      { ...first, features: FEATURES, normalize: { mean: [0], deviation: [1] } },
      /each of the 3 channels/,
      'ERR_QRKD_SHAPE',
    );
    await refused(
      reshaped(['n', 'a', 'b', 'c']),
      { features: FEATURES },
      /\[n, \?, \?, \?\] fits images \[n, 8, 6, 3\] in both layouts; say which/,
    );
    const teacher = await onnxTeacher(torchFile, { features: FEATURES, ...first });
    await assert.rejects(
      teacher.outputs(set, [tap(FEATURES, { activation: 'before' })]),
      /no activation to stand before/,
    );
    await assert.rejects(teacher.outputs(set, [tap(FEATURES, { pooling: 'max' })]), /neither a map nor a sequence/);
    for (const ofTokens of [{ pooling: 'last' }, { pooling: 'average', padToken: 0 }, { tokens: 2 }] as const) {
      await assert.rejects(
        teacher.outputs(set, [tap(FEATURES, ofTokens)]),
        /are for models of tokens, .* reads images/,
      );
    }
    await assert.rejects(teacher.outputs(set, [], AbortSignal.abort(new Error('enough'))), /enough/);
    teacher.close();

    const model = decodeModel(readFileSync(torchFile));
    model.graph.initializer[0].data_location = 1;
    const apart = join(root, 'apart.onnx');
    writeFileSync(apart, encodeModel(model));
    await refused(
      apart,
      { features: FEATURES },
      /weights lie in a file beside it; export it into one file, or with .*Relu_1/,
      'ERR_QRKD_UNSUPPORTED',
    );
  });
});

describe('02 as the teacher of a student', () => {
  before(() => ready());
  const random = seedrandom('digits');
  const digits: SampleSet = {
    images: Float32Array.from({ length: 48 * 784 }, () => random()),
    labels: Int32Array.from({ length: 48 }, (_, i) => i % 10),
    shape: [48, 28, 28, 1],
  };
  const teach = async (teacher: Parameters<typeof distill>[0]['teacher'], change: object = {}) => {
    const student = paperStudent({ seed: 2 });
    const loss = qrkdLoss({ kd: 1, distance: 1, angle: 2 });
    const given = { teacher, student, train: digits, loss, epochs: 2, batchSize: 16, seed: 1, ...change };
    const { epochs } = await distill(given);
    return { losses: epochs.map((epoch) => epoch.loss), weights: weightsOf(student).flat() };
  };

  it('our own export teaches what the model itself does, with and without augmentation, on both engines', async () => {
    const model = paperTeacher({ seed: 1 });
    const path = join(root, 'teacher.onnx');
    await exportOnnx(model, path);
    const teacher = await onnxTeacher(path, { features: 'features/relu' });
    const augment = (images: Float32Array) => images.map((v) => 0.9 * v);
    for (const change of [
      { epochs: 1, augment },
      { epochs: 1, engine: 'tfjs' },
    ]) {
      const [ours, theirs] = [await teach(model, change), await teach(teacher, change)];
      assertNear(theirs.losses, ours.losses, 1e-4);
      assertNear(theirs.weights, ours.weights, 1e-3);
    }
    teacher.close();
  });

  it('its outputs on the training set are kept on disk; augmented batches are not', async () => {
    const model = paperTeacher({ seed: 1 });
    const path = join(root, 'kept.onnx');
    await exportOnnx(model, path);
    const teacher = await onnxTeacher(path, { features: 'features/relu' });
    let calls = 0;
    const counted: Teacher = {
      identity: teacher.identity,
      featureLayer: 'features/relu',
      outputs(...call) {
        calls++;
        return teacher.outputs(...call);
      },
    };
    const folder = join(root, 'kept');
    const kept = keepOutputs(counted, folder, [digits]);
    const first = await teach(kept);
    assert.deepEqual([calls, readdirSync(folder).length], [1, 1]);
    assert.deepEqual(await teach(kept), first, 'to the bit');
    assert.equal(calls, 1);
    await teach(kept, { augment: (images: Float32Array) => images, epochs: 1 });
    assert.deepEqual([calls, readdirSync(folder).length], [4, 1]);
    const other = keepOutputs({ ...counted, identity: 'another' }, folder, [digits]);
    await teach(other);
    assert.deepEqual([calls, readdirSync(folder).length], [5, 2]);
    teacher.close();
  });

  it('any object will do that gives logits and features; its identity belongs to a checkpoint', async () => {
    const logits = {
      data: new Float32Array(480).map((_, k) => (k % 11 === 0 ? 4 : 0)),
      shape: [48, 10] as [number, number],
    };
    const own = (identity: string, rows = 48): Teacher => ({
      identity,
      outputs: async (_, taps) => ({
        logits,
        features: taps.map(() => ({ data: digits.images.subarray(0, rows * 3), shape: [rows, 3] })),
      }),
    });
    const checkpoint = { path: join(root, 'own.json') };
    const { losses } = await teach(own('a'), { checkpoint });
    assert.ok(losses.every(Number.isFinite));
    await assert.rejects(teach(own('b'), { checkpoint }), /another run: teacher differs/);
    await assert.rejects(
      teach(own('a', 47)),
      /distill: teacher: outputs\(\) must give logits \[48, classes\] and 1 matrices/,
    );
    await assert.rejects(
      teach({
        ...own('a'),
        outputs: async (_: unknown, taps: readonly Tap[]) => ({ features: taps.map(() => logits) }),
      }),
      /term "kd" needs the teacher's logits/,
    );
  });
});
