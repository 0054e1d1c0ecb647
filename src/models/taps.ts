import type { LayersModel, layers, SymbolicTensor } from '@tensorflow/tfjs-layers';
import { describe, QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import { tf } from '../tensor/backend.js';
import { SequencePooling } from './layers/sequencePooling.js';
import { TokenSampling } from './layers/tokenSampling.js';

/** Where features are taken from a model: a layer's name, or more exactly what of the layer. */
export type FeatureSpec = string | FeaturePlace;

export interface FeaturePlace {
  readonly layer: string;
  /** 'after' (default): what the layer gives; 'before': its value before the activation that it applies, or is. */
  readonly activation?: 'before' | 'after';
  /**
   * Of maps [y, x, channels] and sequences [length, channels]: 'none' (default) flattens, 'average' and 'max' pool over all but
   * channels. 'last' is for models of tokens: what the layer gives at a sequence's last token.
   */
  readonly pooling?: 'none' | 'average' | 'max' | 'last';
  /**
   * In place of pooling, for models of tokens: what the layer gives at so many tokens of each sequence, drawn at random, the same ones
   * of both models and in every epoch. Each token is a row of its own for the relational terms; features are [n, tokens * channels].
   */
  readonly tokens?: number;
  /** The token that fills up sequences: 'average', 'last' and `tokens` leave it out. Default: none does. */
  readonly padToken?: number;
}

/** A {@link FeatureSpec} with its defaults filled in; what tells of tokens is there only where it was given. */
export type Tap = Required<Omit<FeaturePlace, 'tokens' | 'padToken'>> & Pick<FeaturePlace, 'tokens' | 'padToken'>;

const CHOICES = { activation: ['after', 'before'], pooling: ['none', 'average', 'max', 'last'] } as const;

/** @param argument names the specification in errors. */
export function readTap(spec: FeatureSpec, argument: string): Tap {
  const place = typeof spec === 'string' ? { layer: spec } : spec;
  if (place === null || typeof place !== 'object' || typeof place.layer !== 'string' || place.layer === '') {
    throw new QrkdTypeError(
      'ERR_QRKD_TYPE',
      `${argument} must be a layer's name or { layer, activation, pooling, tokens, padToken }, got ${describe(spec)}`,
    );
  }
  rejectUnknownKeys(place, ['layer', 'activation', 'pooling', 'tokens', 'padToken'], argument);
  const { layer, activation = 'after', pooling = 'none', tokens, padToken } = place;
  for (const [key, value] of Object.entries({ activation, pooling })) {
    const known: readonly string[] = CHOICES[key as keyof typeof CHOICES];
    if (!known.includes(value)) {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `${argument}.${key} must be ${known.join(' or ')}, got ${describe(value)}`,
      );
    }
  }
  for (const [key, value] of Object.entries({ padToken, tokens })) {
    const least = key === 'tokens' ? 1 : 0;
    if (value === undefined || (Number.isInteger(value) && value >= least)) continue;
    const wanted = key === 'tokens' ? 'a whole number of at least 1' : "a token's id";
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${argument}.${key} must be ${wanted}, got ${describe(value)}`);
  }
  if (tokens !== undefined && pooling !== 'none') {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${argument}.tokens takes tokens as they are, got pooling ${pooling}; give one of the two`,
    );
  }
  if (padToken !== undefined && !canSkipPadding({ pooling, tokens })) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${argument}.padToken goes with pooling average or last, or with tokens, got pooling ${pooling}, which leaves no padding out`,
    );
  }
  return {
    layer,
    activation,
    pooling,
    ...(tokens !== undefined && { tokens }),
    ...(padToken !== undefined && { padToken }),
  };
}

/** Whether what is taken of a sequence can leave padding out. */
export function canSkipPadding({ pooling, tokens }: Pick<FeaturePlace, 'pooling' | 'tokens'>): boolean {
  return pooling === 'average' || pooling === 'last' || tokens !== undefined;
}

/** The layer behind a tap's values that also reads the tokens of the model's input; undefined where the values alone are enough. */
export function tokenReader({ pooling, tokens, padToken }: Tap): TokenReader | undefined {
  if (tokens !== undefined) return { className: 'TokenSampling', config: { tokens, padToken: padToken ?? null } };
  if (pooling !== 'last' && padToken === undefined) return undefined;
  const mode = pooling === 'last' ? 'last' : 'mean';
  return { className: 'SequencePooling', config: { mode, padToken: padToken ?? null } };
}

type TokenReader =
  | { readonly className: 'SequencePooling'; readonly config: { mode: 'mean' | 'last'; padToken: number | null } }
  | { readonly className: 'TokenSampling'; readonly config: { tokens: number; padToken: number | null } };

/** The layers that are an activation and nothing else. */
const ACTIVATIONS = ['Activation', 'ELU', 'LeakyReLU', 'PReLU', 'ReLU', 'Softmax', 'ThresholdedReLU'];

/** How the value before a layer's activation is had: as its input, as what it gives, or by splitting the activation off. */
export function beforeActivation(className: string, activation: unknown): 'input' | 'output' | 'split' | undefined {
  if (ACTIVATIONS.includes(className)) return 'input';
  if (activation === undefined) return undefined;
  return activation === 'linear' || activation === null ? 'output' : 'split';
}

/**
 * The layer of a tap.
 *
 * @param argument names the model in errors.
 * @throws RangeError ERR_QRKD_VALUE for a layer that the model has not, or that has no activation to stand before,
 *   ERR_QRKD_SHAPE for pooling where there is nothing to pool over, or where there are no tokens that it needs.
 */
export function tapLayer(model: LayersModel, tap: Tap, argument: string): layers.Layer {
  const { layer: name, activation, pooling } = tap;
  const layer = model.layers.find((candidate) => candidate.name === name);
  if (layer === undefined) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${argument} has no layer named "${name}" (of the features); its layers: ${model.layers.map((one) => one.name).join(', ')}`,
    );
  }
  const className = layer.getClassName();
  if (activation === 'before' && beforeActivation(className, layer.getConfig().activation) === undefined) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${argument}: layer "${name}" (${className}) has no activation; take its features with activation: 'after'`,
    );
  }
  const { shape } = layer.output as SymbolicTensor;
  if (pooling !== 'none' && shape.length < 3) {
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `${argument}: layer "${name}" gives ${shape[1]} numbers, not a map; pooling ${pooling} has nothing to pool over`,
    );
  }
  const input = model.inputs[0].shape;
  if (tokenReader(tap) && !(input.length === 2 && shape.length === 3 && input[1] === shape[1])) {
    const written = (extents: readonly (number | null)[]) => extents.map((extent) => extent ?? '?').join(', ');
    const asked = tap.tokens ? `tokens` : pooling === 'last' ? 'pooling last' : 'padToken';
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `${argument}: ${asked} is for models of tokens [n, t] at layers [n, t, channels], but the input is [${written(input)}] and layer "${name}" gives [${written(shape)}]`,
    );
  }
  return layer;
}

/**
 * The features of a tap, [n, f], in the model's own graph: layers that pool or flatten are put behind, and the model stays as
 * it is. Sequences of any length that are not pooled stay [n, t, f].
 */
export function tapTensor(model: LayersModel, tap: Tap, argument: string): SymbolicTensor {
  const layer = tapLayer(model, tap, argument);
  const value = tap.activation === 'before' ? valueBefore(layer) : (layer.output as SymbolicTensor);
  const reader = tokenReader(tap);
  if (reader) {
    const { className, config } = reader;
    const behind = className === 'TokenSampling' ? new TokenSampling(config) : new SequencePooling(config);
    return behind.apply([value, model.inputs[0]]) as SymbolicTensor;
  }
  // tfjs flattens shapes that are known only; what is of any length is flattened when it is there.
  if (value.shape.length < 3 || (tap.pooling === 'none' && value.shape.slice(1).includes(null))) return value;
  return poolingOf(tap.pooling, value.shape.length).apply(value) as SymbolicTensor;
}

function poolingOf(pooling: Tap['pooling'], rank: number): layers.Layer {
  if (pooling === 'none') return tf.layers.flatten();
  if (pooling === 'average')
    return rank === 3 ? tf.layers.globalAveragePooling1d() : tf.layers.globalAveragePooling2d({});
  return rank === 3 ? tf.layers.globalMaxPooling1d() : tf.layers.globalMaxPooling2d({});
}

function valueBefore(layer: layers.Layer): SymbolicTensor {
  const how = beforeActivation(layer.getClassName(), layer.getConfig().activation);
  const input = layer.input as SymbolicTensor;
  if (how === 'input') return input;
  return how === 'output'
    ? (layer.output as SymbolicTensor)
    : (withoutActivation(layer).apply(input) as SymbolicTensor);
}

/** The same layer with the same weights, shared, not copied, and no activation. */
function withoutActivation(layer: layers.Layer): layers.Layer {
  const LayerClass = layer.constructor as new (config: unknown) => layers.Layer;
  const twin = new LayerClass({ ...layer.getConfig(), activation: 'linear', name: undefined });
  // Weights are plain properties of a layer; one that counts as built makes none of its own.
  for (const [key, value] of Object.entries(layer)) {
    if (layer.weights.includes(value as (typeof layer.weights)[number])) Object.assign(twin, { [key]: value });
  }
  twin.built = true;
  return twin;
}

/** Numbers that the layer of a tap gives for each token. */
export function lastWidth(model: LayersModel, { layer }: Tap): number {
  return (model.getLayer(layer).output as SymbolicTensor).shape.at(-1)!;
}
