import type { StudyConfigInput } from './config.js';
import { FEATURES } from './recipe.js';

type MethodInput = StudyConfigInput['methods'][string] & { extends?: string };
type Candidate = Record<string, unknown>;

/** Features that kernels see of the teacher (principal components) and of the student (all, or a fixed orthogonal map). */
interface Features {
  teacher: number;
  student: number;
}

/** The paper's image data sets. */
export const DATASETS = ['mnist', 'fashion-mnist', 'cifar10'] as const;
export type Dataset = (typeof DATASETS)[number];

/** Every combination of values, by dotted path. */
function grid(values: Record<string, readonly unknown[]>): Candidate[] {
  return Object.entries(values).reduce<Candidate[]>(
    (all, [path, options]) => all.flatMap((candidate) => options.map((value) => ({ ...candidate, [path]: value }))),
    [{}],
  );
}

const QUANTUM = [10, 30, 100];

/** The paper's student has just the features that its kernels see. */
function projectionTo({ teacher, student }: Features) {
  return { teacherFeatures: teacher, ...(student !== FEATURES.student && { studentFeatures: student }) };
}

const classical = (type: string, options: object = {}) => ({
  teacher: { type, ...options },
  student: { type, ...options },
});

/**
 * The rows of the paper's table, QRKD with three maps, and two classical kernels in the same slot. Every row that has
 * something to choose gets nine candidates; a kernel row is KD+RKD, as it came out of its own tuning, and the kernel term.
 */
function methods(features: Features): Record<string, MethodInput> {
  const mapOf = (type: string, options: object = {}) => ({
    teacher: { type, features: features.teacher, ...options },
    student: { type, features: features.student, ...options },
  });
  const kernelMethod = (kernels: MethodInput['kernels'], tune: Candidate[]): MethodInput => ({
    extends: 'KD+RKD',
    quantum: 30,
    kernels,
    // All rows see the same features, so that only the kernel differs between them.
    projection: projectionTo(features),
    tune,
  });
  const bandwidth = 'kernels.*.bandwidth';
  return {
    Scratch: { ce: 1 },
    KD: { ce: 1, kd: 1, tune: grid({ kd: [0.25, 1, 4], temperature: [2, 4, 8] }) },
    RKD: { ce: 1, distance: 1, angle: 2, tune: grid({ distance: [1, 5, 25], angle: [2, 10, 50] }) },
    'KD+RKD': {
      ce: 1,
      kd: 1,
      temperature: 4,
      distance: 1,
      angle: 2,
      tune: [0.25, 1, 4].flatMap((kd) => [0.1, 1, 25].map((weight) => ({ kd, distance: weight, angle: 2 * weight }))),
    },
    'QRKD (ZZ)': kernelMethod(
      mapOf('zz', { reps: 1, bandwidth: 0.1 }),
      grid({ quantum: QUANTUM, [bandwidth]: [0.05, 0.1, 0.2] }),
    ),
    'QRKD (IQP)': kernelMethod(
      mapOf('iqp', { bandwidth: 0.3 }),
      grid({ quantum: QUANTUM, [bandwidth]: [0.1, 0.3, 1] }),
    ),
    'QRKD (angle)': kernelMethod(
      mapOf('angle', { bandwidth: 1 }),
      grid({ quantum: QUANTUM, [bandwidth]: [0.5, 1, 2] }),
    ),
    'RBF control': kernelMethod(
      classical('rbf', { gamma: 0.25 }),
      grid({ quantum: QUANTUM, 'kernels.*.gamma': [0.1, 0.25, 0.6] }),
    ),
    'Cosine control': kernelMethod(classical('cosine'), grid({ quantum: [1, 3, 6, 10, 20, 30, 60, 100, 300] })),
  };
}

/** Without what there is to choose: for a first look. */
function untuned(rows: Record<string, MethodInput>): Record<string, MethodInput> {
  return Object.fromEntries(Object.entries(rows).map(([name, { tune: _, ...method }]) => [name, method]));
}

const cosine = { name: 'adam', schedule: 'cosine' } as const;

/** What differs between the data sets. */
const SETTINGS: Record<Dataset, Omit<StudyConfigInput, 'methods'> & { tuning: object; features: Features }> = {
  mnist: {
    data: 'mnist',
    teacher: { epochs: 20, optimizer: cosine },
    student: { epochs: 10, optimizer: cosine },
    tuning: { seeds: [1000, 1001] },
    features: FEATURES,
  },
  'fashion-mnist': {
    data: 'fashion-mnist',
    teacher: { epochs: 10, optimizer: cosine },
    student: { epochs: 6, optimizer: cosine },
    tuning: { seeds: [1000, 1001], samples: 10_000, validationSamples: 4_000, epochs: 10 },
    features: FEATURES,
  },
  cifar10: {
    data: 'cifar10',
    // A residual pair: the paper's own networks leave a teacher that is hardly worth distilling.
    teacher: { variant: 'resnet20', epochs: 30, optimizer: cosine, augment: { crop: 4, flip: true } },
    student: { variant: 'resnet8', epochs: 30, optimizer: cosine, augment: { crop: 4, flip: true } },
    tuning: { seeds: [1000, 1001], samples: 10_000, validationSamples: 4_000 },
    features: { teacher: 8, student: 8 },
  },
};

/**
 * The study that `qrkd reproduce` runs.
 *
 * @param quick a first look: one epoch, 2,048 samples, nothing tuned.
 */
export function reproduceConfig(
  dataset: Dataset,
  { seeds, quick }: { seeds: number; quick: boolean },
): StudyConfigInput {
  const { tuning, features, ...settings } = SETTINGS[dataset];
  const rows = methods(features);
  const list = Array.from({ length: seeds }, (_, k) => k);
  if (!quick) return { ...settings, seeds: list, tuning, methods: rows };
  return {
    ...settings,
    seeds: list,
    samples: 2048,
    validationSamples: 1024,
    teacher: { ...settings.teacher, epochs: 4 },
    student: { ...settings.student, epochs: 2 },
    methods: untuned(rows),
  };
}
