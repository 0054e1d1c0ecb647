import type { Tensor } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Matrix } from '../engine/types.js';
import { QrkdRangeError, QrkdTypeError } from '../errors.js';
import { type FeatureSpec, readTap, tapTensor } from '../models/taps.js';
import { tf } from '../tensor/backend.js';
import { type SampleSet, sliceTensor } from './samples.js';

/** Samples per forward pass where nothing is trained. */
const CHUNK = 256;

/** A model seen as logits and the features taken somewhere in it, all from one forward pass. */
export interface OpenedModel {
  readonly model: LayersModel;
  /** Their widths. */
  readonly featureWidths: readonly number[];
  /** Logits [N, C], features [N, f], as many as were asked for. */
  apply(x: Tensor, training: boolean): { logits: Tensor; features: Tensor[] };
}

/** Refuses samples, [n, ...shape of one], of another shape than the model's input. */
export function checkInputs({ model }: OpenedModel, shape: readonly number[], argument: string): void {
  const [, ...wanted] = model.inputs[0].shape;
  const [, ...given] = shape;
  if (wanted.length === given.length && wanted.every((extent, k) => extent === null || extent === given[k])) return;
  throw new QrkdRangeError(
    'ERR_QRKD_SHAPE',
    `${argument} takes samples of shape [${wanted.map((extent) => extent ?? '?').join(', ')}], got [${given.join(', ')}]`,
  );
}

/** Refuses labels that are none of the model's classes; `argument` names the set. */
export function checkLabels({ model }: OpenedModel, labels: Int32Array, argument: string): void {
  const shape = model.outputs[0].shape;
  const classes = shape[shape.length - 1];
  if (classes === null) return;
  const bad = labels.findIndex((label) => !(label >= 0 && label < classes));
  if (bad < 0) return;
  throw new QrkdRangeError(
    'ERR_QRKD_VALUE',
    `${argument}: labels[${bad}] must be between 0 and ${classes - 1}, got ${labels[bad]}`,
  );
}

/**
 * Opens a model at the places where its features are taken. Layers and weights stay those of `model`.
 *
 * @param argument names the model in errors.
 */
export function openModel(model: LayersModel, features: readonly FeatureSpec[], argument: string): OpenedModel {
  if (!(model instanceof tf.LayersModel)) {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `${argument} must be a built tf.LayersModel, got ${typeof model}`);
  }
  if (model.inputs.length !== 1 || model.outputs.length !== 1) {
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `${argument} must have one input and one output, got ${model.inputs.length} and ${model.outputs.length}`,
    );
  }
  refuseSoftmax(model, argument);
  if (features.length === 0) {
    return {
      model,
      featureWidths: [],
      apply: (x, training) => ({ logits: model.apply(x, { training }) as Tensor, features: [] }),
    };
  }
  const tensors = features.map((spec) => tapTensor(model, readTap(spec, `${argument}: features`), argument));
  const wanted = [model.outputs[0], ...tensors];
  // tfjs gives no value for an output that is listed twice.
  const outputs = [...new Set(wanted)];
  const opened = tf.model({ inputs: model.inputs, outputs });
  return {
    model,
    featureWidths: tensors.map(({ shape }) => shape[1]!),
    apply(x, training) {
      const values = [opened.apply(x, { training })].flat() as Tensor[];
      const [logits, ...rest] = wanted.map((tensor) => values[outputs.indexOf(tensor)]);
      return { logits, features: rest };
    },
  };
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

/** Logits and features of all samples, in order, in inference mode. */
export function allOutputs(
  opened: OpenedModel,
  set: Pick<SampleSet, 'images' | 'shape'>,
): { logits: Matrix; features: Matrix[] } {
  const n = set.shape[0];
  const parts: Float32Array[][] = [];
  for (let start = 0; start < n; start += CHUNK) {
    parts.push(
      tf.tidy(() => {
        const { logits, features } = opened.apply(sliceTensor(set, start, Math.min(n, start + CHUNK)), false);
        return [logits, ...features].map((tensor) => tensor.dataSync() as Float32Array);
      }) as unknown as Float32Array[],
    );
  }
  const [logits, ...features] = parts[0].map((_, k) =>
    joined(
      parts.map((part) => part[k]),
      n,
    ),
  );
  return { logits, features };
}

function joined(pieces: Float32Array[], rows: number): Matrix<Float32Array> {
  const data = new Float32Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    data.set(piece, offset);
    offset += piece.length;
  }
  return { data, shape: [rows, data.length / rows] };
}
