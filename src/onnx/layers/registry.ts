import { activationLayers } from './activation.js';
import { adaptivePoolingLayers } from './adaptivePooling.js';
import { type Converter, type LayerView, unsupported } from './converter.js';
import { convolutionLayers } from './convolution.js';
import { denseLayers } from './dense.js';
import { languageLayers } from './language.js';
import { mergeLayers } from './merge.js';
import { normalizationLayers } from './normalization.js';
import { poolingLayers } from './pooling.js';
import { shapeLayers } from './shape.js';
import { trainingLayers } from './training.js';

/** Every layer that can be exported, by its tfjs class name. A new family is one file with such a record, and a line here. */
const CONVERTERS: ReadonlyMap<string, Converter> = new Map(
  [
    activationLayers,
    adaptivePoolingLayers,
    convolutionLayers,
    denseLayers,
    languageLayers,
    mergeLayers,
    normalizationLayers,
    poolingLayers,
    shapeLayers,
    trainingLayers,
  ].flatMap((family) => Object.entries(family)),
);

/** Class names of the layers that {@link exportOnnx} knows. */
export const supportedLayers: readonly string[] = [...CONVERTERS.keys()].sort();

/** @throws `ERR_QRKD_UNSUPPORTED`, naming the layer, for a class without a converter. */
export function converterOf(layer: Pick<LayerView, 'name' | 'className'>): Converter {
  const converter = CONVERTERS.get(layer.className);
  if (!converter) throw unsupported(layer, `supported layers are ${supportedLayers.join(', ')}`);
  return converter;
}
