import seedrandom from 'seedrandom';
import { compareMethods, correctTogether } from '#dist/study/comparisons.js';
import { parseConfig, type StudyConfig } from '#dist/study/config.js';
import { measureOf, wordPerplexity } from '#dist/study/measure.js';
import type { StudyMetrics, SweepMetrics } from '#dist/study/metrics.js';
import type { RunRecord } from '#dist/study/run.js';
import { paperTable, type RunScores, TEACHER } from '#dist/study/table.js';

/** Studies as they might have come out: made up for tests of what is drawn and written from them, not measured. */

const CLASSES = 10;

const zz = (features: number) => ({ type: 'zz', features, reps: 1, bandwidth: 0.1 });
const both = (kernel: (features: number) => object) => ({ teacher: kernel(8), student: kernel(4) });
const relations = { kd: 1, distance: 1, angle: 2 };
const kernelMethod = (kernel: (features: number) => object) => ({ ...relations, quantum: 30, kernels: both(kernel) });

/** Twelve methods: more than there are colours; one name has to be escaped everywhere. */
export const METHODS = {
  Scratch: {},
  KD: { kd: 1 },
  RKD: { distance: 1, angle: 2 },
  'KD+RKD': relations,
  QRKD: kernelMethod(zz),
  'QRKD (IQP)': kernelMethod((features) => ({ type: 'iqp', features, bandwidth: 0.2 })),
  'QRKD (angle)': kernelMethod((features) => ({ type: 'angle', features })),
  'QRKD (amplitude)': kernelMethod((features) => ({ type: 'amplitude', features })),
  'QRKD (hardware-efficient, 3 layers)': kernelMethod((features) => ({ type: 'hardwareEfficient', features })),
  '<QRKD> & "co"_50%': { quantum: 3, kernels: both(zz) },
  'RBF control': kernelMethod(() => ({ type: 'rbf', gamma: 0.25 })),
  'cosine control': kernelMethod(() => ({ type: 'cosine' })),
};

interface Study {
  seeds?: number;
  epochs?: number;
  methods?: Record<string, object>;
  /** Of a language model: perplexities. */
  language?: boolean;
}

/** Labels of the test part: images, or the tokens of a text. */
const SAMPLES = 2000;
const TOKENS = 24000;
const WORDS = 18000;

function record(config: StudyConfig, method: string, seed: number, epochs: number): RunRecord {
  const random = seedrandom(`${method}/${seed}`);
  const names = Object.keys(config.methods);
  const own = method === TEACHER ? undefined : config.methods[method];
  const best = method === TEACHER ? 0.975 : 0.9 + 0.003 * names.indexOf(method) + 0.01 * (random() - 0.5);
  const language = measureOf(config).name === 'perplexity';
  const labels = language ? TOKENS : SAMPLES;
  const evaluation = (quality: number) => {
    const accuracy = language ? 0.4 * quality : quality;
    return {
      samples: labels,
      correct: Math.round(labels * accuracy),
      accuracy: Math.round(labels * accuracy) / labels,
      // Perplexities of 40 to 50.
      crossEntropy: language ? 3.5 + 3 * (1 - quality) : 2 * (1 - quality),
    };
  };
  const terms = (epoch: number) =>
    Object.fromEntries(
      (['ce', 'kd', 'distance', 'angle', 'quantum'] as const)
        .filter((term) => (own ? own[term] : term === 'ce'))
        .map((term, t) => {
          const falling = (0.5 + random()) * 10 ** -(t + epoch / epochs);
          const raw = language && term === 'ce' ? 3.9 + falling : falling;
          return [term, { raw, weighted: raw * (own?.[term] ?? 1), gradientNorm: 0.1 * raw }];
        }),
    );
  return {
    method,
    seed,
    parameters: method === TEACHER ? 6690 : 1725,
    seconds: 10 + random(),
    result: {
      epochs: Array.from({ length: epochs }, (_, e) => ({
        epoch: e + 1,
        steps: 100,
        seconds: 1,
        loss: 1 / (e + 1),
        terms: terms(e + 1),
        runningAccuracy: best * (1 - 0.6 * Math.exp(-e)) + 0.01 * random(),
        zeroVectors: 0,
        validation: evaluation(best * (1 - 0.5 * Math.exp(-e)) + 0.005 * random()),
      })),
      steps: 100 * epochs,
      stepMilliseconds: 1,
      train: evaluation(best + 0.01),
      validation: evaluation(best + 0.002 * random()),
      test: evaluation(best),
    },
    ...(own && seed === config.seeds[0] && { features: plane(random, true) }),
    ...(own && own.quantum > 0 && seed === config.seeds[0] && { kernels: matrices(random) }),
  };
}

