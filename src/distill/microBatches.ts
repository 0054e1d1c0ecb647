import type { NamedTensorMap, Scalar, Tensor2D, Variable } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Matrix } from '../engine/types.js';
import { QrkdRangeError } from '../errors.js';
import type { BatchLoss, LossEvaluation, OutputTensors } from '../losses/batchLoss.js';
import { countedLabels } from '../losses/labels.js';
import type { Outputs, TermValue } from '../losses/terms.js';
import { tf } from '../tensor/backend.js';
import { joined } from './outputs.js';

/** Some samples of a batch. */
export interface MicroBatch {
  samples: number;
  labels: Int32Array;
  /** The student's outputs in training mode, a forward pass for each call. */
  student: () => OutputTensors;
  /** Logits and hidden states of these samples; asked for when it is their turn. */
  teacher: () => Promise<Outputs>;
}

/** What a batch came to. */
export interface Accumulated {
  evaluation: Omit<LossEvaluation, 'gradient'>;
  /** Of the whole batch's loss by the variables' names; the caller's to dispose of. */
  gradients: NamedTensorMap;
}

/**
 * Terms and gradients of a whole batch from its parts, one of which is in memory at a time. Terms of rows are means over the
 * batch's rows that count: a part has the share that it has of those. Relational terms compare all samples with one another: a
 * pass before gives all features, and the parts the gradients that these have in the whole batch.
 *
 * @param teacherFeatures of all samples, for every pair of layers; not looked at where no term is relational.
 * @param onLogits is told the logits of each part.
 */
export async function accumulate(
  loss: BatchLoss,
  parts: readonly MicroBatch[],
  teacherFeatures: readonly Matrix[],
  variables: readonly Variable[],
  onLogits: (logits: Matrix, part: MicroBatch) => void,
): Promise<Accumulated> {
  const { distance, angle, quantum } = loss.weights;
  const none = { ce: 0, kd: 0, hidden: 0, distance: 0, angle: 0, quantum: 0 };
  const ofRows = loss.withWeights({ ...loss.weights, distance: 0, angle: 0, quantum: 0 });
  const related =
    distance + angle + quantum > 0
      ? loss
          .withWeights({ ...none, distance, angle, quantum })
          .evaluate({ features: allFeatures(parts) }, { features: teacherFeatures }, new Int32Array(0))
      : undefined;
  const counted = parts.reduce((sum, { labels }) => sum + countedLabels(labels), 0);
  const terms: Record<string, TermValue> = {};
  let total = related?.loss ?? 0;
  let first = 0;
  let gradients: NamedTensorMap = {};
  try {
    for (const part of parts) {
      const share = counted > 0 ? countedLabels(part.labels) / counted : 0;
      const teacher = await part.teacher();
      const before = gradients;
      gradients = tf.tidy(() => {
        const { grads } = tf.variableGrads(() => {
          const { features = [], ...outputs } = part.student();
          const rows = ofRows.scalar(outputs, teacher, part.labels, (evaluation, { logits }) => {
            total += share * evaluation.loss;
            addTerms(terms, evaluation.terms, share);
            onLogits(logits, part);
          });
          const ofFeatures = related?.gradient.features ?? [];
          const pulls = ofFeatures.map((gradient, pair) => withGradient(features[pair], gradient, first));
          return pulls.reduce((sum, pull) => tf.add<Scalar>(sum, pull), tf.mul<Scalar>(rows, share));
        }, [...variables]);
        return sumsOf(before, grads);
      });
      tf.dispose(before);
      first += part.samples;
    }
  } catch (error) {
    tf.dispose(gradients);
    throw error;
  }
  const all = { ...terms, ...related?.terms } as LossEvaluation['terms'];
  return { evaluation: { loss: total, terms: all, zeroVectors: related?.zeroVectors ?? 0 }, gradients };
}

/** Features of all samples, one matrix a pair; the parts' tensors are gone afterwards. */
function allFeatures(parts: readonly MicroBatch[]): Matrix[] {
  const pieces: Float32Array[][] = [];
  for (const { student } of parts) {
    tf.tidy(() => {
      pieces.push((student().features ?? []).map((tensor) => tensor.dataSync() as Float32Array));
    });
  }
  const samples = parts.reduce((sum, part) => sum + part.samples, 0);
  return pieces[0].map((_, pair) =>
    joined(
      pieces.map((piece) => piece[pair]),
      samples,
    ),
  );
}

/** A scalar that has the rows of `gradient` from `first` on as its gradient: the sum of the features times these constants. */
function withGradient(features: Tensor2D, { data }: Matrix, first: number): Scalar {
  const [rows, width] = features.shape;
  const constants = Float32Array.from(data.subarray(first * width, (first + rows) * width));
  return tf.sum(tf.mul(features, tf.tensor2d(constants, features.shape)));
}

function sumsOf(sums: NamedTensorMap, added: NamedTensorMap): NamedTensorMap {
  const entries = Object.entries(added).map(([name, tensor]) => [
    name,
    sums[name] ? tf.add(sums[name], tensor) : tensor,
  ]);
  return Object.fromEntries(entries) as NamedTensorMap;
}

/** Adds a part's terms. Parts have gradients at different rows, so the squares of their norms add up. */
function addTerms(into: Record<string, TermValue>, terms: LossEvaluation['terms'], share: number): void {
  for (const [term, value] of Object.entries(terms)) {
    const sum = into[term] ?? { raw: 0, weighted: 0, gradientNorm: 0 };
    into[term] = {
      raw: sum.raw + share * value.raw,
      weighted: sum.weighted + share * value.weighted,
      gradientNorm: Math.hypot(sum.gradientNorm, share * value.gradientNorm),
    };
  }
}

/** A layer as it is written down. */
interface Described {
  className: string;
  config: { name?: string; [key: string]: unknown };
}

/** Layers, and whatever else has a class, at any depth: nested models and wrapped layers are in their owner's configuration. */
function* describedIn(value: unknown): Generator<Described> {
  if (typeof value !== 'object' || value === null) return;
  const { className, config } = value as Partial<Described>;
  if (typeof className === 'string' && typeof config === 'object' && config) yield { className, config };
  for (const inner of Object.values(value)) yield* describedIn(inner);
}

/** Whether a layer draws random numbers when it is trained. */
function isRandom({ className, config }: Described): boolean {
  const rates = [config.dropout, config.recurrentDropout];
  if (/Dropout|Noise/.test(className)) rates.push(config.rate, config.stddev);
  return rates.some((rate) => typeof rate === 'number' && rate > 0);
}

/**
 * Refuses models whose gradients of a batch are not those of its parts together.
 *
 * @param relational whether terms compare all samples of a batch, for which there are two passes.
 */
export function checkMicroBatches(model: LayersModel, relational: boolean, where: string): void {
  for (const layer of describedIn({ className: model.getClassName(), config: model.getConfig() })) {
    const named = `the layer "${layer.config.name}" (${layer.className})`;
    if (layer.className === 'BatchNormalization') {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `${where}: microBatch does not go with ${named}, whose mean and variance would be those of parts of a batch; leave microBatch out`,
      );
    }
    if (relational && isRandom(layer)) {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `${where}: microBatch with the terms distance, angle or quantum takes two passes over a batch, in which ${named} would draw different numbers; set its rate to 0, or leave out microBatch or these terms`,
      );
    }
  }
}
