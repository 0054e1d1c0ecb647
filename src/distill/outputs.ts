import type { Tensor } from '@tensorflow/tfjs-core';
import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs-layers';
import type { Matrix } from '../engine/types.js';
import { QrkdRangeError, QrkdTypeError } from '../errors.js';
import { tf } from '../tensor/backend.js';
import { type SampleSet, sliceTensor } from './samples.js';

/** Samples per forward pass where nothing is trained. */
const CHUNK = 256;

/** A model seen as logits and, where a layer was named, features, both from one forward pass. */
export interface TwoOutputs {
  readonly model: LayersModel;
  apply(x: Tensor, training: boolean): { logits: Tensor; features?: Tensor };
  featureWidth?: number;
}

/** Refuses samples, [n, ...shape of one], of another shape than the model's input. */
export function checkInputs({ model }: TwoOutputs, shape: readonly number[], argument: string): void {
  const [, ...wanted] = model.inputs[0].shape;
  const [, ...given] = shape;
  if (wanted.length === given.length && wanted.every((extent, k) => extent === null || extent === given[k])) return;
  throw new QrkdRangeError(
    'ERR_QRKD_SHAPE',
    `${argument} takes samples of shape [${wanted.map((extent) => extent ?? '?').join(', ')}], got [${given.join(', ')}]`,
  );
}

/** Refuses labels that are none of the model's classes; `argument` names the set. */
export function checkLabels({ model }: TwoOutputs, labels: Int32Array, argument: string): void {
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
 * Opens a model at its feature layer. Layers and weights stay those of `model`.
 *
 * @param layerName name of the feature layer, or undefined if only logits are wanted.
 * @param argument names the model in errors.
 */
export function openModel(model: LayersModel, layerName: string | undefined, argument: string): TwoOutputs {
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
  if (layerName === undefined) {
    return { model, apply: (x, training) => ({ logits: model.apply(x, { training }) as Tensor }) };
  }
  const layer = model.layers.find(({ name }) => name === layerName);
  if (layer === undefined) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${argument} has no layer named "${layerName}" (featureLayer); its layers: ${model.layers.map(({ name }) => name).join(', ')}`,
    );
  }
  const output = layer.output as SymbolicTensor;
  // tfjs gives no value for an output that is listed twice.
  const outputs = output === model.outputs[0] ? [output] : [model.outputs[0], output];
  const both = tf.model({ inputs: model.inputs, outputs });
  const featureWidth = output.shape.slice(1).reduce<number>((product, extent) => product * (extent ?? 1), 1);
  return {
    model,
    featureWidth,
    apply(x, training) {
      const [logits, features = logits] = [both.apply(x, { training })].flat() as Tensor[];
      return { logits, features: tf.reshape(features, [x.shape[0], featureWidth]) };
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

/** Logits (and features) of all samples, in order, in inference mode. */
export function allOutputs(
  model: TwoOutputs,
  set: Pick<SampleSet, 'images' | 'shape'>,
): { logits: Matrix; features?: Matrix } {
  const n = set.shape[0];
  const parts: { logits: Float32Array; features?: Float32Array }[] = [];
  for (let start = 0; start < n; start += CHUNK) {
    parts.push(
      tf.tidy(() => {
        const { logits, features } = model.apply(sliceTensor(set, start, Math.min(n, start + CHUNK)), false);
        return {
          logits: logits.dataSync() as Float32Array,
          features: features?.dataSync() as Float32Array | undefined,
        };
      }) as (typeof parts)[number],
    );
  }
  const join = (pieces: Float32Array[]): Matrix<Float32Array> => {
    const total = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const data = new Float32Array(total);
    let offset = 0;
    for (const piece of pieces) {
      data.set(piece, offset);
      offset += piece.length;
    }
    return { data, shape: [n, total / n] };
  };
  return {
    logits: join(parts.map(({ logits }) => logits)),
    ...(model.featureWidth !== undefined && { features: join(parts.map(({ features }) => features!)) }),
  };
}
