import type { StudyConfigInput } from './config.js';

type MethodInput = StudyConfigInput['methods'][string];

/** Features that the kernels see: of the teacher's its first principal components, of the student's all of the paper's four. */
export const FEATURES = { teacher: 8, student: 4 };
const logits = { ce: 1, kd: 1, temperature: 4 };
const relations = { distance: 1, angle: 2 };

/**
 * Kernels of the headline row, an entangling map: ZZ with 1 repetition and bandwidth 0.1 on features scaled to a mean
 * distance of 2 (wider angles sit at the random floor of 1/2^n, where nothing can be learned), on 8 principal components of
 * the teacher's features and on the student's 4.
 */
export function headlineKernels() {
  const map = (features: number) => ({ type: 'zz', features, reps: 1, bandwidth: 0.1 });
  return { teacher: map(FEATURES.teacher), student: map(FEATURES.student) };
}

function withQuantum(kernels: MethodInput['kernels']): MethodInput {
  // All rows see the same features, so that only the kernel differs between them.
  return { ...logits, ...relations, quantum: 30, kernels, projection: { teacherFeatures: FEATURES.teacher } };
}

/**
 * The demo's rows, with weights that a first study found to do no harm for a linear embedding. The angle map is a product
 * kernel and nearly the RBF kernel, which is here as the classical control in the same slot.
 */
export function recipeMethods(): Record<string, MethodInput> {
  const angle = (features: number) => ({ type: 'angle', features });
  return {
    Scratch: { ce: 1 },
    KD: logits,
    RKD: { ce: 1, ...relations },
    'KD+RKD': { ...logits, ...relations },
    QRKD: withQuantum(headlineKernels()),
    'QRKD (angle)': withQuantum({ teacher: angle(FEATURES.teacher), student: angle(FEATURES.student) }),
    'RBF control': withQuantum({ teacher: { type: 'rbf', gamma: 0.25 }, student: { type: 'rbf', gamma: 0.25 } }),
  };
}

/** The demo: the paper's MNIST pair on the installed digits. `quick` is the same on a third of the digits with fewer epochs. */
export function demoConfig(quick: boolean, seeds: number): StudyConfigInput {
  return {
    seeds: Array.from({ length: seeds }, (_, i) => i),
    methods: recipeMethods(),
    ...(quick && { samples: 2048, teacher: { epochs: 6 }, student: { epochs: 4 } }),
  };
}
