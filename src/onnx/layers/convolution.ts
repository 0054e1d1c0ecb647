import { inlineActivation } from './activation.js';
import { type Converter, padding, pair, refuseChannelsFirst, type Weight } from './converter.js';

/** tfjs keeps kernels as `[height, width, in, out]`, ONNX as `[out, in, height, width]`. */
function transposeKernel({ shape, data }: Weight): { dims: number[]; data: Float32Array } {
  const [height, width, channelsIn, channelsOut] = shape;
  const result = new Float32Array(data.length);
  let next = 0;
  for (let o = 0; o < channelsOut; o++) {
    for (let i = 0; i < channelsIn; i++) {
      for (let p = 0; p < height * width; p++) result[next++] = data[(p * channelsIn + i) * channelsOut + o];
    }
  }
  return { dims: [channelsOut, channelsIn, height, width], data: result };
}

const conv2d: Converter = (graph, layer, [x]) => {
  refuseChannelsFirst(layer);
  const [weights, bias] = layer.weights;
  const kernel: [number, number] = [weights.shape[0], weights.shape[1]];
  const strides = pair(layer.config.strides ?? 1);
  const dilation = pair(layer.config.dilationRate ?? 1);
  const { dims, data } = transposeKernel(weights);
  const inputs = [graph.channelsFirst(x).name, graph.constant(`${layer.name}/kernel`, dims, data)];
  if (bias) inputs.push(graph.constant(`${layer.name}/bias`, bias.shape, bias.data));
  const name = graph.node(layer.name, 'Conv', inputs, {
    kernel_shape: kernel,
    strides,
    dilations: dilation,
    ...padding(layer, x, { kernel, strides, dilation }),
  });
  return inlineActivation(graph, layer, { name, shape: x.shape, layout: 'channels-first' });
};

export const convolutionLayers: Record<string, Converter> = { Conv2D: conv2d };
