import type { LayersModel } from '@tensorflow/tfjs-layers';
import { GraphBuilder, type Shape, type Value } from './graph.js';
import { type LayerView, unsupported } from './layers/converter.js';
import { converterOf } from './layers/registry.js';
import { DataType, type GraphProto } from './schema.js';

/** tfjs-layers' own objects, as far as they are needed here; its published types leave some of it out. */
interface Tensorlike {
  readonly shape: number[];
  readonly dtype: string;
  dataSync(): ArrayLike<number>;
}
interface Layer {
  readonly name: string;
  readonly inboundNodes: readonly { inputTensors: Symbolic[]; outputTensors: Symbolic[] }[];
  getClassName(): string;
  getConfig(): Record<string, unknown>;
  getWeights(): Tensorlike[];
}
interface Symbolic {
  readonly id: number;
  readonly shape: Shape;
  readonly dtype: string;
  readonly sourceLayer: Layer;
  readonly nodeIndex: number;
}
interface Network {
  readonly name: string;
  readonly inputs: Symbolic[];
  readonly outputs: Symbolic[];
}

const NETWORKS = ['Model', 'Functional', 'Sequential'];
const ELEMENT_TYPES: Record<string, number> = { float32: DataType.FLOAT, int32: DataType.INT32 };

/** The ONNX graph of a model in inference. Throws `ERR_QRKD_UNSUPPORTED` for the first layer that has no form in it. */
export function convertModel(model: LayersModel): GraphProto {
  const network = model as unknown as Network;
  const graph = new GraphBuilder();
  const values = new Map<number, Value>();
  for (const input of network.inputs) {
    const type = ELEMENT_TYPES[input.dtype];
    const { name } = input.sourceLayer;
    if (type === undefined) throw unsupported({ name, className: 'InputLayer' }, `its type is ${input.dtype}`);
    values.set(input.id, graph.input(name, input.shape, type));
  }
  const outputs = convertNetwork(graph, network, values, '');
  return graph.build(
    network.name,
    outputs.map((value, i) => ({ value, name: network.outputs[i].sourceLayer.name })),
  );
}

/** Walks from a network's outputs back to the values that are known, adding each layer behind its inputs. */
function convertNetwork(graph: GraphBuilder, network: Network, values: Map<number, Value>, prefix: string): Value[] {
  const visit = (tensor: Symbolic): Value => {
    const known = values.get(tensor.id);
    if (known) return known;
    const { sourceLayer, nodeIndex } = tensor;
    const node = sourceLayer.inboundNodes[nodeIndex];
    const results = apply(graph, sourceLayer, prefix, node.inputTensors.map(visit), node.outputTensors);
    node.outputTensors.forEach((output, i) => {
      values.set(output.id, results[i]);
    });
    return values.get(tensor.id)!;
  };
  return network.outputs.map(visit);
}

function apply(
  graph: GraphBuilder,
  layer: Layer,
  prefix: string,
  inputs: readonly Value[],
  outputs: readonly Symbolic[],
): Value[] {
  const name = prefix + layer.name;
  const className = layer.getClassName();
  if (NETWORKS.includes(className)) {
    const inner = layer as unknown as Network;
    return convertNetwork(graph, inner, new Map(inner.inputs.map((input, i) => [input.id, inputs[i]])), `${name}/`);
  }
  const convert = converterOf({ name, className });
  const view: LayerView = { name, className, config: layer.getConfig(), weights: layer.getWeights().map(weight) };
  const { name: value, layout = 'channels-last' } = convert(graph, view, inputs);
  return [{ name: value, shape: outputs[0].shape, layout }];
}

function weight(tensor: Tensorlike) {
  return { shape: tensor.shape, data: Float32Array.from(tensor.dataSync()) };
}
