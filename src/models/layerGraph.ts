import type { Variable } from '@tensorflow/tfjs-core';

/** tfjs-layers' own objects, as far as they are needed here; its published types leave some of it out. */
export interface GraphLayer {
  readonly name: string;
  readonly inboundNodes: readonly { inputTensors: SymbolicValue[]; outputTensors: SymbolicValue[] }[];
  /** In tfjs's order (for a convolution the kernel, then the bias). */
  readonly weights: readonly GraphWeight[];
  getClassName(): string;
  getConfig(): Record<string, unknown>;
}

export interface GraphWeight {
  readonly shape: number[];
  read(): Variable;
}

/** A value in a model's graph; the first axis of its shape is the batch. */
export interface SymbolicValue {
  readonly id: number;
  readonly shape: readonly (number | null)[];
  readonly dtype: string;
  readonly sourceLayer: GraphLayer;
  readonly nodeIndex: number;
}

export interface LayerGraph {
  readonly name: string;
  readonly inputs: SymbolicValue[];
  readonly outputs: SymbolicValue[];
}

/** What stands for the outputs of one application of a layer, given what stands for its inputs. */
export type ApplyLayer<V> = (
  layer: GraphLayer,
  /** Unique in the graph: the layer's name, behind those of the models that it is nested in. */
  name: string,
  inputs: readonly V[],
  outputs: readonly SymbolicValue[],
) => V[];

const NETWORKS = ['Model', 'Functional', 'Sequential'];

/**
 * Walks from the values wanted back to those that are known, and applies each layer behind its inputs, once for every time
 * that the model uses it; models within the model are walked through.
 *
 * @param known by `id`; what is found is added.
 */
export function walkGraph<V>(
  wanted: readonly SymbolicValue[],
  known: Map<number, V>,
  apply: ApplyLayer<V>,
  prefix = '',
): V[] {
  const visit = (value: SymbolicValue): V => {
    const found = known.get(value.id);
    if (found !== undefined) return found;
    const { sourceLayer, nodeIndex } = value;
    const { inputTensors, outputTensors } = sourceLayer.inboundNodes[nodeIndex];
    const inputs = inputTensors.map(visit);
    const name = prefix + sourceLayer.name;
    const results = NETWORKS.includes(sourceLayer.getClassName())
      ? walkInner(sourceLayer as unknown as LayerGraph, inputs, apply, name)
      : apply(sourceLayer, name, inputs, outputTensors);
    outputTensors.forEach((output, i) => {
      known.set(output.id, results[i]);
    });
    return known.get(value.id)!;
  };
  return wanted.map(visit);
}

function walkInner<V>(inner: LayerGraph, inputs: readonly V[], apply: ApplyLayer<V>, name: string): V[] {
  const known = new Map(inner.inputs.map((input, i) => [input.id, inputs[i]]));
  return walkGraph(inner.outputs, known, apply, `${name}/`);
}
