import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { QrkdRangeError, QrkdTypeError, suggest } from '../errors.js';
import type { Precision } from './types.js';

/** A typed array whose element type is the kernel's precision. */
export type Scalars = Float32Array | Float64Array;

export interface NativeForward {
  gradient(dK: Scalars, dx: Scalars, dy: Scalars | null, dparameters: Float64Array): void;
  dispose(): void;
}

export interface NativeJob {
  promise: Promise<void>;
  cancel(): void;
  progress(): number;
}

/** x is [n, features], y [m, features] or null; parameters are the values of the trainable ones, copied like the rest. */
export interface NativeKernel {
  matrix(x: Scalars, n: number, y: Scalars | null, m: number, parameters: Float64Array, out: Scalars): void;
  matrixAsync(
    x: Scalars,
    n: number,
    y: Scalars | null,
    m: number,
    parameters: Float64Array,
    out: ArrayBuffer,
  ): NativeJob;
  /** Samples that are a part of `whole`, to compute blocks from; the handle is of use once the promise is fulfilled. */
  encodeAsync(x: Scalars, n: number, parameters: Float64Array, whole: number): NativeJob & { handle: unknown };
  /** The block of two handles, or the symmetric one of `a`: what `matrix` has there. */
  blockAsync(a: unknown, b: unknown | null, out: ArrayBuffer): NativeJob;
  release(handle: unknown): void;
  forward(x: Scalars, n: number, y: Scalars | null, m: number, parameters: Float64Array, out: Scalars): NativeForward;
  states(x: Scalars, n: number, parameters: Float64Array, real: Scalars, imag: Scalars, amplitudes: number): void;
  kernelLoss(
    x: Scalars,
    n: number,
    parameters: Float64Array,
    target: Scalars,
    form: number,
    gradient: Scalars,
    dparameters: Float64Array,
  ): number;
  /** Only projected kernels: out [n, 3 * qubits]. */
  blochVectors(x: Scalars, n: number, parameters: Float64Array, out: Scalars): void;
  blochGradient(
    x: Scalars,
    n: number,
    parameters: Float64Array,
    dBloch: Scalars,
    dx: Scalars,
    dparameters: Float64Array,
  ): void;
}

/**
 * A circuit in the gates that the engine runs; circuits/lower.ts writes it. Angle k of a sample is the sum of the terms
 * starts[k] .. starts[k + 1] - 1; term t is coefficients[t] times the product over its factors f, factorStarts[t] ..
 * factorStarts[t + 1] - 1, of functions[f] (0 identity, 1 acos) of offsets[f] + scales[f] * v, where v is feature
 * variables[f], or trainable parameter variables[f] - features.
 */
export interface NativeCircuit {
  kind: 'circuit';
  features: number;
  parameters: number;
  qubits: number;
  map: {
    starts: Int32Array;
    coefficients: Float64Array;
    factorStarts: Int32Array;
    variables: Int32Array;
    offsets: Float64Array;
    scales: Float64Array;
    functions: Int32Array;
  };
  /**
   * Of each gate: 0 H, 1 RX, 2 RY, 3 PHASE (e^{i angle} where the parity of the qubits is 1), 4 GLOBAL (e^{i angle}), 5 X,
   * 6 CX, 7 SWAP, 8 UNITARY.
   */
  kinds: Int32Array;
  /** The gate's angle is scales[g] times angle number angles[g], or scales[g] itself where that is -1. */
  angles: Int32Array;
  scales: Float64Array;
  /** Gate g acts on gateQubits[qubitStarts[g]] .. gateQubits[qubitStarts[g + 1] - 1], controls first. */
  qubitStarts: Int32Array;
  gateQubits: Int32Array;
  /** The matrices of the unitaries, one after the other: row-major, re and im in turn, first qubit least significant. */
  matrices: Float64Array;
}

/** What the addon builds a kernel from; precision is added by the caller. */
export type NativeSpec =
  | NativeCircuit
  | (Omit<NativeCircuit, 'kind'> & { kind: 'projected'; inner: NativeEuclidean })
  | { kind: 'vector'; features: number; zeroVectors: boolean }
  | ({ features: number } & NativeEuclidean);

/** A classical kernel, by itself or on the Bloch vectors of a projected kernel. */
export type NativeEuclidean =
  | { kind: 'rbf'; gamma: number }
  | { kind: 'linear' }
  | { kind: 'matern'; nu: number; length: number };

