import { type NetworkBuilder, nativeShape, type Value } from '../builder.js';
import { type Compiler, checkChannelsLast, pair, placeWindows } from './compiler.js';

/** Padding never counts: neither for the maximum nor in the number that an average divides by. */
const windowed =
  (kind: 'maxPool2d' | 'averagePool2d'): Compiler =>
  (network, layer, [x]) => {
    const kernel = pair(layer.config.poolSize);
    const strides = pair(layer.config.strides ?? layer.config.poolSize);
    const numbers = placeWindows(layer, x, { kernel, strides });
    const shape = [numbers.outHeight, numbers.outWidth, x.shape[2]];
    return network.node(kind, [x], { poolHeight: kernel[0], poolWidth: kernel[1], ...numbers }, shape);
  };

function adaptiveAverage(network: NetworkBuilder, x: Value, size: [number, number], shape: readonly number[]): Value {
  return network.node('adaptiveAveragePool2d', [x], { outHeight: size[0], outWidth: size[1] }, shape);
}

/** One number a channel, over all that is not channels: of maps, and of sequences. */
export function poolAll(network: NetworkBuilder, x: Value, how: 'average' | 'max'): Value {
  const [poolHeight, poolWidth, channels] = nativeShape(x.shape)!;
  if (how === 'average') return adaptiveAverage(network, x, [1, 1], [channels]);
  const whole = { poolHeight, poolWidth, strideY: 1, strideX: 1, padTop: 0, padLeft: 0, outHeight: 1, outWidth: 1 };
  return network.node('maxPool2d', [x], whole, [channels]);
}

export const poolingLayers: Record<string, Compiler> = {
  MaxPooling2D: windowed('maxPool2d'),
  AveragePooling2D: windowed('averagePool2d'),
  AdaptiveAveragePooling2d: (network, layer, [x]) => {
    const size = pair(layer.config.outputSize);
    return adaptiveAverage(network, x, size, [...size, x.shape[2]]);
  },
  GlobalAveragePooling2D: (network, layer, [x]) => {
    checkChannelsLast(layer);
    return poolAll(network, x, 'average');
  },
  GlobalMaxPooling2D: (network, layer, [x]) => {
    checkChannelsLast(layer);
    return poolAll(network, x, 'max');
  },
};
