import { activate, endsInRelu } from './activation.js';
import type { Compiler } from './compiler.js';
import { pointwise } from './sequence.js';

/** On a vector a matrix product; on more axes the same product at every place of the last one. */
const dense: Compiler = (network, layer, [x]) => {
  const units = layer.weights[0].shape[1];
  const relu = endsInRelu(layer);
  const y =
    x.shape.length === 1
      ? network.node('dense', [x], { units, relu: Number(relu) }, [units], layer.weights)
      : pointwise(network, x, units, layer.weights, relu);
  return relu ? y : activate(network, layer, y);
};

export const denseLayers: Record<string, Compiler> = { Dense: dense };