/** One node of a network; node 0 is its input, nodes[i] is node i + 1. The kinds are those of native/core/network/registry.cpp. */
export interface NativeNode {
  kind: string;
  inputs: number[];
  numbers: Record<string, number>;
  /** Places in the plan's list of weights. */
  weights: number[];
}

/** One side of a kernel term. */
export interface NativeKernelSide {
  kernel: NativeKernel;
  parameters: Float64Array;
  /** x -> (x - mean) matrix, [in][out]. */
  projection?: { mean: Float64Array; matrix: Float64Array; in: number; out: number };
  /** Zero rows stand for |0...0>. */
  amplitude: boolean;
}

interface NativeTermBase {
  /** Which of the plan's outputs. */
  output: number;
  /** Which of the data's targets; -1 for ce. */
  target: number;
  weight: number;
}

interface NativeRelation extends NativeTermBase {
  /** Rows that the term sees in one of the output's and the target's. */
  rowsPerSample: number;
}

export type NativeTerm =
  | (NativeTermBase & { kind: 'ce' | 'hidden' })
  | (NativeTermBase & { kind: 'kd'; temperature: number })
  | (NativeRelation & { kind: 'distance' | 'angle' })
  | (NativeRelation & {
      kind: 'quantum';
      /** As in `kernelLoss`. */
      form: number;
      /** Mean pairwise distance; 0 leaves features as they are. */
      scale: number;
      student: NativeKernelSide;
      teacher: NativeKernelSide;
    });

export interface NativeOptimizer {
  name: 'sgd' | 'momentum' | 'adam' | 'adamw' | 'rmsprop';
  beta1?: number;
  beta2?: number;
  epsilon?: number;
  momentum?: number;
  nesterov?: boolean;
  decay?: number;
  weightDecay?: number;
  clipNorm?: number;
  clipValue?: number;
}

export interface NativePlanSpec {
  precision: Precision;
  /** Height, width and channels of a sample; a vector is [1, 1, n]. */
  input: [number, number, number];
  nodes: NativeNode[];
  weights: Scalars[];
  trainable: boolean[];
  /** Nodes whose values are read; the first are the logits. */
  outputs: number[];
  /** Largest batch. */
  maxBatch: number;
  /** Without terms the plan only evaluates. */
  terms?: NativeTerm[];
  optimizer?: NativeOptimizer;
}

/** Samples kept natively; copied from the arrays given. */
export interface NativeData {
  dispose(): void;
}

/** Numbers of a step in a plan's metrics before two for each term: loss, correct, zeroVectors, gradientNorm, milliseconds. */
export const STEP_METRICS = 5;

/** A network that trains and evaluates. One job at a time; a second call while one runs is an error. */
export interface NativePlan {
  /**
   * One step for each learning rate on rows order[step * batchSize] and on. `firstStep`: steps taken before. `alone`: on one thread.
   * `metrics` (float64 [steps][STEP_METRICS + 2 * terms], raw value and gradient norm of each term) is written as steps end; progress
   * counts steps. Rejects with code NOT_FINITE { step, term, raw, gradientNorm } before weights are touched by that step.
   */
  train(
    data: NativeData,
    order: Uint32Array,
    batchSize: number,
    learningRates: Float64Array,
    firstStep: number,
    alone: boolean,
    metrics: ArrayBuffer,
  ): NativeJob;
  /** Outputs of samples first .. first + count - 1 in inference mode, float32 [count][size] each. */
  evaluate(data: NativeData, first: number, count: number, alone: boolean, outputs: ArrayBuffer[]): NativeJob;
  /**
   * Of logits of tokens: writes how many labels count, those whose first largest logit they are, and their mean cross-entropy
   * (float64 [3]), without handing out any logits.
   */
  evaluateTokens(data: NativeData, first: number, count: number, alone: boolean, out: ArrayBuffer): NativeJob;
  readWeights(index: number, out: Scalars): void;
  writeWeights(index: number, values: Scalars): void;
  /** The optimizer's steps and moments, for checkpoints. */
  optimizerState(): { steps: number; slots: Float64Array[] };
  restoreOptimizer(steps: number, slots: Float64Array[]): void;
  /** Times every layer from now on; seconds by node, all threads together. */
  startProfile(): void;
  profile(): { forward: Float64Array; backward: Float64Array };
  dispose(): void;
}

type RelationalLoss = (
  student: Scalars,
  teacher: Scalars,
  n: number,
  studentColumns: number,
  teacherColumns: number,
  gradient: Scalars,
) => number;

