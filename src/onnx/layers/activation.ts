import type { GraphBuilder, Value } from '../graph.js';
import { type Converter, type LayerView, type Output, unsupported } from './converter.js';

type Emit = (graph: GraphBuilder, name: string, x: string) => string;

const single =
  (operator: string, attributes: Record<string, { float: number }> = {}): Emit =>
  (graph, name, x) =>
    graph.node(name, operator, [x], attributes);

/** tfjs's element-wise activations by name; formulas agree with ONNX's operators at the attributes given. */
const ELEMENTWISE: Record<string, Emit> = {
  elu: single('Elu', { alpha: { float: 1 } }),
  // As ours, x sigmoid(2 u): ONNX has this function only in later versions.
  gelu_new: (graph, name, x) => geluNew(graph, name, x),
  hardSigmoid: single('HardSigmoid', { alpha: { float: 0.2 }, beta: { float: 0.5 } }),
  relu: single('Relu'),
  relu6: (graph, name, x) => clip(graph, name, x, 6),
  // Both constants of SELU are ONNX's defaults, to float32.
  selu: single('Selu'),
  sigmoid: single('Sigmoid'),
  softplus: single('Softplus'),
  softsign: single('Softsign'),
  swish: (graph, name, x) => graph.node(name, 'Mul', [x, graph.node(`${name}/sigmoid`, 'Sigmoid', [x])]),
  tanh: single('Tanh'),
};

function geluNew(graph: GraphBuilder, name: string, x: string): string {
  const scale = 2 * Math.sqrt(2 / Math.PI);
  const cubic = graph.constant(`${name}/cubic`, [], Float32Array.of(0.044715 * scale));
  const linear = graph.constant(`${name}/linear`, [], Float32Array.of(scale));
  const bent = graph.node(`${name}/bent`, 'Mul', [graph.node(`${name}/square`, 'Mul', [x, x]), cubic]);
  const slope = graph.node(`${name}/slope`, 'Add', [bent, linear]);
  const share = graph.node(`${name}/sigmoid`, 'Sigmoid', [graph.node(`${name}/u`, 'Mul', [x, slope])]);
  return graph.node(name, 'Mul', [x, share]);
}

function clip(graph: GraphBuilder, name: string, x: string, max: number): string {
  const low = graph.constant(`${name}/min`, [], Float32Array.of(0));
  const high = graph.constant(`${name}/max`, [], Float32Array.of(max));
  return graph.node(name, 'Clip', [x, low, high]);
}

/** Applies a named activation; `name` is the node's. `linear` adds nothing. */
export function activate(graph: GraphBuilder, layer: LayerView, activation: unknown, x: Value, name: string): Output {
  if (activation === undefined || activation === null || activation === 'linear') return x;
  if (activation === 'softmax') return softmax(graph, x, name, -1);
  const emit = typeof activation === 'string' ? ELEMENTWISE[activation] : undefined;
  if (!emit) throw unsupported(layer, `activation is ${JSON.stringify(activation)}`);
  return { name: emit(graph, name, x.name), layout: x.layout };
}

/** The activation that many layers carry, as a node `layer/activation` of its own. */
export function inlineActivation(graph: GraphBuilder, layer: LayerView, x: Value): Output {
  return activate(graph, layer, layer.config.activation, x, `${layer.name}/${layer.config.activation}`);
}

function softmax(graph: GraphBuilder, x: Value, name: string, axis: number): Output {
  return { name: graph.node(name, 'Softmax', [graph.channelsLast(x).name], { axis }) };
}

const keepLayout = (x: Value, name: string): Output => ({ name, layout: x.layout });

export const activationLayers: Record<string, Converter> = {
  Activation: (graph, layer, [x]) => activate(graph, layer, layer.config.activation, x, layer.name),
  ReLU: (graph, layer, [x]) => {
    const max = layer.config.maxValue;
    const name =
      typeof max === 'number' ? clip(graph, layer.name, x.name, max) : graph.node(layer.name, 'Relu', [x.name]);
    return keepLayout(x, name);
  },
  LeakyReLU: (graph, layer, [x]) => {
    const alpha = { float: layer.config.alpha as number };
    return keepLayout(x, graph.node(layer.name, 'LeakyRelu', [x.name], { alpha }));
  },
  ELU: (graph, layer, [x]) => {
    const alpha = { float: layer.config.alpha as number };
    return keepLayout(x, graph.node(layer.name, 'Elu', [x.name], { alpha }));
  },
  Softmax: (graph, layer, [x]) => softmax(graph, x, layer.name, layer.config.axis as number),
};
