import { type NetworkBuilder, nativeShape, type Value } from '../builder.js';
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
    return reshaped(network, layer, x, layer.outputShape);
  },
  Reshape: (network, layer, [x]) => reshaped(network, layer, x, layer.outputShape),
  ZeroPadding2D: (network, layer, [x]) => {
    checkChannelsLast(layer);
    const [[top, bottom], [left, right]] = layer.config.padding as [[number, number], [number, number]];
    return network.node('zeroPadding2d', [x], { top, bottom, left, right }, layer.outputShape);
  },
};
