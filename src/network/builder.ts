import type { NativeNode } from '../engine/native.js';
import type { WeightView } from './layers/compiler.js';

/** What flows between nodes: where it comes from, and one sample's shape as tfjs has it. */
export interface Value {
  readonly node: number;
  readonly shape: readonly number[];
}

/** Collects the nodes of a network; node 0 is its input. */
export class NetworkBuilder {
  readonly nodes: NativeNode[] = [];
  #dropouts = 0;

  /** @param seed of the masks of dropout layers. */
  constructor(readonly seed: number | string) {}

  /** Adds a node and returns its output, whose shape the caller knows. */
  node(
    kind: string,
    inputs: readonly Value[],
    numbers: Record<string, number>,
    shape: readonly number[],
    weights: readonly WeightView[] = [],
  ): Value {
    this.nodes.push({
      kind,
      inputs: inputs.map(({ node }) => node),
      numbers,
      weights: weights.map(({ index }) => index),
    });
    return { node: this.nodes.length, shape };
  }

  /** Numbers the dropout layers, so that no two share their masks. */
  nextDropout(): number {
    return this.#dropouts++;
  }
}

/** Height, width and channels of a sample: a vector is [1, 1, n], a sequence [1, length, n]; undefined for more axes than three. */
export function nativeShape(shape: readonly number[]): [number, number, number] | undefined {
  if (shape.length < 1 || shape.length > 3) return undefined;
  return [...new Array<number>(3 - shape.length).fill(1), ...shape] as [number, number, number];
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}
