import { type Converter, padding, pair, refuseChannelsFirst } from './converter.js';

/** TensorFlow's average leaves padding out of the count, which is ONNX's default too. */
const windowed =
  (operator: 'MaxPool' | 'AveragePool'): Converter =>
  (graph, layer, [x]) => {
    refuseChannelsFirst(layer);
    const kernel = pair(layer.config.poolSize);
    const strides = pair(layer.config.strides ?? layer.config.poolSize);
    const name = graph.node(layer.name, operator, [graph.channelsFirst(x).name], {
      kernel_shape: kernel,
      strides,
      ...padding(layer, x, { kernel, strides }),
    });
    return { name, layout: 'channels-first' };
  };

const global =
  (operator: 'GlobalAveragePool' | 'GlobalMaxPool'): Converter =>
  (graph, layer, [x]) => {
    refuseChannelsFirst(layer);
    const pooled = graph.node(layer.name, operator, [graph.channelsFirst(x).name]);
    return { name: graph.node(`${layer.name}/flatten`, 'Flatten', [pooled], { axis: 1 }) };
  };

export const poolingLayers: Record<string, Converter> = {
  MaxPooling2D: windowed('MaxPool'),
  AveragePooling2D: windowed('AveragePool'),
  GlobalAveragePooling2D: global('GlobalAveragePool'),
  GlobalMaxPooling2D: global('GlobalMaxPool'),
};