function matrices(random: () => number) {
  const labels = Array.from({ length: 4 * CLASSES }, (_, i) => Math.floor(i / 4));
  const matrix = (contrast: number) => {
    const rows = labels.map(() => labels.map(() => 0));
    for (const [i, a] of labels.entries()) {
      rows[i][i] = 1;
      for (let j = 0; j < i; j++) {
        rows[i][j] = Number((0.1 + 0.4 * random() + (a === labels[j] ? contrast : 0)).toPrecision(4));
        rows[j][i] = rows[i][j];
      }
    }
    return rows;
  };
  return { labels, teacher: matrix(0.5), before: matrix(0.05), after: matrix(0.4) };
}

function plane(random: () => number, withTeacher: boolean) {
  const labels = Array.from({ length: 30 * CLASSES }, (_, i) => Math.floor(i / 30));
  const points = () =>
    labels.map((label): [number, number] => [
      Math.cos(label) * (1 + label) + random() + random(),
      Math.sin(label) * (1 + label) + random() + random(),
    ]);
  const part = () => ({ points: points(), explained: 0.5 + 0.4 * random() });
  return { labels, student: part(), ...(withTeacher && { teacher: part() }) };
}

function scoresOf(config: StudyConfig, runs: readonly RunRecord[]): RunScores[] {
  const { name, of } = measureOf(config);
  return runs.map(({ method, seed, result: { train, test } }) => ({
    method,
    seed,
    train: of(train),
    test: of(test!),
    ...(name === 'perplexity' && { testWord: wordPerplexity(test!, WORDS) }),
  }));
}

function configOf({ seeds = 10, methods = METHODS, language = false }: Study): StudyConfig {
  const config = parseConfig({ seeds: Array.from({ length: seeds }, (_, i) => i), methods }, 'test');
  return { ...config, ...(language && { text: { task: 'language' } }) } as StudyConfig;
}

const circumstances = {
  versions: { qrkd: '0.1.0', node: 'v20.0.0', tensors: 'tensorflow 2.21.0', onnxruntime: '1.30.0' },
  environment: { processor: 'Some Processor 9000', system: 'Linux 6.1 x64' },
};

function runsOf(config: StudyConfig, epochs: number): RunRecord[] {
  return config.seeds.flatMap((seed) =>
    [TEACHER, ...Object.keys(config.methods)].map((method) => record(config, method, seed, epochs)),
  );
}

export function studyMetrics(study: Study = {}): StudyMetrics {
  const { epochs = 9, methods = METHODS, language } = study;
  const config = configOf(study);
  const runs = runsOf(config, epochs);
  const scores = scoresOf(config, runs);
  const labels = language ? TOKENS : SAMPLES;
  const exported = (file: string, method: string) => ({
    file,
    method,
    seed: 0,
    parameters: 1725,
    validation: language ? 55 : 0.9,
    test: { samples: labels, correct: 0.4 * labels, onnxruntimeCorrect: 0.4 * labels },
    maxDifference: 1e-6,
  });
  return {
    title: 'qrkd study, made-up numbers',
    ...circumstances,
    config,
    samples: language
      ? { train: 3125, validation: 190, test: 188, testWords: WORDS }
      : { train: 6006, validation: 1998, test: 1996 },
    processes: 2,
    seconds: 1234,
    table: paperTable(scores, 'Scratch', measureOf(config)),
    comparisons: compareMethods(config, scores),
    exported: {
      teacher: exported('teacher.onnx', TEACHER),
      student: exported('student.onnx', Object.keys(methods)[0]),
    },
    runs,
  };
}

export function sweepMetrics(values: (number | string)[], study: Study = {}): SweepMetrics {
  const config = configOf(study);
  const measure = measureOf(config);
  const points = values.map((value, v) => {
    const runs = runsOf(config, 1).map((run) => {
      const random = seedrandom(`${value}/${run.method}/${run.seed}`);
      const { accuracy, crossEntropy, ...counts } = run.result.test!;
      const worse = 0.01 * v * random();
      const test = { ...counts, accuracy: accuracy - worse, crossEntropy: crossEntropy + worse };
      return { ...run, result: { ...run.result, test } };
    });
    return { value, runs, scores: scoresOf(config, runs).map(({ testWord: _, ...own }) => own) };
  });
  const compared = correctTogether(points.map(({ scores }) => compareMethods(config, scores)));
  return {
    title: 'qrkd sweep, made-up numbers',
    ...circumstances,
    over: 'methods.*.kernels.*.bandwidth',
    values,
    points: points.map(({ value, scores }, v) => ({
      value,
      table: paperTable(scores, 'Scratch', measure),
      comparisons: compared[v],
    })),
    runs: points.flatMap(({ value, runs }) =>
      runs.map(({ method, seed, parameters, seconds, result }) => ({
        value,
        method,
        seed,
        parameters,
        seconds,
        train: measure.of(result.train),
        validation: measure.of(result.validation!),
        test: measure.of(result.test!),
      })),
    ),
    config,
  };
}
