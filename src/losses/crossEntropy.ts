import type { LossGradient, Matrix } from '../engine/types.js';
import { QrkdRangeError } from '../errors.js';
import { countedLabels, UNCOUNTED } from './labels.js';

/**
 * Cross-entropy of the labels under softmax(logits), averaged over the rows that count.
 *
 * @param logits [N, C].
 * @param labels N class indices, 0 <= label < C, or -1 for rows that do not count.
 * @returns the loss in nats (0 if no row counts) and its gradient (softmax - onehot) / counted rows, float32 [N, C].
 */
export function crossEntropyGradient(logits: Matrix, labels: Int32Array): LossGradient {
  const [n, classes] = logits.shape;
  if (labels.length !== n) {
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `labels: one for each of the ${n} rows of the logits expected, got ${labels.length}`,
    );
  }
  const z = logits.data;
  const gradient = new Float32Array(n * classes);
  const counted = countedLabels(labels);
  let loss = 0;
  for (let i = 0; i < n; i++) {
    const row = i * classes;
    const label = labels[i];
    if (label === UNCOUNTED) continue;
    if (!(label >= 0 && label < classes)) {
      throw new QrkdRangeError('ERR_QRKD_VALUE', `labels[${i}] must be between 0 and ${classes - 1}, got ${label}`);
    }
    let max = -Infinity;
    for (let c = 0; c < classes; c++) max = Math.max(max, z[row + c]);
    let sum = 0;
    for (let c = 0; c < classes; c++) sum += Math.exp(z[row + c] - max);
    loss += Math.log(sum) + max - z[row + label];
    for (let c = 0; c < classes; c++) gradient[row + c] = Math.exp(z[row + c] - max) / sum / counted;
    gradient[row + label] -= 1 / counted;
  }
  return { loss: counted > 0 ? loss / counted : 0, gradient: { data: gradient, shape: [n, classes] } };
}
