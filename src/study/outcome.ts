import { mkdtempSync, readdirSync, renameSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { loadModel } from '../models/index.js';
import { exportOnnx, verifyOnnx } from '../onnx/index.js';
import { renderReport } from '../report/report.js';
import { backendInfo, ready } from '../tensor/backend.js';
import { packageVersion } from '../version.js';
import { compareMethods } from './comparisons.js';
import { type StudyConfig, usesTeacher } from './config.js';
import { environment } from './environment.js';
import type { ExportedModel, StudyMetrics } from './metrics.js';
import { loadParts, type Parts } from './run.js';
import { type FinishedRun, restoreModels } from './study.js';
import { paperTable, type RunAccuracies, TEACHER } from './table.js';
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

/** The best by validation accuracy, then by validation cross-entropy; the test part has no say. */
function best(runs: readonly FinishedRun[]): FinishedRun {
  const held = ({ record }: FinishedRun) => record.result.validation!;
  return [...runs].sort(
    (a, b) => held(b).accuracy - held(a).accuracy || held(a).crossEntropy - held(b).crossEntropy,
  )[0];
}

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
  const metrics = { validationAccuracy: result.validation!.accuracy, testAccuracy: result.test!.accuracy };
  await exportOnnx(model, path, { metadata: { method, seed, metrics }, trainingConfig: config });
  const report = await verifyOnnx(path, model, {
    inputs: { data: test.images, shape: test.shape },
    labels: test.labels,
  });
  if (!report.ok) {
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
      validationAccuracy: metrics.validationAccuracy,
      test: { samples: test.shape[0], correct: tfjsCorrect, onnxruntimeCorrect: onnxCorrect },
      maxDifference: report.maxDifference,
    },
    runtime: report.runtime,
  };
}

/**
 * Turns finished runs into what a study leaves: `teacher.onnx` and `student.onnx` (the best by validation), both checked in
 * onnxruntime, `config.yaml`, `metrics.json` and `report.html`. All are written aside first and moved into `out` together.
 */
export async function finishStudy(
  config: StudyConfig,
  runs: readonly FinishedRun[],
  { out, title, start, processes, tuning, signal }: OutcomeOptions,
): Promise<StudyMetrics> {
  await ready();
  const parts = loadParts(config);
  const staging = mkdtempSync(join(out, '.results-'));

  const teachers = runs.filter(({ record }) => record.method === TEACHER);
  const students = runs.filter(({ record }) => record.method !== TEACHER);
  await restoreModels([best(teachers), best(students)], runs, { processes, ...(signal && { signal }) });
  const teacher = await exportRun(best(teachers), 'teacher.onnx', staging, config, parts);
  const student = await exportRun(best(students), 'student.onnx', staging, config, parts);

  const accuracies = runs.map(
    ({ record: { method, seed, result } }): RunAccuracies => ({
      method,
      seed,
      train: result.train.accuracy,
      test: result.test!.accuracy,
    }),
  );
  const baseline = Object.entries(config.methods).find(([, method]) => !usesTeacher(method))?.[0];
  const metrics: StudyMetrics = {
    title: `qrkd ${title}`,
    versions: {
      qrkd: packageVersion(),
      node: process.version,
      tensors: backendInfo().detail,
      onnxruntime: student.runtime,
    },
    environment: environment(),
    config,
    samples: {
      train: parts.train.shape[0],
      validation: parts.validation.shape[0],
      test: parts.test.shape[0],
    },
    processes,
    seconds: (performance.now() - start) / 1000,
    ...(tuning && tuning.length > 0 && { tuning }),
    table: paperTable(accuracies, baseline),
    comparisons: compareMethods(config, accuracies),
    exported: { teacher: teacher.exported, student: student.exported },
    runs: runs.map(({ record }) => record),
  };
  writeFileSync(join(staging, 'report.html'), await renderReport(metrics));
  writeFileSync(join(staging, 'metrics.json'), `${JSON.stringify(metrics)}\n`);
  writeFileSync(join(staging, 'config.yaml'), stringify(config));
  for (const file of readdirSync(staging)) renameSync(join(staging, file), join(out, file));
  rmdirSync(staging);
  return metrics;
}
