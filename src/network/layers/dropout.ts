import seedrandom from 'seedrandom';
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
  const generator = seedrandom(`qrkd-dropout-${seed ?? network.seed}-${network.nextDropout()}`);
  return network.node('dropout', [x], { rate, seed: generator.int32() >>> 0 }, x.shape);
};

export const dropoutLayers: Record<string, Compiler> = { Dropout: dropout };
