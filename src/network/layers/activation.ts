import type { NetworkBuilder, Value } from '../builder.js';
import { type Compiler, type LayerView, unsupported } from './compiler.js';

/** tfjs's activations by name: kind of the node and its numbers. */
const ACTIVATIONS: Record<string, { kind: string; numbers?: Record<string, number> }> = {
  elu: { kind: 'elu', numbers: { alpha: 1 } },
  gelu: { kind: 'gelu' },
  gelu_new: { kind: 'geluNew' },
  hardSigmoid: { kind: 'hardSigmoid' },
  mish: { kind: 'mish' },
  relu: { kind: 'relu' },
  relu6: { kind: 'relu6' },
  selu: { kind: 'selu' },
  sigmoid: { kind: 'sigmoid' },
  softmax: { kind: 'softmax' },
  softplus: { kind: 'softplus' },
  swish: { kind: 'swish' },
  tanh: { kind: 'tanh' },
};

/** Applies a named activation; `linear` adds nothing. Softmax is over the last axis. */
export function activate(network: NetworkBuilder, layer: LayerView, x: Value): Value {
  const name = layer.config.activation ?? 'linear';
  if (name === 'linear') return x;
  const found = Object.hasOwn(ACTIVATIONS, String(name)) ? ACTIVATIONS[String(name)] : undefined;
  if (!found) throw unsupported(layer, `activation is ${JSON.stringify(name)}`);
  return network.node(found.kind, [x], found.numbers ?? {}, x.shape);
}

/** Whether a layer's activation is max(0, x), which convolutions and dense layers do on the way. */
export function endsInRelu(layer: LayerView): boolean {
  return layer.config.activation === 'relu';
}

const withAlpha =
  (kind: string): Compiler =>
  (network, layer, [x]) =>
    network.node(kind, [x], { alpha: layer.config.alpha as number }, x.shape);

export const activationLayers: Record<string, Compiler> = {
  Activation: (network, layer, [x]) => activate(network, layer, x),
  ReLU: (network, layer, [x]) => {
    const max = layer.config.maxValue ?? undefined;
    if (max !== undefined && max !== 6) throw unsupported(layer, `maxValue is ${max}, not 6`);
    return network.node(max === 6 ? 'relu6' : 'relu', [x], {}, x.shape);
  },
  LeakyReLU: withAlpha('leakyRelu'),
  ELU: withAlpha('elu'),
  Softmax: (network, layer, [x]) => {
    const axis = layer.config.axis as number | number[];
    const axes = Array.isArray(axis) ? axis : [axis];
    const rank = x.shape.length;
    if (axes.length !== 1 || (axes[0] !== -1 && axes[0] !== rank)) {
      throw unsupported(layer, `axis is ${JSON.stringify(axis)}, not the last`);
    }
    return network.node('softmax', [x], {}, x.shape);
  },
};
