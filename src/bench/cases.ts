import { angleLossGradient, distanceLossGradient } from '../engine/relational.js';
import type { Matrix, Precision } from '../engine/types.js';
import { FidelityKernel } from '../kernels/FidelityKernel.js';
import { FEATURE_MAPS, type FeatureMapSpec, featureMap } from '../maps/index.js';

/** One job of `qrkd bench`. */
export interface BenchCase {
  group: 'states' | 'gram' | 'gradient' | 'losses';
  /** The feature map, or the loss. */
  subject: string;
  samples: number;
  /** Of the map; undefined for losses of features. */
  qubits?: number;
  precision: Precision;
  /** Operations counted, where most of the work is matrix products; see {@link gramFlops}. */
  flops?: number;
  quick: boolean;
  /** Makes inputs and kernel; what it returns does the job once. */
  prepare(): () => unknown;
}

type Size = readonly [samples: number, qubits: number];

/** Operations counted for a Gram matrix: the symmetric half of the 8 N^2 2^n of a complex product. */
export function gramFlops(samples: number, qubits: number): number {
  return 4 * samples ** 2 * 2 ** qubits;
}

/** A gradient's second matrix product has no symmetry. */
const gradientFlops = (samples: number, qubits: number) => 3 * gramFlops(samples, qubits);

const BANDWIDTH = 0.25;
const PRECISIONS: Precision[] = ['float32', 'float64'];
/** Features, of the losses that compare features. */
const FEATURES = 32;

function kernel(spec: FeatureMapSpec, precision: Precision): FidelityKernel {
  const map = featureMap(spec);
  const made = new FidelityKernel(map, { precision });
  made.parameters.set(map.initialParameters(0));
  return made;
}

const zz = (features: number): FeatureMapSpec => ({
  type: 'zz',
  features,
  reps: 2,
  entanglement: 'full',
  bandwidth: BANDWIDTH,
});

/** Samples with features in [-1, 1], which every map takes. */
function samples(rows: number, columns: number, seed: number): Matrix {
  let state = seed;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  return { data: Float64Array.from({ length: rows * columns }, next), shape: [rows, columns] };
}

function states([rows, qubits]: Size, precision: Precision, quick: boolean): BenchCase {
  return {
    group: 'states',
    subject: 'zz',
    samples: rows,
    qubits,
    precision,
    quick,
    prepare() {
      const x = samples(rows, qubits, 1);
      const its = kernel(zz(qubits), precision);
      return () => its.states(x);
    },
  };
}

function gram(spec: FeatureMapSpec, rows: number, precision: Precision, quick: boolean): BenchCase {
  const { qubits, features, type, circuit, isProduct } = featureMap(spec);
  // Product states and real vectors need no states of 2^n amplitudes, so that their work is not that product's.
  return {
    group: 'gram',
    subject: type,
    samples: rows,
    qubits,
    precision,
    flops: circuit && !isProduct ? gramFlops(rows, qubits) : undefined,
    quick,
    prepare() {
      const x = samples(rows, features, 1);
      const its = kernel(spec, precision);
      return () => its.matrix(x);
    },
  };
}

function gradient(spec: FeatureMapSpec, rows: number, precision: Precision, quick: boolean): BenchCase {
  const { qubits, features, type } = featureMap(spec);
  return {
    group: 'gradient',
    subject: type,
    samples: rows,
    qubits,
    precision,
    flops: gradientFlops(rows, qubits),
    quick,
    prepare() {
      const x = samples(rows, features, 1);
      const dK = samples(rows, rows, 2);
      const its = kernel(spec, precision);
      return () => its.gradient(x, dK);
    },
  };
}

function kernelLoss([rows, qubits]: Size, quick: boolean): BenchCase {
  return {
    group: 'losses',
    subject: 'kernel, zz',
    samples: rows,
    qubits,
    precision: 'float32',
    flops: gradientFlops(rows, qubits),
    quick,
    prepare() {
      const its = kernel(zz(qubits), 'float32');
      const x = samples(rows, qubits, 1);
      const target = its.matrix(samples(rows, qubits, 2));
      return () => its.lossGradient(x, target);
    },
  };
}

function relationalLoss(subject: 'distance' | 'angle', rows: number, quick: boolean): BenchCase {
  const loss = { distance: distanceLossGradient, angle: angleLossGradient }[subject];
  return {
    group: 'losses',
    subject: `${subject}, ${FEATURES} features`,
    samples: rows,
    precision: 'float64',
    quick,
    prepare() {
      const student = samples(rows, FEATURES, 1);
      const teacher = samples(rows, FEATURES, 2);
      return () => loss(student, teacher);
    },
  };
}

/** Every map with its defaults, on 8 features; circuits of one's own have none. */
function everyMap(): FeatureMapSpec[] {
  return FEATURE_MAPS.filter(({ type }) => type !== 'circuit' && type !== 'zz').map(
    ({ type }) => ({ type, features: 8 }) as FeatureMapSpec,
  );
}

/** All jobs, those of a quick run marked. */
export function benchCases(): BenchCase[] {
  const single: Precision = 'float32';
  const onSamples = [64, 256, 1024, 4096].map((rows): Size => [rows, 10]);
  const onQubits = [4, 6, 8, 12, 14].map((qubits): Size => [1024, qubits]);
  return [
    ...([[64, 8], [256, 10], [1024, 10], [16, 16]] as Size[]).map((size) => states(size, single, size[0] === 1024)), // biome-ignore format: a table
    states([1024, 10], 'float64', false),
    ...PRECISIONS.flatMap((precision) =>
      [...onSamples, ...onQubits].map(([rows, qubits]) =>
        gram(zz(qubits), rows, precision, rows <= 1024 && qubits === 10),
      ),
    ),
    ...everyMap().map((spec) => gram(spec, 256, single, false)),
    ...([[64, 8], [256, 10], [1024, 10]] as Size[]).map(([rows, qubits]) => gradient(zz(qubits), rows, single, rows === 256)), // biome-ignore format: a table
    gradient(zz(10), 256, 'float64', false),
    ...(['hardwareEfficient', 'dataReuploading'] as const).map((type) => gradient({ type, features: 8 }, 256, single, false)), // biome-ignore format: a table
    ...([[64, 8], [256, 10]] as Size[]).map((size) => kernelLoss(size, size[0] === 64)), // biome-ignore format: a table
    ...(['distance', 'angle'] as const).flatMap((subject) => [64, 256].map((rows) => relationalLoss(subject, rows, rows === 64))), // biome-ignore format: a table
  ];
}
