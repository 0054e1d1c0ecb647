import type { StudyConfigInput } from './config.js';

type MethodInput = StudyConfigInput['methods'][string] & { extends?: string; preset?: string };
type Candidate = Record<string, unknown>;

/** The paper's texts, and two that can be had without a download of their own. */
export const TEXT_SETS = ['wikitext2', 'ptb', 'imdb', 'brown', 'spam-assassin'] as const;
export type TextSetName = (typeof TEXT_SETS)[number];

export function isTextSet(dataset: string): dataset is TextSetName {
  return (TEXT_SETS as readonly string[]).includes(dataset);
}

/** Features that kernels see: principal components of the teacher's, a fixed orthogonal map of the student's. */
const FEATURES = 8;

const map = (type: string, options: object = {}) => ({
  teacher: { type, features: FEATURES, ...options },
  student: { type, features: FEATURES, ...options },
});
const classical = (type: string, options: object = {}) => ({
  teacher: { type, ...options },
  student: { type, ...options },
});
const weights = (...values: number[]): Candidate[] => values.map((quantum) => ({ quantum }));

/**
 * The rows of the table: the student alone, logits, relations, kernels, the classical controls, and a student that learns as
 * DistilGPT2 did. A run takes minutes, so every row that has something to choose gets three candidates, and a row that goes
 * beyond another takes what was chosen there.
 */
function methods(): Record<string, MethodInput> {
  const kernel = (kernels: MethodInput['kernels']): MethodInput => ({
    extends: 'KD+RKD',
    quantum: 1,
    kernels,
    projection: { teacherFeatures: FEATURES, studentFeatures: FEATURES },
    tune: weights(0.1, 1, 10),
  });
  const relations = [0.01, 0.1, 1].map((weight): Candidate => ({ distance: weight, angle: 2 * weight }));
  return {
    'Student alone': { ce: 1 },
    KD: { ce: 1, kd: 1, temperature: 2, tune: [0.25, 1, 4].map((kd) => ({ kd })) },
    'DistilGPT2-style': { preset: 'distilgpt2' },
    RKD: { ce: 1, distance: 0.1, angle: 0.2, tune: relations },
    'KD+RKD': { extends: 'KD', distance: 0.1, angle: 0.2, tune: relations },
    'QRKD (ZZ)': kernel(map('zz', { reps: 1, bandwidth: 0.1 })),
    'QRKD (IQP)': kernel(map('iqp', { bandwidth: 0.3 })),
    'QRKD (angle)': kernel(map('angle', { bandwidth: 1 })),
    'RBF control': kernel(classical('rbf', { gamma: 0.25 })),
    'Cosine control': kernel(classical('cosine')),
  };
}

/** Warm-up over a twentieth of the run, then half a cosine; large gradients are clipped. */
const optimizer = { name: 'adamw', clipNorm: 1, schedule: { type: 'cosine', warmup: 0.05 } } as const;
const side = { optimizer, batchSize: 32, learningRate: 3e-3, epochs: 6 };

/**
 * Weights that were trained before are changed little: rate and epochs are those of transformers' Trainer, whose batches are of
 * 8 (here the native engine takes as long for 16).
 */
const fineTuning = { batchSize: 16, learningRate: 5e-5, epochs: 3 };

const language = {
  text: { task: 'language' as const, length: 128, stride: 64 },
  // 400,000 tokens: what two processors train on in minutes.
  samples: 3125,
  validationSamples: 500,
  teacher: { ...side, epochs: 10 },
  student: side,
  tuning: { seeds: [1000], samples: 1000, validationSamples: 250 },
} satisfies Partial<StudyConfigInput>;

const classification = {
  text: { task: 'classification' as const, length: 256 },
  teacher: { ...side, learningRate: 1e-3 },
  student: { ...side, learningRate: 1e-3 },
  tuning: { seeds: [1000] },
} satisfies Partial<StudyConfigInput>;

const SETTINGS: Record<TextSetName, Omit<StudyConfigInput, 'methods'>> = {
  // Raw text is what byte-level tokens are for.
  wikitext2: { data: 'wikitext2-raw', ...language },
  ptb: { data: 'ptb', ...language, text: { ...language.text, tokenizer: 'words' as const, vocabulary: 10_000 } },
  brown: { data: 'brown', ...language },
  imdb: { data: 'imdb', ...classification },
  'spam-assassin': { data: 'spam-assassin', ...classification },
};

export interface TextReproduction {
  seeds: number;
  /** A first look: few short sequences, two epochs, nothing tuned. */
  quick: boolean;
  /** Folders of GPT-2s, as transformers has them: a teacher that is used as it is, a student to begin from. */
  teacher?: string;
  student?: string;
}

/** The study that `qrkd reproduce` runs on a text. */
export function reproduceTextConfig(
  dataset: TextSetName,
  { seeds, quick, teacher, student }: TextReproduction,
): StudyConfigInput {
  const settings = SETTINGS[dataset];
  const given = teacher ?? student;
  const whole: StudyConfigInput = {
    ...settings,
    // The tokens of a model that is given are those of its own vocabulary.
    ...(given !== undefined && { text: { ...settings.text, tokenizer: { gpt2: given } } }),
    seeds: Array.from({ length: seeds }, (_, k) => k),
    teacher: { ...settings.teacher, ...(teacher !== undefined && { ...fineTuning, model: teacher }) },
    student: { ...settings.student, ...(student !== undefined && { ...fineTuning, model: student }) },
    methods: methods(),
  };
  if (!quick) return whole;
  const untuned = Object.entries(whole.methods).map(([name, { tune: _, ...method }]) => [name, method]);
  return {
    ...whole,
    samples: 256,
    validationSamples: 64,
    text: { ...whole.text, length: 64, stride: 64, ...(given === undefined && { vocabulary: 500 }) },
    teacher: { ...whole.teacher, epochs: 2 },
    student: { ...whole.student, epochs: 2 },
    methods: Object.fromEntries(untuned),
  };
}
