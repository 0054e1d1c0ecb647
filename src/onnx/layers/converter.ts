import { QrkdTypeError } from '../../errors.js';
import type { GraphBuilder, Value } from '../graph.js';

/** A layer's weight: row-major data and its shape. */
export interface Weight {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** What a converter may know of a tfjs layer. */
export interface LayerView {
  /** Unique within the graph: the layer's name, behind those of the models that it is nested in. */
  readonly name: string;
  readonly className: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** In tfjs's order (for a convolution the kernel, then the bias). */
  readonly weights: readonly Weight[];
}

/** A converter's result: a name in the graph, and its layout where that is not tfjs's own. */
export type Output = Pick<Value, 'name'> & Partial<Pick<Value, 'layout'>>;

/** Adds the nodes of one application of a layer (one or more inputs, one output). */
export type Converter = (graph: GraphBuilder, layer: LayerView, inputs: readonly Value[]) => Output;

/** The error for a layer, or a setting of one, that has no ONNX form here. */
export function unsupported(layer: Pick<LayerView, 'name' | 'className'>, reason: string): QrkdTypeError {
  return new QrkdTypeError(
    'ERR_QRKD_UNSUPPORTED',
    `layer "${layer.name}" (${layer.className}) cannot be exported to ONNX: ${reason}`,
  );
}

export function refuseChannelsFirst(layer: LayerView): void {
  if (layer.config.dataFormat === 'channelsFirst') throw unsupported(layer, 'dataFormat is channelsFirst');
}

/** A configured size that may be one number for both axes. */
export function pair(value: unknown): [number, number] {
  if (typeof value === 'number') return [value, value];
  const [first, second = first] = value as number[];
  return [first, second];
}

/**
 * ONNX's padding attributes for tfjs's `padding`. `same` pads so that out = ceil(in / stride), the odd one at the end:
 * explicit where the size is known, else by ONNX's equally defined SAME_UPPER.
 */
export function padding(
  layer: LayerView,
  input: Value,
  window: { kernel: [number, number]; strides: [number, number]; dilation?: [number, number] },
): Record<string, string | number[]> {
  if (layer.config.padding === 'valid') return {};
  if (layer.config.padding !== 'same') throw unsupported(layer, `padding is ${JSON.stringify(layer.config.padding)}`);
  const sizes = input.shape.slice(1, 3);
  const before: number[] = [];
  const after: number[] = [];
  for (let axis = 0; axis < 2; axis++) {
    const size = sizes[axis];
    if (size === null) return { auto_pad: 'SAME_UPPER' };
    const stride = window.strides[axis];
    const extent = (window.kernel[axis] - 1) * (window.dilation?.[axis] ?? 1) + 1;
    const total = Math.max((Math.ceil(size / stride) - 1) * stride + extent - size, 0);
    before.push(Math.floor(total / 2));
    after.push(Math.ceil(total / 2));
  }
  return { pads: [...before, ...after] };
}
