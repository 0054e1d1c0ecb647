import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { CosineKernel, FidelityKernel, featureMap, type Kernel, RbfKernel } from 'qrkd';
import {
  angleLoss,
  distanceLoss,
  fidelityMatrix,
  kdLoss,
  LOSS_PRESETS,
  lossPreset,
  orthogonalProjection,
  pcaProjection,
  qrkdLoss,
  quantumLoss,
  ready,
  tf,
} from 'qrkd/distill';
import seedrandom from 'seedrandom';
import { crossEntropyGradient } from '#dist/losses/crossEntropy.js';
import { kdLossGradient } from '#dist/losses/kd.js';
import { project, projectGradient } from '#dist/losses/projection.js';
import { KERNEL_LOSS_FORMS, quantumLossGradient } from '#dist/losses/quantum.js';
import { centreAndScale } from '#dist/losses/scaling.js';

interface Matrix64 {
  data: Float64Array;
  shape: [number, number];
}

const random = seedrandom('losses');
const gaussian = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

function matrix(rows: number, columns: number, size = 1): Matrix64 {
  return { data: Float64Array.from({ length: rows * columns }, () => size * gaussian()), shape: [rows, columns] };
}

const tensor = ({ data, shape }: Matrix64) => tf.tensor2d(Float32Array.from(data), shape);

const zz = (features: number, precision: 'float32' | 'float64' = 'float64') =>
  new FidelityKernel(featureMap({ type: 'zz', features, reps: 1, bandwidth: 0.1 }), { precision });

function assertNear(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  assert.equal(actual.length, expected.length);
  for (let k = 0; k < expected.length; k++) {
    assert.ok(Math.abs(actual[k] - expected[k]) <= tolerance, `entry ${k}: ${actual[k]}, expected ${expected[k]}`);
  }
}

/** Central differences of `value` against `gradient` at every entry of x. */
function checkGradient(
  x: Matrix64,
  value: (x: Matrix64) => number,
  gradient: ArrayLike<number>,
  tolerance: number,
): void {
  const h = 1e-5;
  const size = Math.max(...Array.from(gradient, Math.abs));
  for (let k = 0; k < x.data.length; k++) {
    const at = (shift: number) => value({ data: x.data.with(k, x.data[k] + shift), shape: x.shape });
    const expected = (at(h) - at(-h)) / (2 * h);
    assert.ok(
      Math.abs(gradient[k] - expected) <= tolerance * Math.max(size, 1e-6),
      `entry ${k}: ${gradient[k]}, finite difference ${expected} (largest ${size})`,
    );
  }
}

