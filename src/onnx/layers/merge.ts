import type { GraphBuilder, Value } from '../graph.js';
import { type Converter, unsupported } from './converter.js';

/** All in one layout: channels first where every input lies so already, else tfjs's own. */
function align(graph: GraphBuilder, inputs: readonly Value[]): Value[] {
  if (inputs.every((x) => x.layout === 'channels-first')) return [...inputs];
  return inputs.map((x) => graph.channelsLast(x));
}

const add: Converter = (graph, layer, inputs) => {
  const rank = inputs[0].shape.length;
  if (inputs.some((x) => x.shape.length !== rank))
    throw unsupported(layer, 'its inputs differ in their number of axes');
  const aligned = align(graph, inputs);
  const names = aligned.map((x) => x.name);
  return { name: graph.node(layer.name, 'Sum', names), layout: aligned[0].layout };
};

const concatenate: Converter = (graph, layer, inputs) => {
  const aligned = align(graph, inputs);
  const rank = inputs[0].shape.length;
  const last = ((layer.config.axis as number | undefined) ?? -1) + rank;
  const axis = last % rank;
  const { layout } = aligned[0];
  const position = layout === 'channels-first' ? [0, 2, 3, 1][axis] : axis;
  const names = aligned.map((x) => x.name);
  return { name: graph.node(layer.name, 'Concat', names, { axis: position }), layout };
};

export const mergeLayers: Record<string, Converter> = { Add: add, Concatenate: concatenate };
