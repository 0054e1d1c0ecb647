import type { NetworkBuilder, Value } from '../builder.js';
import { type Compiler, type LayerView, unsupported, type WeightView } from './compiler.js';
import { maskSeed } from './dropout.js';

/** x W + b at every pixel or token; W is [in, units]. */
export function pointwise(
  network: NetworkBuilder,
  x: Value,
  units: number,
  weights: readonly WeightView[],
  relu = false,
): Value {
  const shape = [...x.shape.slice(0, -1), units];
  return network.node('pointwise', [x], { units, relu: Number(relu) }, shape, weights);
}

/** Ids [t] as a sequence of single numbers: a vector's numbers are channels to the engine. */
function asTokens(network: NetworkBuilder, layer: LayerView, ids: Value): Value {
  if (ids.shape.length !== 1) throw unsupported(layer, `its tokens [${ids.shape.join(', ')}] are not one sequence`);
  const [width] = ids.shape;
  return network.node('reshape', [ids], { height: 1, width, channels: 1 }, [width, 1]);
}

/** Ids [t] become vectors [t, d]. */
const embedding: Compiler = (network, layer, [x]) => {
  if (layer.config.maskZero) throw unsupported(layer, 'maskZero is true');
  const [vocabulary, width] = layer.weights[0].shape;
  const ids = asTokens(network, layer, x);
  return network.node('tokenEmbedding', [ids], { vocabulary, width }, [x.shape[0], width], layer.weights);
};

/** The same, and vectors [t, d] become logits [t, V] by the same weight. */
const tokenEmbedding: Compiler = (network, layer, [x]) => {
  if (x.shape.length === 1) return embedding(network, layer, [x]);
  const [vocabulary] = layer.weights[0].shape;
  return network.node('tokenProjection', [x], { units: vocabulary }, [x.shape[0], vocabulary], layer.weights);
};

const positionEmbedding: Compiler = (network, layer, [x]) => {
  const [positions] = layer.weights[0].shape;
  const [length] = x.shape;
  if (length > positions) throw unsupported(layer, `sequences have ${length} tokens, more than its ${positions}`);
  return network.node('positionEmbedding', [x], {}, x.shape, layer.weights);
};

/** Queries, keys and values by one product, attention, and a product that mixes the heads. */
const causalSelfAttention: Compiler = (network, layer, [x]) => {
  const { heads, width, dropout } = layer.config as { heads: number; width: number; dropout: number };
  const mixed = pointwise(network, x, 3 * width, layer.weights.slice(0, 2));
  const seen = network.node('causalAttention', [mixed], { heads, rate: dropout, seed: maskSeed(network) }, x.shape);
  return pointwise(network, seen, width, layer.weights.slice(2));
};

const sequencePooling: Compiler = (network, layer, [values, tokens]) => {
  const { mode, padToken } = layer.config as { mode: 'mean' | 'last'; padToken: number | null };
  const numbers = { last: Number(mode === 'last'), padToken: padToken ?? -1 };
  return network.node('sequencePooling', [values, asTokens(network, layer, tokens)], numbers, values.shape.slice(1));
};

/** Values [t, c] at some of the tokens [t]. */
const tokenSampling: Compiler = (network, layer, [values, tokens]) => {
  const { tokens: count, padToken } = layer.config as { tokens: number; padToken: number | null };
  const inputs = [values, asTokens(network, layer, tokens)];
  const channels = count * values.shape[1];
  const rows = network.node('tokenSampling', inputs, { count, padToken: padToken ?? -1 }, [count, values.shape[1]]);
  return network.node('reshape', [rows], { height: 1, width: 1, channels }, [channels]);
};

/** Whether a layer looks ids up. */
export function readsTokens(className: string): boolean {
  return ['Embedding', 'TokenEmbedding', 'SequencePooling', 'TokenSampling'].includes(className);
}

export const sequenceLayers: Record<string, Compiler> = {
  CausalSelfAttention: causalSelfAttention,
  Embedding: embedding,
  PositionEmbedding: positionEmbedding,
  SequencePooling: sequencePooling,
  TokenEmbedding: tokenEmbedding,
  TokenSampling: tokenSampling,
};
