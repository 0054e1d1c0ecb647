import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Precision } from '../engine/types.js';
import type { Outputs } from '../losses/qrkd.js';
import { compileNetwork } from '../network/compile.js';
import { NativeNetwork } from '../network/NativeNetwork.js';
import { EngineChoice, type EngineName } from './engine.js';
import { allOutputs, checkInputs, openModel } from './outputs.js';
import type { SampleSet } from './samples.js';

/** A model that is only read. */
export interface Inference {
  /** Logits (and features) of all samples, in order. */
  outputs(set: Pick<SampleSet, 'images' | 'shape'>, signal?: AbortSignal): Promise<Outputs>;
  dispose(): void;
}

/** Samples per pass: a few panels for every thread. */
const BATCH = 256;

/**
 * Opens a model for inference, in the native engine where that has all of its layers. Where it has not, tfjs takes its
 * place whatever engine trains, since the outputs are the same to rounding.
 */
export function openInference(
  model: LayersModel,
  layer: string | undefined,
  {
    engine,
    where,
    precision,
    alone,
  }: { engine: 'auto' | EngineName; where: string; precision: Precision; alone: boolean },
): Inference {
  const opened = openModel(model, layer, where);
  const network = new EngineChoice(engine, where, true).attempt(() => {
    const compiled = compileNetwork(model, { features: layer === undefined ? [] : [layer] });
    return new NativeNetwork(compiled, { precision, maxBatch: BATCH, alone });
  });
  if (!network) {
    return {
      outputs: async (set) => {
        checkInputs(opened, set.shape, where);
        return allOutputs(opened, set);
      },
      dispose: () => undefined,
    };
  }
  const [feature] = network.network.features;
  return {
    async outputs({ images, shape }, signal) {
      checkInputs(opened, shape, where);
      const matrices = await network.evaluate({ images, count: shape[0] }, signal);
      return { logits: matrices[0], ...(feature !== undefined && { features: matrices[feature] }) };
    },
    dispose: () => network.dispose(),
  };
}