describe('losses on plain matrices', () => {
  it('cross-entropy and KD: gradients against finite differences', () => {
    const logits = matrix(5, 4, 2);
    const teacher = matrix(5, 4, 2);
    const labels = Int32Array.from([0, 3, 1, 2, 2]);
    const ce = (x: Matrix64) => crossEntropyGradient(x, labels).loss;
    checkGradient(logits, ce, crossEntropyGradient(logits, labels).gradient.data, 1e-6);
    const kd = (x: Matrix64) => kdLossGradient(x, teacher, 4).loss;
    checkGradient(logits, kd, kdLossGradient(logits, teacher, 4).gradient.data, 1e-6);
  });

  it('KD of equal logits is 0, and logits too far apart for exp stay finite', () => {
    const same = matrix(3, 5);
    assert.ok(Math.abs(kdLossGradient(same, same, 4).loss) < 1e-12);
    const far = { data: Float64Array.of(2000, -2000, -2000, 2000), shape: [2, 2] as [number, number] };
    const other = { data: Float64Array.of(-2000, 2000, 0, 0), shape: [2, 2] as [number, number] };
    const { loss, gradient } = kdLossGradient(far, other, 1);
    assert.ok(Number.isFinite(loss) && gradient.data.every(Number.isFinite));
    assert.ok(Number.isFinite(crossEntropyGradient(far, Int32Array.of(1, 0)).loss));
  });

  it('labels outside of the classes are named', () => {
    assert.throws(() => crossEntropyGradient(matrix(2, 3), Int32Array.of(0, 3)), {
      code: 'ERR_QRKD_VALUE',
      message: /labels\[1\].*between 0 and 2, got 3/,
    });
  });

  it('centreAndScale: mean 0, mean pairwise distance as asked, gradient against finite differences', () => {
    const x = matrix(7, 3, 5);
    const { matrix: y, gradient } = centreAndScale(x, 2);
    let sum = 0;
    for (let i = 0; i < 7; i++) {
      for (let j = 0; j < i; j++) sum += Math.hypot(...[0, 1, 2].map((k) => y.data[i * 3 + k] - y.data[j * 3 + k]));
    }
    assert.ok(Math.abs(sum / 21 - 2) < 1e-12);
    for (let k = 0; k < 3; k++) {
      const column = Array.from({ length: 7 }, (_, i) => y.data[i * 3 + k]);
      assert.ok(Math.abs(column.reduce((a, b) => a + b, 0)) < 1e-12);
    }
    const g = matrix(7, 3);
    const value = (z: Matrix64) => centreAndScale(z, 2).matrix.data.reduce((a, v, k) => a + v * g.data[k], 0);
    checkGradient(x, value, gradient(g).data, 1e-7);
  });

  it('centreAndScale: samples that all coincide are only centred', () => {
    const { matrix: y, gradient } = centreAndScale({ data: new Float64Array(8).fill(3), shape: [4, 2] }, 2);
    assert.deepEqual([...y.data], Array(8).fill(0));
    assert.ok(gradient(matrix(4, 2)).data.every(Number.isFinite));
  });

  it('pcaProjection finds the directions of largest variance, with a fixed sign', () => {
    const x = matrix(200, 3);
    for (let i = 0; i < 200; i++) {
      x.data[i * 3] *= 5;
      x.data[i * 3 + 1] = x.data[i * 3 + 1] * 2 + 10;
    }
    const { matrix: a, mean } = pcaProjection(x, 2);
    assert.ok(Math.abs(mean[1] - 10) < 1);
    assert.ok(a.data[0] > 0.95, 'first component along the first axis, its largest entry positive');
    assert.ok(a.data[3] > 0.95, 'second along the second');
    assert.deepEqual(pcaProjection(x, 2).matrix.data, a.data);
  });

  it('projections have orthonormal columns, use every feature, and have the right gradient', () => {
    for (const projection of [pcaProjection(matrix(40, 6), 3), orthogonalProjection(6, 3, 5)]) {
      const { data } = projection.matrix;
      for (let c = 0; c < 3; c++) {
        for (let d = 0; d <= c; d++) {
          const dot = Array.from({ length: 6 }, (_, k) => data[k * 3 + c] * data[k * 3 + d]).reduce((a, b) => a + b, 0);
          assert.ok(Math.abs(dot - (c === d ? 1 : 0)) < 1e-12);
        }
      }
      for (let k = 0; k < 6; k++)
        assert.ok(Math.hypot(...data.subarray(k * 3, k * 3 + 3)) > 1e-3, `feature ${k} is used`);
      const x = matrix(4, 6);
      const g = matrix(4, 3);
      const value = (z: Matrix64) => project(z, projection).data.reduce((a, v, k) => a + v * g.data[k], 0);
      checkGradient(x, value, projectGradient(g, projection).data, 1e-8);
    }
    assert.deepEqual(orthogonalProjection(6, 3, 5), orthogonalProjection(6, 3, 5));
    assert.notDeepEqual(orthogonalProjection(6, 3, 5), orthogonalProjection(6, 3, 6));
    assert.throws(() => orthogonalProjection(3, 4), { code: 'ERR_QRKD_VALUE' });
  });

  const kernels: Record<string, { student: Kernel; teacher: Kernel }> = {
    'zz, 3 and 4 qubits': { student: zz(3), teacher: zz(4) },
    rbf: { student: new RbfKernel({ gamma: 0.25 }), teacher: new RbfKernel({ gamma: 0.25 }) },
    cosine: { student: new CosineKernel(), teacher: new CosineKernel() },
  };
  for (const [name, pair] of Object.entries(kernels)) {
    for (const form of KERNEL_LOSS_FORMS) {
      it(`quantum loss, ${name}, ${form}: gradient through projection, scaling and kernel`, () => {
        const student = matrix(6, 5, 3);
        const teacher = matrix(6, 9, 3);
        const projection = { student: orthogonalProjection(5, 3), teacher: pcaProjection(matrix(50, 9), 4) };
        const options = { ...pair, form, scale: 2, projection };
        const { gradient } = quantumLossGradient(student, teacher, options);
        checkGradient(student, (x) => quantumLossGradient(x, teacher, options).loss, gradient.data, 1e-6);
        assert.ok(Math.max(...gradient.data.map(Math.abs)) > 1e-4, 'the gradient reaches the student');
      });
    }
  }

  it('features wider than the kernel are refused, not cut off, unless they are projected', () => {
    const pair = { student: zz(3), teacher: zz(4) };
    assert.throws(() => quantumLossGradient(matrix(4, 5), matrix(4, 4), pair), {
      code: 'ERR_QRKD_SHAPE',
      message: /student's kernel takes 3 features, got 5; project them/,
    });
    assert.throws(() => quantumLossGradient(matrix(4, 3), matrix(5, 4), pair), { code: 'ERR_QRKD_SHAPE' });
  });

  it('zero vectors of an amplitude map become |0...0> with zero gradient and are counted', () => {
    const amplitude = () =>
      new FidelityKernel(featureMap({ type: 'amplitude', features: 4 }), { precision: 'float64' });
    const student = matrix(5, 4);
    student.data.fill(0, 8, 12);
    const teacher = matrix(5, 4);
    teacher.data.fill(0, 0, 4);
    const value = quantumLossGradient(student, teacher, { student: amplitude(), teacher: amplitude() });
    assert.equal(value.zeroVectors, 2);
    assert.deepEqual([...value.gradient.data.subarray(8, 12)], [0, 0, 0, 0]);
    assert.ok(Number.isFinite(value.loss) && value.gradient.data.every(Number.isFinite));
  });
});

