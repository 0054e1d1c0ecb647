import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Matrix, Precision } from '../engine/types.js';
import { QrkdTypeError } from '../errors.js';
import type { Tap } from '../models/taps.js';
import { compileNetwork } from '../network/compile.js';
import { NativeNetwork } from '../network/NativeNetwork.js';
import { weightsIdentity } from './checkpoint.js';
import { EngineChoice, type EngineName } from './engine.js';
import { allOutputs, checkInputs, joined, openModel, rowsOf } from './outputs.js';
import { type SampleSet, sliceInputs } from './samples.js';

/** Samples without their labels. */
export type Inputs = Pick<SampleSet, 'images' | 'shape'>;

/** What a teacher says of samples: logits [N, C] where it has them, features [N, g] of every tap. */
export interface TeacherOutputs {
  logits?: Matrix;
  features: readonly Matrix[];
}

/** A teacher that is no tf.LayersModel: anything that gives logits and features, in order, for samples. */
export interface Teacher {
  /** Tells it from others, weights included: checkpoints, and outputs that are kept, belong to it. */
  readonly identity: string;
  /** Where its features are taken if `distill` is not told. */
  readonly featureLayer?: string;
  /** @param taps one for each pair of layers; none where only logits are wanted. Aborting rejects with `signal.reason`. */
  outputs(samples: Inputs, taps: readonly Tap[], signal?: AbortSignal): Promise<TeacherOutputs>;
}

/** A teacher, or any model that is only read, opened at its taps. */
export interface Inference {
  /**
   * Of all samples, in order; logits of tokens have a row each.
   *
   * @param rows which of the training set's samples they are, for outputs that were kept.
   */
  outputs(samples: Inputs, signal?: AbortSignal, rows?: Uint32Array): Promise<TeacherOutputs>;
  /**
   * Features alone, made a part at a time, where the logits of all tokens would not fit into memory.
   *
   * @param count of the first so many taps; default all.
   */
  features(samples: Inputs, signal?: AbortSignal, count?: number): Promise<readonly Matrix[]>;
  /** Samples that it computes at once; undefined where it decides that itself. */
  readonly perPass?: number;
  dispose(): void;
}

export function isTeacher(teacher: LayersModel | Teacher): teacher is Teacher {
  return typeof (teacher as Teacher).outputs === 'function' && typeof (teacher as Teacher).identity === 'string';
}

export function teacherIdentity(teacher: LayersModel | Teacher): string {
  return isTeacher(teacher) ? teacher.identity : weightsIdentity(teacher);
}

export interface InferenceOptions {
  engine: 'auto' | EngineName;
  where: string;
  precision: Precision;
  alone: boolean;
  /** Tokens of the sequences that there will be, for models that take any number of them. */
  length?: number;
  /** No more samples than so many go into a pass. */
  atOnce?: number;
}

/** Samples per pass: a few panels for every thread. */
const BATCH = 256;

/** Samples in a panel of the native engine, which takes the time and memory of so many, however few there are. */
const PANEL = { float32: 16, float64: 8 };

/** Sequences per pass, where every token has logits: whole panels, up to 32 and 2^25 numbers (128 MB), but one at least. */
export function sequencesPerPass(length: number, classes: number, panel = 1): number {
  return panel * Math.max(1, Math.floor(Math.min(32, 2 ** 25 / (length * classes)) / panel));
}

/**
 * Opens a teacher at the places where its features are taken: a model in the native engine where that has all of its layers.
 * Where it has not, tfjs takes its place whatever engine trains, since the outputs are the same to rounding.
 */
export function openInference(
  teacher: LayersModel | Teacher,
  taps: readonly Tap[],
  { engine, where, precision, alone, length, atOnce = BATCH }: InferenceOptions,
): Inference {
  if (isTeacher(teacher)) {
    const outputs = async (samples: Inputs, signal?: AbortSignal) =>
      checked(await teacher.outputs(samples, taps, signal), samples, taps, where);
    return {
      outputs,
      features: async (samples, signal, count) => (await outputs(samples, signal)).features.slice(0, count),
      // The caller's, who may go on using it.
      dispose: () => undefined,
    };
  }
  const opened = openModel(teacher, taps, where);
  const perPass = (panel: number) =>
    Math.min(opened.perToken ? sequencesPerPass(length ?? 1, opened.classes, panel) : BATCH, atOnce);
  // Two threads want a panel each.
  const panels = perPass(PANEL[precision] * (alone ? 1 : 2));
  const network = new EngineChoice(engine, where, true).attempt(() => {
    const compiled = compileNetwork(teacher, { features: taps, length });
    return new NativeNetwork(compiled, { precision, maxBatch: panels, alone });
  });
  const batch = network ? panels : perPass(1);
  const outputs = async (samples: Inputs, signal?: AbortSignal): Promise<TeacherOutputs> => {
    const { images, shape } = samples;
    checkInputs(opened, shape, where);
    if (!network) return allOutputs(opened, samples, batch);
    const matrices = await network.evaluate({ images, count: shape[0] }, signal);
    return {
      logits: rowsOf(matrices[0], opened.classes),
      features: network.network.features.map((output) => matrices[output]),
    };
  };
  return {
    outputs,
    perPass: batch,
    async features(samples, signal, count = taps.length) {
      if (count === 0) return [];
      const n = samples.shape[0];
      const parts: (readonly Matrix[])[] = [];
      for (let start = 0; start < n; start += batch) {
        const part = sliceInputs(samples, start, Math.min(n, start + batch));
        parts.push((await outputs(part, signal)).features.slice(0, count));
      }
      return taps.slice(0, count).map((_, p) =>
        joined(
          parts.map((part) => part[p].data),
          n,
        ),
      );
    },
    dispose: () => network?.dispose(),
  };
}

/** Refuses what a teacher of the caller's own gives in another form. */
function checked(outputs: TeacherOutputs, { shape: [n] }: Inputs, taps: readonly Tap[], where: string): TeacherOutputs {
  const { logits, features } = outputs;
  const matrices = [...(logits ? [logits] : []), ...(features ?? [])];
  if (
    features?.length !== taps.length ||
    !matrices.every(({ data, shape }) => shape[0] === n && data.length === n * shape[1])
  ) {
    throw new QrkdTypeError(
      'ERR_QRKD_TYPE',
      `${where}: outputs() must give logits [${n}, classes] and ${taps.length} matrices of features [${n}, width]`,
    );
  }
  return outputs;
}
