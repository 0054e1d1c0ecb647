import { type Converter, refuseChannelsFirst } from './converter.js';

/** Images are flattened channels last, as in tfjs, so that the weights behind fit. */
const flatten: Converter = (graph, layer, [x]) => {
  refuseChannelsFirst(layer);
  return { name: graph.node(layer.name, 'Flatten', [graph.channelsLast(x).name], { axis: 1 }) };
};

const reshape: Converter = (graph, layer, [x]) => {
  // ONNX: 0 keeps the batch's size, -1 is inferred, as tfjs's null or -1.
  const target = (layer.config.targetShape as (number | null)[]).map((size) => size ?? -1);
  const shape = graph.integers(`${layer.name}/shape`, [0, ...target]);
  return { name: graph.node(layer.name, 'Reshape', [graph.channelsLast(x).name, shape]) };
};

/** Zeros around an image, in the layout in which it comes. */
const zeroPadding2d: Converter = (graph, layer, [x]) => {
  refuseChannelsFirst(layer);
  const [[top, bottom], [left, right]] = layer.config.padding as [[number, number], [number, number]];
  const [before, after] = [
    [top, left],
    [bottom, right],
  ].map((sides) => (x.layout === 'channels-first' ? [0, 0, ...sides] : [0, ...sides, 0]));
  const pads = graph.integers(`${layer.name}/pads`, [...before, ...after]);
  return { name: graph.node(layer.name, 'Pad', [x.name, pads]), layout: x.layout };
};

export const shapeLayers: Record<string, Converter> = {
  Flatten: flatten,
  Reshape: reshape,
  ZeroPadding2D: zeroPadding2d,
};
