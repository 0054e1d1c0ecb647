import { activationLayers } from './activation.js';
import { type Compiler, type LayerView, unsupported } from './compiler.js';
import { convolutionLayers } from './convolution.js';
import { denseLayers } from './dense.js';
import { dropoutLayers } from './dropout.js';
import { mergeLayers } from './merge.js';
import { normalizationLayers } from './normalization.js';
import { poolingLayers } from './pooling.js';
import { sequenceLayers } from './sequence.js';
import { shapeLayers } from './shape.js';

/** Every layer that trains natively, by its tfjs class name. A new family is one file with such a record, and a line here. */
const COMPILERS: ReadonlyMap<string, Compiler> = new Map(
  [
    activationLayers,
    convolutionLayers,
    denseLayers,
    dropoutLayers,
    mergeLayers,
    normalizationLayers,
    poolingLayers,
    sequenceLayers,
    shapeLayers,
  ].flatMap((family) => Object.entries(family)),
);

/** Class names of the layers that the native engine has. */
export const nativeLayers: readonly string[] = [...COMPILERS.keys()].sort();

/** @throws `ERR_QRKD_UNSUPPORTED`, naming the layer, for a class without a compiler. */
export function compilerOf(layer: Pick<LayerView, 'name' | 'className'>): Compiler {
  const compiler = COMPILERS.get(layer.className);
  if (!compiler) throw unsupported(layer, 'the native engine has no such layer');
  return compiler;
}
