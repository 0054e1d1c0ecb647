import type { Scalar, Tensor2D } from '@tensorflow/tfjs-core';
import type { LossGradient, Matrix } from '../engine/types.js';
import { QrkdRangeError, rejectUnknownKeys } from '../errors.js';
import { countedLabels, UNCOUNTED } from './labels.js';
import { matrixOf, scalarLoss } from './tensors.js';

export interface KdOptions {
  /** Divides both sides' logits before the softmax; above 0, default 4. */
  temperature?: number;
}

export const DEFAULT_TEMPERATURE = 4;

/** Refuses temperatures that are not positive numbers. */
export function checkTemperature(temperature: number, where: string): number {
  if (!(temperature > 0) || !Number.isFinite(temperature)) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${where}: temperature must be a positive number, got ${temperature}`);
  }
  return temperature;
}

/** log-softmax of one row of logits / T, written into `out`. */
function logSoftmax(z: Matrix['data'], row: number, temperature: number, out: Float64Array): void {
  for (let c = 0; c < out.length; c++) out[c] = z[row + c] / temperature;
  const max = out.reduce((a, b) => Math.max(a, b), -Infinity);
  let sum = 0;
  for (let c = 0; c < out.length; c++) sum += Math.exp(out[c] - max);
  const logSum = Math.log(sum) + max;
  for (let c = 0; c < out.length; c++) out[c] -= logSum;
}

/**
 * Value and gradient of {@link kdLoss} on plain matrices.
 *
 * @param student logits [N, C].
 * @param teacher logits [N, C].
 * @param labels where not all rows count: -1 for those that do not.
 * @returns the loss in nats and its gradient T (softmax(s/T) - softmax(t/T)) / counted rows, float32 [N, C].
 */
export function kdLossGradient(
  student: Matrix,
  teacher: Matrix,
  temperature = DEFAULT_TEMPERATURE,
  labels?: Int32Array,
): LossGradient {
  const [n, classes] = student.shape;
  if (teacher.shape[0] !== n || teacher.shape[1] !== classes) {
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `kdLoss: the teacher's logits must have the student's shape [${n}, ${classes}], got [${teacher.shape.join(', ')}]`,
    );
  }
  const gradient = new Float32Array(n * classes);
  const s = new Float64Array(classes);
  const t = new Float64Array(classes);
  const counted = labels ? countedLabels(labels) : n;
  let loss = 0;
  for (let row = 0; row < n * classes; row += classes) {
    if (labels?.[row / classes] === UNCOUNTED) continue;
    logSoftmax(student.data, row, temperature, s);
    logSoftmax(teacher.data, row, temperature, t);
    for (let c = 0; c < classes; c++) {
      const p = Math.exp(t[c]);
      // A class that the teacher rules out (p underflows to 0) adds nothing, also where its log is -Infinity.
      if (p > 0) loss += p * (t[c] - s[c]);
      gradient[row + c] = (temperature * (Math.exp(s[c]) - p)) / counted;
    }
  }
  return {
    loss: counted > 0 ? (temperature * temperature * loss) / counted : 0,
    gradient: { data: gradient, shape: [n, classes] },
  };
}

/**
 * Knowledge distillation on logits (Hinton, Vinyals, Dean 2015, arXiv 1503.02531): T^2 KL(softmax(t/T) || softmax(s/T)),
 * averaged over the batch, in nats.
 *
 * @param studentLogits [N, C]; gradients flow here.
 * @param teacherLogits [N, C]; read as data, no gradient.
 * @throws TypeError or RangeError (ERR_QRKD_SHAPE, ERR_QRKD_VALUE) naming the argument.
 */
export function kdLoss(studentLogits: Tensor2D, teacherLogits: Tensor2D, options: KdOptions = {}): Scalar {
  rejectUnknownKeys(options, ['temperature'], 'kdLoss');
  const temperature = checkTemperature(options.temperature ?? DEFAULT_TEMPERATURE, 'kdLoss');
  const teacher = matrixOf(teacherLogits, 'kdLoss: teacherLogits');
  return scalarLoss(studentLogits, 'kdLoss: studentLogits', (student) => kdLossGradient(student, teacher, temperature));
}
