import seedrandom from 'seedrandom';
import type { NetworkBuilder } from '../builder.js';
import { type Compiler, unsupported } from './compiler.js';

/**
 * Masks come from a counter-based generator, so that they depend on the seed, the step and the sample's place in the batch
 * only. tfjs's own masks are others, and with a seed the same in every step.
 */
const dropout: Compiler = (network, layer, [x]) => {
  const { rate, seed, noiseShape } = layer.config as {
    rate: number;
    seed?: number | null;
    noiseShape?: number[] | null;
  };
  if (noiseShape) throw unsupported(layer, `noiseShape is [${noiseShape.join(', ')}]`);
  if (!(rate > 0 && rate < 1)) return x; // tfjs's layer does nothing then
  return network.node('dropout', [x], { rate, seed: maskSeed(network, seed) }, x.shape);
};

/** The engine's seed of the next layer that drops values. */
export function maskSeed(network: NetworkBuilder, seed?: number | null): number {
  return seedrandom(`qrkd-dropout-${seed ?? network.seed}-${network.nextDropout()}`).int32() >>> 0;
}

export const dropoutLayers: Record<string, Compiler> = { Dropout: dropout };