describe('losses as tfjs ops', () => {
  before(() => ready());

  /** tfjs computes in float32: a directional derivative over a wide step, against the gradient's projection. */
  function checkOp(
    x: Matrix64,
    op: (x: ReturnType<typeof tensor>) => ReturnType<typeof kdLoss>,
    tolerance = 2e-2,
  ): void {
    const gradient = tf
      .grad((t) => op(t as ReturnType<typeof tensor>))(tensor(x))
      .dataSync();
    const direction = Float64Array.from(gradient);
    const norm = Math.hypot(...direction);
    assert.ok(norm > 0, 'the gradient is not zero');
    const h = 2e-2;
    const at = (shift: number) =>
      op(tensor({ data: x.data.map((v, k) => v + (shift * direction[k]) / norm), shape: x.shape })).dataSync()[0];
    const expected = (at(h) - at(-h)) / (2 * h);
    assert.ok(Math.abs(norm - expected) <= tolerance * norm, `slope ${norm}, finite difference ${expected}`);
  }

  it('each loss has the slope that its values have', () => {
    const teacherLogits = tensor(matrix(8, 10, 3));
    checkOp(matrix(8, 10, 3), (x) => kdLoss(x, teacherLogits, { temperature: 4 }));
    const teacher = tensor(matrix(8, 6, 2));
    const student = matrix(8, 3, 2);
    checkOp(student, (x) => distanceLoss(x, teacher));
    checkOp(student, (x) => angleLoss(x, teacher));
    const pair = { student: zz(3, 'float32'), teacher: zz(6, 'float32') };
    checkOp(student, (x) => quantumLoss(x, teacher, { ...pair, scale: 2 }));
  });

  it('a loss scales its gradient by what comes after it, and gives the teacher none', () => {
    const student = tensor(matrix(4, 3));
    const teacher = tensor(matrix(4, 5));
    const once = tf
      .grad((x) => distanceLoss(x as typeof student, teacher))(student)
      .dataSync();
    const thrice = tf
      .grad((x) => tf.mul(distanceLoss(x as typeof student, teacher), 3))(student)
      .dataSync();
    assertNear(
      thrice,
      once.map((v) => 3 * v),
      1e-6,
    );
    assert.throws(() => tf.grad((t) => distanceLoss(student, t as typeof teacher))(teacher), /gradient/i);
  });

  it('fidelityMatrix is differentiable in x and in y', () => {
    const kernel = zz(3);
    const x = matrix(4, 3, 2);
    const y = matrix(5, 3, 2);
    const g = matrix(4, 5);
    const weights = tensor(g);
    const [dx, dy] = tf.grads((a, b) =>
      tf.sum(tf.mul(fidelityMatrix(kernel, a as typeof weights, b as typeof weights), weights)),
    )([tensor(x), tensor(y)]);
    const expected = kernel.gradient(x, g, y);
    assertNear(dx.dataSync(), expected.dx.data, 1e-5);
    assertNear(dy.dataSync(), expected.dy!.data, 1e-5);
    const value = (z: Matrix64) =>
      Float64Array.from(kernel.matrix(z, y).data).reduce((a, v, k) => a + v * g.data[k], 0);
    checkGradient(x, value, expected.dx.data, 1e-7);
    const symmetric = tf.grad((a) => tf.sum(fidelityMatrix(kernel, a as typeof weights)))(tensor(x));
    assert.deepEqual(symmetric.shape, [4, 3]);
    assert.deepEqual(fidelityMatrix(kernel, tensor(x)).shape, [4, 4]);
  });

  it('ops leave no tensors behind', () => {
    const student = tensor(matrix(6, 3));
    const teacher = tensor(matrix(6, 3));
    const pair = { student: zz(3), teacher: zz(3) };
    const count = tf.memory().numTensors;
    tf.tidy(() => void tf.grad((x) => quantumLoss(x as typeof student, teacher, pair))(student));
    tf.tidy(() => void tf.grad((x) => tf.sum(fidelityMatrix(zz(3), x as typeof student)))(student));
    assert.equal(tf.memory().numTensors, count);
  });

  it('wrong arguments are named', () => {
    const good = tensor(matrix(4, 3));
    assert.throws(() => fidelityMatrix(good as never, zz(3) as never), {
      code: 'ERR_QRKD_TYPE',
      message: /^fidelityMatrix: kernel must be a kernel, got /,
    });
    assert.throws(() => fidelityMatrix(zz(3), [[1, 2, 3]] as never), {
      code: 'ERR_QRKD_TYPE',
      message: /^fidelityMatrix: x must be a 2-D tensor, got an array of 1$/,
    });
    assert.throws(() => distanceLoss(good, tf.tensor1d([1, 2]) as never), {
      code: 'ERR_QRKD_SHAPE',
      message: /distanceLoss: teacherFeatures.*\[2\]/,
    });
    assert.throws(() => kdLoss(good, good, { temperature: 0 }), { code: 'ERR_QRKD_VALUE', message: /temperature/ });
    assert.throws(() => kdLoss(good, good, { temprature: 4 } as never), { message: /did you mean "temperature"/ });
    assert.throws(() => kdLoss(good, tensor(matrix(4, 2))), {
      code: 'ERR_QRKD_SHAPE',
      message: /\[4, 3\], got \[4, 2\]/,
    });
    const pair = { student: zz(3), teacher: zz(3) };
    assert.throws(() => quantumLoss(good, good, { ...pair, form: 'l1' as never }), { message: /form.*smooth-l1/ });
    assert.throws(() => quantumLoss(good, good, { ...pair, scale: 0 }), { message: /scale/ });
    assert.throws(() => quantumLoss(good, good, { student: zz(3) } as never), { message: /teacher must be a kernel/ });
  });
});

