import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { labelsPerSample, sliceSamples } from '../distill/samples.js';
import { countedLabels } from '../losses/labels.js';
import { loadModel } from '../models/index.js';
import { exportOnnx, verifyOnnx } from '../onnx/index.js';
import { renderReport } from '../report/report.js';
import { backendInfo, ready } from '../tensor/backend.js';
import { packageVersion } from '../version.js';
import { compareMethods } from './comparisons.js';
import { type StudyConfig, usesTeacher } from './config.js';
import { environment } from './environment.js';
import { capitalized, isBetter, type Measure, measureOf, wordPerplexity } from './measure.js';
import type { ExportedModel, StudyMetrics } from './metrics.js';
import { loadParts, type Parts } from './parts.js';
import { moveInto } from './staging.js';
import { type FinishedRun, restoreModels } from './study.js';
import { paperTable, type RunScores, TEACHER } from './table.js';
import { isOnnxTeacher } from './teacher.js';
import type { TunedMethod } from './tune.js';

export interface OutcomeOptions {
  out: string;
  title: string;
  /** performance.now() at the start of the study. */
  start: number;
  processes: number;
  /** How the methods came by what `tune` left open. */
  tuning?: readonly TunedMethod[];
  signal?: AbortSignal;
}

/** The best on the validation part, of equals the one of the lower cross-entropy; the test part has no say. */
export function best(runs: readonly FinishedRun[], measure: Measure): FinishedRun {
  return runs.reduce((kept, run) => {
    const [own, other] = [run, kept].map(({ record }) => record.result.validation!);
    const [value, reference] = [own, other].map(measure.of);
    const better = value === reference ? own.crossEntropy < other.crossEntropy : isBetter(measure, value, reference);
    return better ? run : kept;
  });
}

/** Sequences of a test part that onnxruntime is held against where every token has logits. */
const SEQUENCES_CHECKED = 32;

/** Writes a run's model as ONNX and holds it against tfjs in onnxruntime on the whole test part. */
async function exportRun(
  { record, job }: FinishedRun,
  file: string,
  staging: string,
  config: StudyConfig,
  { test }: Parts,
): Promise<{ exported: ExportedModel; runtime: string }> {
  const { method, seed, parameters, result } = record;
  const path = join(staging, file);
  const model = await loadModel(job.spec.folder);
  const measure = measureOf(config);
  const validation = measure.of(result.validation!);
  const name = capitalized(measure.name);
  const metrics = { [`validation${name}`]: validation, [`test${name}`]: measure.of(result.test!) };
  await exportOnnx(model, path, { metadata: { method, seed, metrics }, trainingConfig: config });
  // The logits of all tokens would not fit into memory.
  const perToken = labelsPerSample(test) > 1;
  const checked = perToken ? sliceSamples(test, 0, Math.min(SEQUENCES_CHECKED, test.shape[0])) : test;
  const report = await verifyOnnx(path, model, {
    inputs: { data: config.text ? Int32Array.from(checked.images) : checked.images, shape: checked.shape },
    labels: checked.labels,
  });
  // Of thousands of tokens some have two successors that are equally likely up to rounding.
  if (perToken ? !(report.maxDifference <= report.tolerance) : !report.ok) {
    throw new Error(
      `${file} does not compute in onnxruntime what the model does in tfjs: largest difference ${report.maxDifference}`,
    );
  }
  const { tfjsCorrect, onnxCorrect } = report.real!.accuracy!;
  return {
    exported: {
      file,
      method,
      seed,
      parameters,
      validation,
      test: { samples: countedLabels(checked.labels), correct: tfjsCorrect, onnxruntimeCorrect: onnxCorrect },
      maxDifference: report.maxDifference,
    },
    runtime: report.runtime,
  };
}

/**
 * Turns finished runs into what a study leaves: `teacher.onnx` and `student.onnx` (the best by validation), both checked in
 * onnxruntime, `metrics.json` and `report.html`.
 */
export function finishStudy(
  config: StudyConfig,
  runs: readonly FinishedRun[],
  options: OutcomeOptions,
): Promise<StudyMetrics> {
  return moveInto(options.out, async (staging) => {
    const metrics = await summarise(config, runs, staging, options);
    writeFileSync(join(staging, 'report.html'), await renderReport(metrics));
    writeFileSync(join(staging, 'metrics.json'), `${JSON.stringify(metrics)}\n`);
    return metrics;
  });
}

async function summarise(
  config: StudyConfig,
  runs: readonly FinishedRun[],
  staging: string,
  { title, start, processes, tuning, signal }: OutcomeOptions,
): Promise<StudyMetrics> {
  await ready();
  const parts = await loadParts(config);
  const measure = measureOf(config);
  const bestTeacher = best(
    runs.filter(({ record }) => record.method === TEACHER),
    measure,
  );
  const bestStudent = best(
    runs.filter(({ record }) => record.method !== TEACHER),
    measure,
  );
  // An ONNX teacher needs no export.
  const trained = isOnnxTeacher(config) ? [bestStudent] : [bestTeacher, bestStudent];
  await restoreModels(trained, runs, { processes, ...(signal && { signal }) });
  const teacher = isOnnxTeacher(config)
    ? undefined
    : await exportRun(bestTeacher, 'teacher.onnx', staging, config, parts);
  const student = await exportRun(bestStudent, 'student.onnx', staging, config, parts);

  const samples: StudyMetrics['samples'] = {
    train: parts.train.shape[0],
    validation: parts.validation.shape[0],
    test: parts.test.shape[0],
    ...(parts.text?.testWords !== undefined && { testWords: parts.text.testWords }),
  };
  const scores = scoresOf(runs, measure, {
    testWords: samples.testWords,
    withF1: config.text?.task === 'classification',
  });
  return {
    title: `qrkd ${title}`,
    versions: { ...versions(), onnxruntime: student.runtime },
    environment: environment(),
    config,
    samples,
    processes,
    seconds: (performance.now() - start) / 1000,
    ...(tuning && tuning.length > 0 && { tuning }),
    table: paperTable(scores, baselineOf(config), measure),
    comparisons: compareMethods(config, scores),
    exported: { ...(teacher && { teacher: teacher.exported }), student: student.exported },
    runs: runs.map(({ record }) => record),
  };
}

/** What computed a study. */
export function versions(): Record<string, string> {
  return { qrkd: packageVersion(), node: process.version, tensors: backendInfo().detail };
}

/** The method that gains are measured from: the first that does not look at the teacher. */
export function baselineOf({ methods }: StudyConfig): string | undefined {
  return Object.entries(methods).find(([, method]) => !usesTeacher(method))?.[0];
}

/**
 * @param testWords words of the test part, for perplexities of a word.
 * @param withF1 whether F1 is shown beside accuracy.
 */
export function scoresOf(
  runs: readonly FinishedRun[],
  measure: Measure,
  { testWords, withF1 = false }: { testWords?: number; withF1?: boolean } = {},
): RunScores[] {
  return runs.map(({ record: { method, seed, result } }) => ({
    method,
    seed,
    train: measure.of(result.train),
    test: measure.of(result.test!),
    ...(withF1 && result.test!.f1 !== undefined && { testF1: result.test!.f1 }),
    ...(testWords !== undefined && { testWord: wordPerplexity(result.test!, testWords) }),
  }));
}
