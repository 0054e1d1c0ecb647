import { QrkdTypeError } from '../../errors.js';
import type { NetworkBuilder, Value } from '../builder.js';

/** A weight of a layer: its place in the network's list, and its shape. */
export interface WeightView {
  readonly index: number;
  readonly shape: readonly number[];
}

/** What a compiler may know of a tfjs layer. */
export interface LayerView {
  /** Unique within the graph: the layer's name, behind those of the models that it is nested in. */
  readonly name: string;
  readonly className: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** In tfjs's order (for a convolution the kernel, then the bias). */
  readonly weights: readonly WeightView[];
}

/** Adds the nodes of one application of a layer (one or more inputs, one output). */
export type Compiler = (network: NetworkBuilder, layer: LayerView, inputs: readonly Value[]) => Value;

/** The error for a layer, or a setting of one, that the native engine does not have. */
export function unsupported(layer: Pick<LayerView, 'name' | 'className'>, reason: string): QrkdTypeError {
  return new QrkdTypeError('ERR_QRKD_UNSUPPORTED', `layer "${layer.name}" (${layer.className}): ${reason}`);
}

/** Refuses what is not channels last. */
export function checkChannelsLast(layer: LayerView): void {
  if (layer.config.dataFormat === 'channelsFirst') throw unsupported(layer, 'dataFormat is channelsFirst');
}

/** A configured size that may be one number for both axes. */
export function pair(value: unknown): [number, number] {
  if (typeof value === 'number') return [value, value];
  const [first, second = first] = value as number[];
  return [first, second];
}

/** Where windows of a layer stand over its input [height, width, channels]. */
export interface WindowOptions {
  kernel: [number, number];
  strides: [number, number];
  dilation?: [number, number];
}

/**
 * Strides, padding and output size of a layer of windows. `same` pads so that out = ceil(in / stride), the odd one at the
 * end, as TensorFlow does.
 */
export function placeWindows(
  layer: LayerView,
  { shape }: Value,
  { kernel, strides, dilation = [1, 1] }: WindowOptions,
): Record<'strideY' | 'strideX' | 'padTop' | 'padLeft' | 'outHeight' | 'outWidth', number> {
  checkChannelsLast(layer);
  const { padding } = layer.config;
  if (padding !== 'valid' && padding !== 'same') {
    throw unsupported(layer, `padding is ${JSON.stringify(padding)}, not valid or same`);
  }
  const axis = (a: 0 | 1) => {
    const extent = (kernel[a] - 1) * dilation[a] + 1;
    if (padding === 'valid') return { pad: 0, out: Math.floor((shape[a] - extent) / strides[a]) + 1 };
    const out = Math.ceil(shape[a] / strides[a]);
    return { pad: Math.floor(Math.max((out - 1) * strides[a] + extent - shape[a], 0) / 2), out };
  };
  const [y, x] = [axis(0), axis(1)];
  return {
    strideY: strides[0],
    strideX: strides[1],
    padTop: y.pad,
    padLeft: x.pad,
    outHeight: y.out,
    outWidth: x.out,
  };
}
