// The relational losses against PyTorch's float64 (test/fixtures/make_losses.py): the native fused functions in both
// precisions, then the tfjs losses, whose tensors are float32.
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { Tensor2D } from '@tensorflow/tfjs-core';
import { CosineKernel, type FeatureMapSpec, FidelityKernel, featureMap, type Kernel, RbfKernel } from 'qrkd';
import { angleLoss, distanceLoss, kdLoss, qrkdLoss, quantumLoss, ready, tf } from 'qrkd/distill';
import { angleLossGradient, distanceLossGradient, kernelLossGradient } from '#dist/engine/relational.js';
import { ARRAYS, assertClose, assertRelative, readFixture } from './fixtures.js';

type KernelSpec = FeatureMapSpec | { type: 'rbf'; gamma: number } | { type: 'cosine' };
type Precision = keyof typeof ARRAYS;

interface Case {
  name: string;
  loss: 'distance' | 'angle' | 'quantum' | 'kd' | 'qrkd';
  /** Names of the inputs that get gradients, and of those that do not. */
  students: string[];
  teachers: string[];
  value: number;
  gradients: number[][];
  /** Inputs that differ by less than float32 can hold. */
  float64?: boolean;
  /** Rows that an amplitude map cannot encode: an error to the kernel itself, |0...0> in quantumLoss. */
  zeroVectors?: boolean;
  temperature?: number;
  form?: Parameters<typeof kernelLossGradient>[3];
  kernels?: { student: KernelSpec; teacher: KernelSpec };
  weights?: { ce: number; kd: number; temperature: number; distance: number; angle: number; quantum: number };
  scale?: number | null;
  labels?: number[];
  terms?: Record<string, number>;
}

const fixture = readFixture<{
  inputs: Record<string, { shape: [number, number]; data: number[] }>;
  cases: Case[];
}>('losses.json');

function input(name: string, precision: Precision) {
  const { shape, data } = fixture.inputs[name]!;
  return { shape, data: ARRAYS[precision].from(data) };
}

function kernelOf(spec: KernelSpec, precision: Precision): Kernel {
  if (spec.type === 'rbf') return new RbfKernel({ gamma: (spec as { gamma: number }).gamma, precision });
  if (spec.type === 'cosine') return new CosineKernel({ precision });
  return new FidelityKernel(featureMap(spec as FeatureMapSpec), { precision });
}

const tensor = (name: string) => tf.tensor2d(input(name, 'float32').data as Float32Array, fixture.inputs[name]!.shape);

for (const precision of ['float64', 'float32'] as const) {
  describe(`golden losses, native, ${precision}`, () => {
    for (const golden of fixture.cases) {
      if (golden.loss === 'kd' || golden.loss === 'qrkd' || golden.zeroVectors) continue;
      if (golden.float64 && precision === 'float32') continue;
      // What a vector of zeros stands for is quantumLoss's rule, tested below; the kernel itself refuses it.
      if (golden.loss === 'quantum' && golden.name.includes('zero row')) continue;
      it(golden.name, () => {
        const student = input(golden.students[0]!, precision);
        const teacher = input(golden.teachers[0]!, precision);
        const native = () => {
          if (golden.loss === 'distance') return distanceLossGradient(student, teacher);
          if (golden.loss === 'angle') return angleLossGradient(student, teacher);
          const { student: ours, teacher: theirs } = golden.kernels!;
          const target = kernelOf(theirs, precision).matrix(teacher);
          return kernelLossGradient(kernelOf(ours, precision), student, target, golden.form);
        };
        const { loss, gradient } = native();
        // The relational losses compute in double whatever their input; kernels in their own precision.
        const exact = precision === 'float64';
        const quantum = golden.loss === 'quantum';
        assertClose([loss], [golden.value], exact ? 1e-12 : quantum ? 1e-5 : 1e-9, 'value');
        assert.deepEqual(gradient.shape, student.shape);
        assert.ok(gradient.data instanceof ARRAYS[precision]);
        const tolerance = exact ? 1e-9 : quantum ? 1e-4 : 1e-6;
        assertRelative(gradient.data, golden.gradients[0]!, tolerance, 'gradient');
      });
    }
  });
}

describe('golden losses, tfjs', () => {
  before(() => ready());

  for (const golden of fixture.cases) {
    if (golden.loss === 'qrkd' || golden.float64) continue;
    it(golden.name, () => {
      const teacher = tensor(golden.teachers[0]!);
      const loss = (student: Tensor2D) => {
        if (golden.loss === 'kd') return kdLoss(student, teacher, { temperature: golden.temperature! });
        if (golden.loss === 'distance') return distanceLoss(student, teacher);
        if (golden.loss === 'angle') return angleLoss(student, teacher);
        const { student: ours, teacher: theirs } = golden.kernels!;
        const kernels = { student: kernelOf(ours, 'float32'), teacher: kernelOf(theirs, 'float32') };
        return quantumLoss(student, teacher, { ...kernels, form: golden.form! });
      };
      const student = tensor(golden.students[0]!);
      const { value, grad } = tf.valueAndGrad((s) => loss(s as Tensor2D))(student);
      assertRelative(value.dataSync(), [golden.value], 1e-5, 'value', 1);
      assertRelative(grad.dataSync(), golden.gradients[0]!, 1e-4, 'gradient');
    });
  }

  for (const golden of fixture.cases) {
    if (golden.loss !== 'qrkd') continue;
    it(golden.name, () => {
      const kernels = {
        student: kernelOf(golden.kernels!.student, 'float32'),
        teacher: kernelOf(golden.kernels!.teacher, 'float32'),
      };
      const [teacherLogits, teacherFeatures] = golden.teachers.map((name) => input(name, 'float32'));
      const students = golden.students.map(tensor);
      const loss = qrkdLoss({ ...golden.weights!, kernels, scale: golden.scale! });
      const batch = loss.prepare([{ teacher: teacherFeatures!, studentWidth: students[1]!.shape[1]! }]);
      const seen: Record<string, number> = {};
      const { value, grads } = tf.valueAndGrads((logits, features) =>
        batch.scalar(
          { logits: logits as Tensor2D, features: [features as Tensor2D] },
          { logits: teacherLogits!, features: [teacherFeatures!] },
          Int32Array.from(golden.labels!),
          ({ terms }) => {
            for (const [term, { raw }] of Object.entries(terms)) seen[term] = raw;
          },
        ),
      )(students);
      for (const [term, expected] of Object.entries(golden.terms!)) {
        assertRelative([seen[term]!], [expected], 1e-5, term, 1);
      }
      assertRelative(value.dataSync(), [golden.value], 1e-5, 'value', 1);
      grads.forEach((grad, i) => {
        assertRelative(grad.dataSync(), golden.gradients[i]!, 1e-4, `gradient of the ${golden.students[i]}`);
      });
    });
  }
});
