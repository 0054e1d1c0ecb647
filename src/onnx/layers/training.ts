import type { Converter } from './converter.js';

/** Layers that act only in training: nothing is left of them. */
const identity: Converter = (_graph, _layer, [x]) => x;

export const trainingLayers: Record<string, Converter> = {
  AlphaDropout: identity,
  Dropout: identity,
  GaussianDropout: identity,
  GaussianNoise: identity,
  SpatialDropout1D: identity,
};