describe('qrkdLoss', () => {
  before(() => ready());
  const kernels = { student: zz(3, 'float32'), teacher: zz(4, 'float32') };
  const all = { ce: 1, kd: 1, distance: 1, angle: 2, quantum: 30, kernels };

  it('adds up the weighted terms, and its gradients', () => {
    const loss = qrkdLoss(all).prepare([{ teacher: matrix(30, 6), studentWidth: 3 }]);
    const student = { logits: matrix(8, 10), features: [matrix(8, 3)] };
    const teacher = { logits: matrix(8, 10), features: [matrix(8, 6)] };
    const labels = Int32Array.from({ length: 8 }, (_, i) => i);
    const { loss: total, terms, gradient } = loss.evaluate(student, teacher, labels);
    assert.deepEqual(Object.keys(terms), ['ce', 'kd', 'distance', 'angle', 'quantum']);
    assert.equal(terms.angle!.weighted, 2 * terms.angle!.raw);
    assert.ok(Math.abs(total - Object.values(terms).reduce((sum, { weighted }) => sum + weighted, 0)) < 1e-12);
    assert.deepEqual(gradient.logits!.shape, [8, 10]);
    assert.deepEqual(gradient.features![0].shape, [8, 3]);

    const scalar = (logits: unknown, features: unknown) =>
      loss.scalar({ logits: logits as never, features: [features as never] }, teacher, labels);
    const { value, grads } = tf.valueAndGrads(scalar)([tensor(student.logits), tensor(student.features[0])]);
    assert.ok(Math.abs(value.dataSync()[0] - total) < 1e-4);
    assertNear(grads[1].dataSync(), gradient.features![0].data, 1e-4);
  });

  it('gives NaN terms for outputs that are not finite, in place of an error without a step', () => {
    const loss = qrkdLoss(all).prepare([{ teacher: matrix(30, 6), studentWidth: 3 }]);
    const student = { logits: matrix(8, 10), features: [matrix(8, 3)] };
    student.features[0].data[4] = Number.NaN;
    const { terms } = loss.evaluate(student, { logits: matrix(8, 10), features: [matrix(8, 6)] }, new Int32Array(8));
    assert.ok(Number.isFinite(terms.ce!.raw));
    assert.ok(Number.isNaN(terms.distance!.raw) && Number.isNaN(terms.quantum!.gradientNorm));
  });

  it('says what it is made of', () => {
    const json = JSON.parse(JSON.stringify(qrkdLoss(all)));
    assert.equal(json.quantum, 30);
    assert.equal(json.scale, 2);
    assert.equal(json.projection.teacher, 'pca');
    assert.ok(json.kernels.student);
  });

  it('refuses what cannot be meant', () => {
    assert.throws(() => qrkdLoss({ quantom: 3 } as never), { code: 'ERR_QRKD_UNKNOWN_KEY', message: /"quantum"/ });
    assert.throws(() => qrkdLoss({ kd: -1 }), { code: 'ERR_QRKD_VALUE', message: /kd/ });
    assert.throws(() => qrkdLoss({ ce: 0 }), { code: 'ERR_QRKD_VALUE', message: /at least one weight/ });
    assert.throws(() => qrkdLoss({ quantum: 1 }), { code: 'ERR_QRKD_TYPE', message: /kernels/ });
    assert.throws(() => qrkdLoss({ ...all, projection: { teachers: 'pca' } as never }), { message: /"teacher"/ });
  });
});

