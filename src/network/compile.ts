import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { NativeNode } from '../engine/native.js';
import type { ApplyLayer, GraphLayer, GraphWeight, LayerGraph, SymbolicValue } from '../models/layerGraph.js';
import { walkGraph } from '../models/layerGraph.js';
import { beforeActivation, type FeatureSpec, readTap, type Tap, tapLayer, tokenReader } from '../models/taps.js';
import { NetworkBuilder, nativeShape, sizeOf, type Value } from './builder.js';
import { activate } from './layers/activation.js';
import { type LayerView, unsupported } from './layers/compiler.js';
import { poolAll } from './layers/pooling.js';
import { compilerOf } from './layers/registry.js';
import { readsTokens } from './layers/sequence.js';

/** A model as the native engine takes it. */
export interface CompiledNetwork {
  /** Height, width and channels of a sample. */
  input: [number, number, number];
  nodes: NativeNode[];
  /** All weights of the model, the trained ones first, each once. */
  weights: GraphWeight[];
  trainable: boolean[];
  /** Nodes whose values are read, each once, that of the logits first. */
  outputs: number[];
  /** Numbers that each of them has for a sample. */
  sizes: number[];
  /** Rows of logits that a sample has: 1, or its tokens. */
  rows: number;
  /** Which of the outputs the features of each tap are. */
  features: number[];
}

export interface CompileOptions {
  /** Features of the model that are wanted beside the logits. */
  features?: readonly FeatureSpec[];
  /** Of dropout masks, for layers without a seed of their own; default 0. */
  seed?: number | string;
  /** Tokens of a sequence, for models that take any number of them. */
  length?: number;
}

type TappedLayer = GraphLayer & { readonly output: SymbolicValue };

/**
 * Compiles a model of one input and one output into the nodes of the native engine.
 *
 * @param model built; layers may be shared, models nested.
 * @throws TypeError ERR_QRKD_UNSUPPORTED naming the first layer that the engine does not have, and why.
 */
export function compileNetwork(model: LayersModel, options: CompileOptions = {}): CompiledNetwork {
  const graph = model as unknown as LayerGraph & {
    trainableWeights: GraphWeight[];
    nonTrainableWeights: GraphWeight[];
  };
  const trained = new Set(graph.trainableWeights);
  const weights = [...new Set([...trained, ...graph.nonTrainableWeights])];
  const places = new Map(weights.map((weight, index) => [weight, { index, shape: weight.shape }]));
  const network = new NetworkBuilder(options.seed ?? 0);

  const input = graph.inputs[0];
  const inputLayer = { name: input.sourceLayer.name, className: 'InputLayer' };
  if (input.dtype !== 'float32' && input.dtype !== 'int32') {
    throw unsupported(inputLayer, `its type is ${input.dtype}, neither float32 nor int32`);
  }
  const shape = fixedShape(input, inputLayer, options.length);
  const known = new Map<number, Value>([[input.id, { node: 0, shape }]]);
  const taps = (options.features ?? []).map((spec) => readTap(spec, 'compileNetwork: features'));
  const layers = taps.map((tap) => tapLayer(model, tap, 'compileNetwork: model') as unknown as TappedLayer);
  /** By layer, the value before its activation, where that is wanted. */
  const before = new Map<TappedLayer, Value | undefined>();
  taps.forEach(({ activation }, t) => {
    if (activation === 'before') before.set(layers[t], undefined);
  });
  const apply: ApplyLayer<Value> = (layer, name, inputs) => {
    const place = { name, className: layer.getClassName() };
    const compile = compilerOf(place);
    // The engine has one type of numbers: integers only where they are looked up.
    if (input.dtype === 'int32' && inputs.some(({ node }) => node === 0) && !readsTokens(place.className)) {
      throw unsupported(place, 'it reads integers, not float32');
    }
    const config = layer.getConfig();
    const view: LayerView = { ...place, config, weights: layer.weights.map((weight) => places.get(weight)!) };
    const tapped = layer as TappedLayer;
    if (!before.has(tapped)) return [compile(network, view, inputs)];
    const how = beforeActivation(place.className, config.activation);
    const linear = { ...view, config: { ...config, activation: 'linear' } };
    const value = compile(network, how === 'split' ? linear : view, inputs);
    before.set(tapped, how === 'input' ? inputs[0] : value);
    return [how === 'split' ? activate(network, view, value) : value];
  };
  const [logits, ...after] = walkGraph([graph.outputs[0], ...layers.map(({ output }) => output)], known, apply);
  const features = taps.map((tap, t) =>
    poolTap(network, tap, tap.activation === 'before' ? before.get(layers[t])! : after[t], { node: 0, shape }),
  );
  const values = [logits, ...features];
  const last = { name: graph.outputs[0].sourceLayer.name, className: graph.outputs[0].sourceLayer.getClassName() };
  if (logits.shape.length > 2 || (logits.shape.length === 2 && logits.shape[0] === 1)) {
    throw unsupported(
      last,
      `the model's output [${logits.shape.join(', ')}] is not one vector of logits, or one for each of several tokens`,
    );
  }
  const outputs = [...new Set(values.map(({ node }) => node))];
  return {
    input: nativeShape(shape)!,
    nodes: network.nodes,
    weights,
    trainable: weights.map((weight) => trained.has(weight)),
    outputs,
    sizes: outputs.map((node) => sizeOf(values.find((value) => value.node === node)!.shape)),
    rows: logits.shape.length === 2 ? logits.shape[0] : 1,
    features: features.map(({ node }) => outputs.indexOf(node)),
  };
}

/** What a tap takes of a layer's value; `input` is the model's own. */
function poolTap(network: NetworkBuilder, tap: Tap, value: Value, input: Value): Value {
  const reader = tokenReader(tap);
  if (reader) {
    const place = { name: tap.layer, className: reader.className };
    return compilerOf(place)(network, { ...place, config: reader.config, weights: [] }, [value, input]);
  }
  // Pooling by 'last' is by tokens, always.
  return tap.pooling === 'none' ? value : poolAll(network, value, tap.pooling as 'average' | 'max');
}

/** One sample's shape of the input; `length` stands for the extent that a sequence leaves open. */
function fixedShape(
  { shape }: SymbolicValue,
  layer: Pick<LayerView, 'name' | 'className'>,
  length: number | undefined,
): number[] {
  const sample = shape.length === 2 && shape[1] === null && length !== undefined ? [length] : shape.slice(1);
  if (sample.some((extent) => extent === null)) {
    throw unsupported(layer, `its shape [${sample.map((extent) => extent ?? '?').join(', ')}] is not fixed`);
  }
  if (!nativeShape(sample as number[])) {
    throw unsupported(layer, `its shape [${sample.join(', ')}] does not have one to three axes`);
  }
  return sample as number[];
}