interface Addon {
  NativeKernel: new (spec: NativeSpec & { precision: string }) => NativeKernel;
  NativePlan: new (spec: NativePlanSpec) => NativePlan;
  NativeData: new (
    images: Float32Array,
    count: number,
    labels: Int32Array | null,
    targets: { data: Float32Array; columns: number }[],
  ) => NativeData;
  distanceLoss: RelationalLoss;
  angleLoss: RelationalLoss;
  simd(): { known: string[]; supported: string[]; active: string; threads: number; availableThreads: number };
  selectInstructionSet(name: string): void;
  /** Operations per second of the real matrix product on operands that stay in cache, all threads; about 0.1 seconds. */
  productRate(precision: string): number;
  /** Sizes the pool of the process; only the first call counts. */
  setThreads(threads: number): void;
}

const require = createRequire(import.meta.url);
let loaded: Addon | undefined;

/**
 * The addon, loaded on first use with the instruction set and the threads that the environment asks for.
 *
 * @throws TypeError ERR_QRKD_ADDON where it is not built, RangeError ERR_QRKD_ISA or ERR_QRKD_VALUE for QRKD_FORCE_ISA or
 *   QRKD_THREADS.
 */
export function native(): Addon {
  if (loaded) return loaded;
  const addon = load();
  applyEnvironment(addon);
  loaded = addon;
  return addon;
}

function load(): Addon {
  // What was built here is of this version and for this machine; else the platform package that npm installed.
  const built = fileURLToPath(new URL('../../build/Release/qrkd.node', import.meta.url));
  const failures: string[] = [];
  for (const candidate of [...(existsSync(built) ? [built] : []), ...platformModules()]) {
    try {
      return require(candidate) as Addon;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== 'MODULE_NOT_FOUND') failures.push(`${candidate}: ${message}`);
    }
  }
  const why = failures.length > 0 ? failures.join('; ') : `no binary for ${process.platform}-${process.arch}`;
  throw new QrkdTypeError(
    'ERR_QRKD_ADDON',
    `the native addon cannot be loaded (${why}); run \`npx qrkd setup\`, which builds it with a C++17 compiler and CMake`,
  );
}

/** The packages of scripts/platforms.mjs; on Linux npm installs the one of the C library in use. */
function platformModules(): string[] {
  const systems = process.platform === 'linux' ? ['linux', 'linuxmusl'] : [process.platform];
  return systems.map((system) => `@qrkd/${system}-${process.arch}/qrkd.node`);
}

function applyEnvironment(addon: Addon): void {
  const { known, supported, availableThreads } = addon.simd();
  const isa = process.env.QRKD_FORCE_ISA;
  if (isa) {
    const everywhere = ['scalar', 'avx2', 'avx512', 'neon'];
    if (!everywhere.includes(isa)) {
      throw new QrkdRangeError(
        'ERR_QRKD_ISA',
        `QRKD_FORCE_ISA="${isa}" is not an instruction set${suggest(isa, everywhere)}`,
      );
    }
    if (!supported.includes(isa)) {
      const why = known.includes(isa) ? 'this machine lacks it' : 'this build has no code for it';
      throw new QrkdRangeError('ERR_QRKD_ISA', `QRKD_FORCE_ISA="${isa}": ${why}; it has ${supported.join(', ')}`);
    }
    addon.selectInstructionSet(isa);
  }
  const threads = process.env.QRKD_THREADS;
  const count = threads ? Number(threads) : availableThreads;
  if (threads && (!Number.isInteger(count) || count < 1 || count > 1024)) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `QRKD_THREADS="${threads}" must be a whole number from 1 to 1024`);
  }
  addon.setThreads(count);
}

/** Threads of the engine's pool, the calling one included. */
export function engineThreads(): number {
  threads ??= native().simd().threads;
  return threads;
}
let threads: number | undefined;

/** Operations per second of the engine's real matrix product on operands that stay in cache, on all its threads. */
export function productRate(precision: Precision): number {
  return native().productRate(precision);
}

export interface SimdInfo {
  /** Instruction set in use. */
  active: string;
  /** Those this machine can run, weakest first. */
  supported: string[];
  /** Threads of the engine's pool, the calling one included. */
  threads: number;
}

/** The instruction set and the threads that the engine uses. */
export function simdInfo(): SimdInfo {
  const { active, supported, threads } = native().simd();
  return { active, supported, threads };
}
