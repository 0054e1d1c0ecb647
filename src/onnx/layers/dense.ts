import { inlineActivation } from './activation.js';
import type { Converter } from './converter.js';

/** A matrix of features is one Gemm; more axes than two (tfjs applies Dense to the last) are a MatMul and an Add. */
const dense: Converter = (graph, layer, [input]) => {
  const x = graph.channelsLast(input);
  const [weights, bias] = layer.weights;
  const kernel = graph.constant(`${layer.name}/kernel`, weights.shape, weights.data);
  const offset = bias && graph.constant(`${layer.name}/bias`, bias.shape, bias.data);
  let name: string;
  if (x.shape.length === 2) {
    name = graph.node(layer.name, 'Gemm', offset ? [x.name, kernel, offset] : [x.name, kernel]);
  } else {
    name = graph.node(layer.name, 'MatMul', [x.name, kernel]);
    if (offset) name = graph.node(`${layer.name}/add`, 'Add', [name, offset]);
  }
  return inlineActivation(graph, layer, { name, shape: x.shape, layout: 'channels-last' });
};

export const denseLayers: Record<string, Converter> = { Dense: dense };
