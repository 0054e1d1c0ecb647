import type { Tensor } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Scalars } from '../engine/native.js';
import type { Matrix } from '../engine/types.js';
import { QrkdRangeError, QrkdTypeError } from '../errors.js';
import { countedLabels, UNCOUNTED } from '../losses/labels.js';
import { PositionEmbedding } from '../models/layers/positionEmbedding.js';
import { type FeatureSpec, readTap, tapTensor } from '../models/taps.js';
import { tf } from '../tensor/backend.js';
import { labelsPerSample, type SampleSet, sliceTensor } from './samples.js';

/** Samples per forward pass where nothing is trained, or fewer where so many are too many. */
const CHUNK = 256;

/** A model seen as logits and the features taken somewhere in it, all from one forward pass. */
export interface OpenedModel {
  readonly model: LayersModel;
  /** Logits of one sample, or of one token. */
  readonly classes: number;
  /** Whether it gives logits for every token. */
  readonly perToken: boolean;
  /** Widths of the features. */
  readonly featureWidths: readonly number[];
  /** Logits [N, C], of models that label every token [N * T, C]; features [N, f], as many as were asked for. */
  apply(x: Tensor, training: boolean): { logits: Tensor; features: Tensor[] };
}

/** Refuses samples, [n, ...shape of one], of another shape than the model's input, and sequences that are too long for it. */
export function checkInputs({ model }: OpenedModel, shape: readonly number[], argument: string): void {
  const [, ...wanted] = model.inputs[0].shape;
  const [, ...given] = shape;
  const fits = wanted.length === given.length && wanted.every((extent, k) => extent === null || extent === given[k]);
  const short = model.layers.find((layer) => layer instanceof PositionEmbedding && layer.positions < given[0]);
  if (fits && !short) return;
  if (fits) {
    const { positions } = short as PositionEmbedding;
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `${argument} takes sequences of at most ${positions} tokens, got some of ${given[0]}`,
    );
  }
  throw new QrkdRangeError(
    'ERR_QRKD_SHAPE',
    `${argument} takes samples of shape [${wanted.map((extent) => extent ?? '?').join(', ')}], got [${given.join(', ')}]`,
  );
}

/** Refuses labels that are none of the model's classes; `argument` names the set. */
export function checkLabels({ classes, perToken }: OpenedModel, set: SampleSet, argument: string): void {
  const { labels } = set;
  const wanted = perToken ? set.shape[1] : 1;
  if (labelsPerSample(set) !== wanted) {
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `${argument}: the model gives logits for ${wanted === 1 ? 'every sample' : `each of ${wanted} tokens`}, so ${wanted * set.shape[0]} labels are expected, got ${labels.length}`,
    );
  }
  if (perToken && countedLabels(labels) === 0) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${argument}: no token counts, all ${labels.length} labels are -1`);
  }
  if (classes === null) return;
  const bad = labels.findIndex((label) => !((label >= 0 && label < classes) || (perToken && label === UNCOUNTED)));
  if (bad < 0) return;
  throw new QrkdRangeError(
    'ERR_QRKD_VALUE',
    `${argument}: labels[${bad}] must be between 0 and ${classes - 1}${perToken ? ', or -1 for a token that does not count' : ''}, got ${labels[bad]}`,
  );
}

/**
 * Opens a model at the places where its features are taken. Layers and weights stay those of `model`.
 *
 * @param argument names the model in errors.
 */
export function openModel(model: LayersModel, features: readonly FeatureSpec[], argument: string): OpenedModel {
  if (!(model instanceof tf.LayersModel)) {
    const advice = model !== null && typeof model === 'object' && 'model' in model ? '; give its .model' : '';
    throw new QrkdTypeError(
      'ERR_QRKD_TYPE',
      `${argument} must be a built tf.LayersModel, got ${typeof model}${advice}`,
    );
  }
  if (model.inputs.length !== 1 || model.outputs.length !== 1) {
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `${argument} must have one input and one output, got ${model.inputs.length} and ${model.outputs.length}`,
    );
  }
  refuseSoftmax(model, argument);
  const { shape } = model.outputs[0];
  const kind = { model, classes: shape.at(-1)!, perToken: shape.length === 3 };
  if (features.length === 0) {
    return {
      ...kind,
      featureWidths: [],
      apply: (x, training) => ({ logits: tokenRows(model.apply(x, { training }) as Tensor), features: [] }),
    };
  }
  const tensors = features.map((spec) => tapTensor(model, readTap(spec, `${argument}: features`), argument));
  const wanted = [model.outputs[0], ...tensors];
  // tfjs gives no value for an output that is listed twice.
  const outputs = [...new Set(wanted)];
  const opened = tf.model({ inputs: model.inputs, outputs });
  return {
    ...kind,
    featureWidths: tensors.map(({ shape }) => shape[1]!),
    apply(x, training) {
      const values = [opened.apply(x, { training })].flat() as Tensor[];
      const [logits, ...rest] = wanted.map((tensor) => values[outputs.indexOf(tensor)]);
      return { logits: tokenRows(logits), features: rest.map(flat) };
    },
  };
}

/** Logits [N, T * C] of tokens as [N * T, C]. */
export function rowsOf({ data }: Matrix, classes: number): Matrix {
  return { data, shape: [data.length / classes, classes] };
}

const flat = (features: Tensor): Tensor =>
  features.rank === 2 ? features : tf.reshape(features, [features.shape[0], -1]);

/** Logits of tokens [N, T, C] as [N * T, C]. */
function tokenRows(logits: Tensor): Tensor {
  return logits.rank === 3 ? tf.reshape(logits, [-1, logits.shape[2]!]) : logits;
}

// A softmax before the loss's own softmax trains, badly, and nothing would say so.
function refuseSoftmax(model: LayersModel, argument: string): void {
  const last = model.layers[model.layers.length - 1];
  const activation = last.getClassName() === 'Softmax' ? 'softmax' : last.getConfig().activation;
  if (activation === 'softmax') {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${argument}: its last layer "${last.name}" ends in a softmax; the model must give logits`,
    );
  }
}

/** Logits and features of all samples, in order, in inference mode; logits of tokens have a row each. */
export function allOutputs(
  opened: OpenedModel,
  set: Pick<SampleSet, 'images' | 'shape'>,
  atOnce = CHUNK,
): { logits: Matrix; features: Matrix[] } {
  const n = set.shape[0];
  const size = Math.min(CHUNK, atOnce);
  const parts: Float32Array[][] = [];
  for (let start = 0; start < n; start += size) {
    // Nothing is returned from tidy, which would look for tensors among all of the numbers.
    tf.tidy(() => {
      const { logits, features } = opened.apply(sliceTensor(set, start, Math.min(n, start + size)), false);
      parts.push([logits, ...features].map((tensor) => tensor.dataSync() as Float32Array));
    });
  }
  const [logits, ...features] = parts[0].map((_, k) =>
    joined(
      parts.map((part) => part[k]),
      n,
    ),
  );
  return { logits: rowsOf(logits, opened.classes), features };
}

/** Pieces of `rows` rows, one after another. */
export function joined(pieces: readonly Scalars[], rows: number): Matrix<Float32Array> {
  const data = new Float32Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    data.set(piece, offset);
    offset += piece.length;
  }
  return { data, shape: [rows, data.length / rows] };
}
