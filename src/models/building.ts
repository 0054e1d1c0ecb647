import type { LayersModel, layers, SymbolicTensor } from '@tensorflow/tfjs-layers';
import { QrkdRangeError, QrkdTypeError, suggest } from '../errors.js';
import { tf } from '../tensor/backend.js';

/** Name of the layer whose output is the feature vector that relations are taken from. */
export const FEATURE_LAYER = 'features';

/** What every network of this folder takes. */
export interface NetworkOptions {
  /** Height, width and channels of an image. */
  readonly inputShape?: readonly [number, number, number];
  /** Number of logits, at least 2; default 10. */
  readonly classes?: number;
  /** Seed of the weights, an integer from 0 to 2^32 - 1, default 0. */
  readonly seed?: number;
}

export const NETWORK_KEYS: readonly (keyof NetworkOptions)[] = ['inputShape', 'classes', 'seed'];

/** A fresh initialiser for the next layer, seeded from the model's seed and the layer's position. */
export type NextInitializer = () => ReturnType<typeof tf.initializers.heUniform>;

/** Where a network starts and ends, and how its weights do. */
export interface Frame {
  readonly image: SymbolicTensor;
  readonly classes: number;
  readonly weights: NextInitializer;
}

/**
 * Checks the options that all networks have.
 *
 * @param where names the caller in errors.
 * @param layers more than a model has layers with weights, so that no two layers of two seeds share an initialiser's seed.
 */
export function frame(
  where: string,
  { inputShape, classes = 10, seed = 0 }: NetworkOptions,
  defaultShape: readonly [number, number, number],
  layers = 16,
): Frame {
  const shape = inputShape ?? defaultShape;
  if (!Array.isArray(shape) || shape.length !== 3 || !shape.every((extent) => Number.isInteger(extent) && extent > 0)) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${where}: inputShape is ${JSON.stringify(shape)}; expected [height, width, channels]`,
    );
  }
  if (!Number.isInteger(classes) || classes < 2) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${where}: classes is ${classes}; expected an integer of at least 2`);
  }
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${where}: seed is ${seed}; expected an integer from 0 to ${0xffffffff}`,
    );
  }
  let layer = 0;
  return {
    image: tf.input({ shape: [...shape], name: 'image' }),
    classes,
    // tfjs hashes the seed's decimal form, so neighbouring seeds give unrelated weights.
    weights: () => tf.initializers.heUniform({ seed: seed * layers + layer++ }),
  };
}

/** Refuses images whose sides are smaller than what the network's windows need. */
export function checkSides(where: string, { image }: Frame, least: number): void {
  const [, height, width] = image.shape;
  if (Math.min(height!, width!) >= least) return;
  throw new QrkdRangeError(
    'ERR_QRKD_VALUE',
    `${where}: inputShape has sides of ${height} and ${width}; expected at least ${least}`,
  );
}

/** The layer of features, and that of logits behind it. */
export function head({ classes, weights }: Frame, features: number, embedding: 'linear' | 'relu'): layers.Layer[] {
  return [
    tf.layers.dense({ units: features, activation: embedding, kernelInitializer: weights(), name: FEATURE_LAYER }),
    logits(classes, weights),
  ];
}

export function logits(classes: number, weights: NextInitializer): layers.Layer {
  return tf.layers.dense({ units: classes, kernelInitializer: weights(), name: 'logits' });
}

/** A model of layers one behind the other. */
export function chain(name: string, { image }: Frame, stack: readonly layers.Layer[]): LayersModel {
  return tf.model({ inputs: image, outputs: stack.reduce(through, image), name });
}

export function through(x: SymbolicTensor, layer: layers.Layer): SymbolicTensor {
  return layer.apply(x) as SymbolicTensor;
}

export function oneOf<T extends string>(where: string, value: T, known: readonly T[]): T {
  if (known.includes(value)) return value;
  throw new QrkdTypeError('ERR_QRKD_VALUE', `${where} is "${value}"${suggest(String(value), known)}`);
}
