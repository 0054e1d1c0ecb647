import seedrandom from 'seedrandom';
import { compareMethods, correctTogether } from '#dist/study/comparisons.js';
import { parseConfig, type StudyConfig } from '#dist/study/config.js';
import type { StudyMetrics, SweepMetrics } from '#dist/study/metrics.js';
import type { RunRecord } from '#dist/study/run.js';
import { paperTable, type RunAccuracies, TEACHER } from '#dist/study/table.js';

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
}

function record(config: StudyConfig, method: string, seed: number, epochs: number): RunRecord {
  const random = seedrandom(`${method}/${seed}`);
  const names = Object.keys(config.methods);
  const own = method === TEACHER ? undefined : config.methods[method];
  const best = method === TEACHER ? 0.975 : 0.9 + 0.003 * names.indexOf(method) + 0.01 * (random() - 0.5);
  const evaluation = (accuracy: number) => ({
    samples: 2000,
    correct: Math.round(2000 * accuracy),
    accuracy: Math.round(2000 * accuracy) / 2000,
    crossEntropy: 2 * (1 - accuracy),
  });
  const terms = (epoch: number) =>
    Object.fromEntries(
      (['ce', 'kd', 'distance', 'angle', 'quantum'] as const)
        .filter((term) => (own ? own[term] : term === 'ce'))
        .map((term, t) => {
          const raw = (0.5 + random()) * 10 ** -(t + epoch / epochs);
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

const accuraciesOf = (runs: readonly RunRecord[]): RunAccuracies[] =>
  runs.map(({ method, seed, result }) => ({
    method,
    seed,
    train: result.train.accuracy,
    test: result.test!.accuracy,
  }));

const circumstances = {
  versions: { qrkd: '0.1.0', node: 'v20.0.0', tensors: 'tensorflow 2.21.0', onnxruntime: '1.30.0' },
  environment: { processor: 'Some Processor 9000', system: 'Linux 6.1 x64' },
};

function runsOf(config: StudyConfig, epochs: number): RunRecord[] {
  return config.seeds.flatMap((seed) =>
    [TEACHER, ...Object.keys(config.methods)].map((method) => record(config, method, seed, epochs)),
  );
}

export function studyMetrics({ seeds = 10, epochs = 9, methods = METHODS }: Study = {}): StudyMetrics {
  const config = parseConfig({ seeds: Array.from({ length: seeds }, (_, i) => i), methods }, 'test');
  const runs = runsOf(config, epochs);
  const accuracies = accuraciesOf(runs);
  const exported = (file: string, method: string) => ({
    file,
    method,
    seed: 0,
    parameters: 1725,
    validationAccuracy: 0.9,
    test: { samples: 2000, correct: 1800, onnxruntimeCorrect: 1800 },
    maxDifference: 1e-6,
  });
  return {
    title: 'qrkd study, made-up numbers',
    ...circumstances,
    config,
    samples: { train: 6006, validation: 1998, test: 1996 },
    processes: 2,
    seconds: 1234,
    table: paperTable(accuracies, 'Scratch'),
    comparisons: compareMethods(config, accuracies),
    exported: {
      teacher: exported('teacher.onnx', TEACHER),
      student: exported('student.onnx', Object.keys(methods)[0]),
    },
    runs,
  };
}

export function sweepMetrics(values: (number | string)[], { seeds = 10, methods = METHODS }: Study = {}): SweepMetrics {
  const config = parseConfig({ seeds: Array.from({ length: seeds }, (_, i) => i), methods }, 'test');
  const points = values.map((value, v) => {
    const runs = runsOf(config, 1).map((run) => {
      const random = seedrandom(`${value}/${run.method}/${run.seed}`);
      const accuracy = run.result.test!.accuracy - 0.01 * v * random();
      return { ...run, result: { ...run.result, test: { ...run.result.test!, accuracy } } };
    });
    return { value, runs, accuracies: accuraciesOf(runs) };
  });
  const compared = correctTogether(points.map(({ accuracies }) => compareMethods(config, accuracies)));
  return {
    title: 'qrkd sweep, made-up numbers',
    ...circumstances,
    over: 'methods.*.kernels.*.bandwidth',
    values,
    points: points.map(({ value, accuracies }, v) => ({
      value,
      table: paperTable(accuracies, 'Scratch'),
      comparisons: compared[v],
    })),
    runs: points.flatMap(({ value, runs }) =>
      runs.map(({ method, seed, parameters, seconds, result }) => ({
        value,
        method,
        seed,
        parameters,
        seconds,
        train: result.train.accuracy,
        validation: result.validation!.accuracy,
        test: result.test!.accuracy,
      })),
    ),
    config,
  };
}
