import { activate, endsInRelu } from './activation.js';
import { type Compiler, type LayerView, pair, placeWindows, type WindowOptions } from './compiler.js';

function windowsOf(layer: LayerView): Required<WindowOptions> {
  const { kernelSize, strides, dilationRate } = layer.config;
  return { kernel: pair(kernelSize), strides: pair(strides ?? 1), dilation: pair(dilationRate ?? 1) };
}

function numbersOf(layer: LayerView, x: Parameters<typeof placeWindows>[1], windows: Required<WindowOptions>) {
  const {
    kernel: [kernelHeight, kernelWidth],
    dilation: [dilationY, dilationX],
  } = windows;
  return { kernelHeight, kernelWidth, dilationY, dilationX, ...placeWindows(layer, x, windows) };
}

const conv2d: Compiler = (network, layer, [x]) => {
  const numbers = numbersOf(layer, x, windowsOf(layer));
  const filters = layer.weights[0].shape[3];
  const relu = endsInRelu(layer);
  const shape = [numbers.outHeight, numbers.outWidth, filters];
  const y = network.node('conv2d', [x], { ...numbers, filters, relu: Number(relu) }, shape, layer.weights);
  return relu ? y : activate(network, layer, y);
};

const depthwiseConv2d: Compiler = (network, layer, [x]) => {
  // tfjs's layer does not hand its dilationRate on: it computes without.
  const numbers = numbersOf(layer, x, { ...windowsOf(layer), dilation: [1, 1] });
  const [, , channels, multiplier] = layer.weights[0].shape;
  const shape = [numbers.outHeight, numbers.outWidth, channels * multiplier];
  return activate(
    network,
    layer,
    network.node('depthwiseConv2d', [x], { ...numbers, multiplier }, shape, layer.weights),
  );
};

/** A depthwise convolution without bias, then a 1 x 1 convolution with it. */
const separableConv2d: Compiler = (network, layer, [x]) => {
  const numbers = numbersOf(layer, x, windowsOf(layer));
  const { outHeight, outWidth } = numbers;
  const [depthwise, ...pointwise] = layer.weights;
  const [, , channels, multiplier] = depthwise.shape;
  const between = [outHeight, outWidth, channels * multiplier];
  const spread = network.node('depthwiseConv2d', [x], { ...numbers, multiplier }, between, [depthwise]);
  const filters = pointwise[0].shape[3];
  const relu = endsInRelu(layer);
  const y = network.node(
    'conv2d',
    [spread],
    { ...pixelwise(outHeight, outWidth), filters, relu: Number(relu) },
    [outHeight, outWidth, filters],
    pointwise,
  );
  return relu ? y : activate(network, layer, y);
};

/** The windows of a 1 x 1 convolution. */
export function pixelwise(outHeight: number, outWidth: number): Record<string, number> {
  const one = { kernelHeight: 1, kernelWidth: 1, strideY: 1, strideX: 1, dilationY: 1, dilationX: 1 };
  return { ...one, padTop: 0, padLeft: 0, outHeight, outWidth };
}

export const convolutionLayers: Record<string, Compiler> = {
  Conv2D: conv2d,
  DepthwiseConv2D: depthwiseConv2d,
  SeparableConv2D: separableConv2d,
};