describe('loss presets', () => {
  const kernels = { student: new CosineKernel(), teacher: new CosineKernel() };

  it('have the weights of their sources', () => {
    const table = {
      'paper-reproduction': [1, 0.25, 0, 0.1, 0.1, 0.1],
      'rkd-classification': [1, 0, 0, 25, 50, 0],
      'official-rkd': [0, 0, 0, 1, 2, 0],
      distilgpt2: [2, 5, 1, 0, 0, 0],
      recommended: [1, 1, 0, 1, 2, 30],
      'recommended-relu': [1, 1, 0, 25, 50, 100],
    } as const;
    assert.deepEqual(LOSS_PRESETS, Object.keys(table));
    for (const preset of LOSS_PRESETS) {
      const { weights, temperature } = qrkdLoss({ preset, kernels });
      assert.deepEqual(Object.values(weights), table[preset]);
      assert.equal(temperature, preset === 'distilgpt2' ? 2 : 4);
      assert.deepEqual(lossPreset(preset), { ...weights, temperature });
    }
  });

  it('are where a loss begins: what is given beside them counts, also 0', () => {
    const loss = qrkdLoss({ preset: 'rkd-classification', kd: 0.5, distance: 0, temperature: 2 });
    assert.deepEqual(loss.weights, { ce: 1, kd: 0.5, hidden: 0, distance: 0, angle: 50, quantum: 0 });
    assert.equal(loss.temperature, 2);
    assert.equal(qrkdLoss({ preset: 'official-rkd', ce: undefined }).weights.ce, 0);
    assert.equal(qrkdLoss({ preset: 'official-rkd', ce: 1 }).weights.ce, 1);
    lossPreset('recommended').kd = 7;
    assert.equal(lossPreset('recommended').kd, 1, 'a copy');
  });

  it('need kernels where they have a quantum term, and a name that there is', () => {
    assert.throws(() => qrkdLoss({ preset: 'recommended' }), { code: 'ERR_QRKD_TYPE', message: /kernels/ });
    assert.equal(qrkdLoss({ preset: 'recommended', quantum: 0 }).weights.angle, 2);
    const unknown = {
      code: 'ERR_QRKD_VALUE',
      message: /preset "rkd-clasification" \(did you mean "rkd-classification"\?\)/,
    };
    assert.throws(() => qrkdLoss({ preset: 'rkd-clasification' as never }), unknown);
    assert.throws(() => lossPreset('toString' as never), {
      code: 'ERR_QRKD_VALUE',
      message: /known: paper-reproduction/,
    });
  });
});
