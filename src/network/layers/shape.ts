import { type NetworkBuilder, nativeShape, sizeOf, type Value } from '../builder.js';
import { type Compiler, checkChannelsLast, type LayerView, unsupported } from './compiler.js';

/** The same numbers in the same order in memory, seen as another shape. */
function reshaped(network: NetworkBuilder, layer: LayerView, x: Value, shape: readonly number[]): Value {
  const native = nativeShape(shape);
  if (!native) throw unsupported(layer, `its output [${shape.join(', ')}] has more than three axes`);
  if (native.join() === nativeShape(x.shape)!.join()) return { node: x.node, shape };
  const [height, width, channels] = native;
  return network.node('reshape', [x], { height, width, channels }, shape);
}

export const shapeLayers: Record<string, Compiler> = {
  Flatten: (network, layer, [x]) => {
    checkChannelsLast(layer);
    return reshaped(network, layer, x, [sizeOf(x.shape)]);
  },
  Reshape: (network, layer, [x]) => {
    // One extent may be left to be inferred: tfjs writes it as null or as a negative number.
    const target = (layer.config.targetShape as (number | null)[]).map((extent) => extent ?? -1);
    const known = target.reduce((product, extent) => (extent < 0 ? product : product * extent), 1);
    const shape = target.map((extent) => (extent < 0 ? sizeOf(x.shape) / known : extent));
    return reshaped(network, layer, x, shape);
  },
  ZeroPadding2D: (network, layer, [x]) => {
    checkChannelsLast(layer);
    const [[top, bottom], [left, right]] = layer.config.padding as [[number, number], [number, number]];
    const [height, width, channels] = x.shape;
    const shape = [height + top + bottom, width + left + right, channels];
    return network.node('zeroPadding2d', [x], { top, bottom, left, right }, shape);
  },
};
