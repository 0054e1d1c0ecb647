import type { LayersModel } from '@tensorflow/tfjs-layers';
import { type ApplyLayer, type GraphWeight, type LayerGraph, walkGraph } from '../models/layerGraph.js';
import { GraphBuilder, type Value } from './graph.js';
import { type LayerView, unsupported } from './layers/converter.js';
import { converterOf } from './layers/registry.js';
import { DataType, type GraphProto } from './schema.js';

/** Integers are tokens, which every runtime's users hold as 64 bits; tfjs has 32 alone. */
const ELEMENT_TYPES: Record<string, number> = { float32: DataType.FLOAT, int32: DataType.INT64 };

/**
 * The ONNX graph of a model in inference; `names` are those of inputs and outputs in place of their layers' own. Throws `ERR_QRKD_UNSUPPORTED` for
 * the first layer that has no form in it.
 */
export function convertModel(model: LayersModel, names: Readonly<Record<string, string>> = {}): GraphProto {
  const network = model as unknown as LayerGraph;
  const graph = new GraphBuilder();
  const values = new Map<number, Value>();
  for (const input of network.inputs) {
    const type = ELEMENT_TYPES[input.dtype];
    const { name } = input.sourceLayer;
    if (type === undefined) throw unsupported({ name, className: 'InputLayer' }, `its type is ${input.dtype}`);
    values.set(input.id, graph.input(names[name] ?? name, input.shape, type));
  }
  const apply: ApplyLayer<Value> = (layer, name, inputs, outputs) => {
    const className = layer.getClassName();
    const convert = converterOf({ name, className });
    const view: LayerView = { name, className, config: layer.getConfig(), weights: layer.weights.map(weight) };
    const { name: value, layout = 'channels-last' } = convert(graph, view, inputs);
    return [{ name: value, shape: outputs[0].shape, layout }];
  };
  const outputs = walkGraph(network.outputs, values, apply);
  return graph.build(
    network.name,
    outputs.map((value, i) => {
      const { name } = network.outputs[i].sourceLayer;
      return { value, name: names[name] ?? name };
    }),
  );
}

function weight(variable: GraphWeight) {
  const tensor = variable.read();
  return { shape: tensor.shape, data: Float32Array.from(tensor.dataSync()) };
}
