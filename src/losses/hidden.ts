import type { LossGradient, Matrix } from '../engine/types.js';
import { QrkdRangeError } from '../errors.js';
import { countedLabels, UNCOUNTED } from './labels.js';

/** Norms below this divide as if they were it, as in torch.nn.functional.cosine_similarity; there the gradient would be huge, and is 0. */
const LEAST_NORM = 1e-8;

/**
 * How far the student's hidden states point away from the teacher's: 1 - cosine of both, averaged over the tokens that count, as
 * DistilBERT and DistilGPT2 were trained (Sanh et al. 2019, arXiv 1910.01108; torch.nn.CosineEmbeddingLoss with target 1).
 *
 * @param student [N, d], a row for each token, or sample.
 * @param teacher [N, d]; read as data, no gradient.
 * @param labels where they are as many as rows: -1 for those that do not count.
 * @returns the loss, 0 to 2, and its gradient, float32 [N, d].
 */
export function hiddenLossGradient(student: Matrix, teacher: Matrix, labels?: Int32Array): LossGradient {
  const [n, width] = student.shape;
  if (teacher.shape[0] !== n || teacher.shape[1] !== width) {
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `the term "hidden": the teacher's states must have the student's shape [${n}, ${width}], got [${teacher.shape.join(', ')}]`,
    );
  }
  const perRow = labels?.length === n ? labels : undefined;
  const counted = perRow ? countedLabels(perRow) : n;
  const gradient = new Float32Array(n * width);
  let loss = 0;
  for (let i = 0; i < n; i++) {
    if (perRow?.[i] === UNCOUNTED) continue;
    const row = i * width;
    let [dot, ss, tt] = [0, 0, 0];
    for (let k = row; k < row + width; k++) {
      const [s, t] = [student.data[k], teacher.data[k]];
      dot += s * t;
      ss += s * s;
      tt += t * t;
    }
    const s = Math.max(Math.sqrt(ss), LEAST_NORM);
    const t = Math.max(Math.sqrt(tt), LEAST_NORM);
    const cosine = dot / (s * t);
    loss += 1 - cosine;
    if (Math.sqrt(ss) < LEAST_NORM) continue;
    const along = cosine / (s * s);
    for (let k = row; k < row + width; k++) {
      gradient[k] = (along * student.data[k] - teacher.data[k] / (s * t)) / counted;
    }
  }
  return { loss: counted > 0 ? loss / counted : 0, gradient: { data: gradient, shape: [n, width] } };
}
