import { nativeShape } from '../builder.js';
import { activate, endsInRelu } from './activation.js';
import type { Compiler } from './compiler.js';
import { pixelwise } from './convolution.js';

/** On a vector a matrix product; on more axes, whose last one tfjs applies it to, a 1 x 1 convolution with the same weights. */
const dense: Compiler = (network, layer, [x]) => {
  const units = layer.weights[0].shape[1];
  const relu = endsInRelu(layer);
  const shape = [...x.shape.slice(0, -1), units];
  const [height, width] = nativeShape(x.shape)!;
  const y =
    x.shape.length === 1
      ? network.node('dense', [x], { units, relu: Number(relu) }, shape, layer.weights)
      : network.node(
          'conv2d',
          [x],
          { ...pixelwise(height, width), filters: units, relu: Number(relu) },
          shape,
          layer.weights,
        );
  return relu ? y : activate(network, layer, y);
};

export const denseLayers: Record<string, Compiler> = { Dense: dense };
