import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { readOptimizer } from '../distill/optimizer.js';
import { QrkdRangeError } from '../errors.js';
import { loadModel } from '../models/index.js';
import { ready } from '../tensor/backend.js';
import { checkModels } from './checkModels.js';
import type { StudyConfig } from './config.js';
import { makeLoss } from './kernels.js';
import { trainingSize } from './parts.js';
import { checkpointFile, type Job, planJobs } from './plan.js';
import { runPool } from './pool.js';
import { type RunRecord, stepsOf } from './run.js';
import { isOnnxTeacher, openOnnxTeacher } from './teacher.js';

export interface StudyOptions {
  /**
   * Folder of the runs: `<key>.json` is a finished run's record, `<key>/` its model. Whoever asks for the same run again gets
   * what is there, so studies that share the folder share their runs.
   */
  runs: string;
  /** Number of training processes, each of one thread. */
  processes: number;
  /** Folder for JSON lines and TensorBoard event files of the runs that are trained: METHOD/seed-SEED-KEY/. */
  logs?: string;
  /** Whether the runs may read the test part (default), once, at their end. */
  test?: boolean;
  signal?: AbortSignal;
  /** Steps finished of all that there are, over all runs, and the runs finished so far; first before any training. */
  onProgress?: (progress: { steps: number; totalSteps: number; runs: number; totalRuns: number }) => void;
}

/** A finished run and where its files are. */
export interface FinishedRun {
  record: RunRecord;
  job: Job;
}

const recordFile = ({ spec }: Job) => `${spec.folder}.json`;

function readRecord(job: Job): RunRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(recordFile(job), 'utf8')) as RunRecord;
    return job.spec.pictures && !record.pictured ? undefined : record;
  } catch {
    // Not there, or cut off by whatever ended the last attempt: the run is simply done again.
    return undefined;
  }
}

async function isReadable(model: string): Promise<boolean> {
  try {
    (await loadModel(model)).dispose();
    return true;
  } catch {
    // Damaged since, or left behind where only records were kept.
    return false;
  }
}

/** Checks what can be checked before any work: kernels, optimizers, the models given, data, and that batches can be filled. */
export async function checkStudy(config: StudyConfig): Promise<void> {
  for (const method of Object.values(config.methods)) makeLoss(method);
  const sides = { teacher: config.teacher, student: config.student };
  for (const [side, { optimizer, learningRate }] of Object.entries(sides)) {
    readOptimizer(optimizer as Parameters<typeof readOptimizer>[0], learningRate, side);
  }
  await ready();
  if (isOnnxTeacher(config)) (await openOnnxTeacher(config)).close();
  await checkModels(config);
  const samples = await trainingSize(config);
  for (const [side, { batchSize }] of Object.entries(sides)) {
    if (batchSize > samples) {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `${side}.batchSize is ${batchSize}, more than the ${samples} training samples`,
      );
    }
  }
}

/** The jobs that are still to be done: those without a record, and teachers whose model is wanted and gone. */
async function pendingJobs(jobs: readonly Job[], records: ReadonlyMap<string, RunRecord>): Promise<Job[]> {
  const byKey = new Map(jobs.map((job) => [job.key, job]));
  const pending = new Set(jobs.filter(({ key }) => !records.has(key)));
  const teachers = new Set([...pending].flatMap(({ after }) => (after === undefined ? [] : [byKey.get(after)!])));
  for (const teacher of teachers) {
    if (!isOnnxTeacher(teacher.spec.config) && !(await isReadable(teacher.spec.folder))) pending.add(teacher);
  }
  return jobs.filter((job) => pending.has(job));
}

/**
 * Trains the teachers and students of one or more configurations on processes of one thread each. A run that several of
 * them have in common is done once; runs that were finished before are taken from the folder.
 *
 * @returns for every configuration all its runs: teachers first, then by seed in the order of the methods.
 */
export async function runStudy(configs: readonly StudyConfig[], options: StudyOptions): Promise<FinishedRun[][]> {
  for (const config of configs) await checkStudy(config);
  const { runs: folder, test = true, logs } = options;
  mkdirSync(folder, { recursive: true });
  const planned: Job[][] = [];
  for (const config of configs) planned.push(await planJobs(config, folder, { test, logs }));
  const jobs = [...new Map(planned.flat().map((job) => [job.key, job])).values()];
  // Whole seeds first: an interrupted study has compared everything on those.
  const seeds = [...new Set(jobs.map(({ spec }) => spec.seed))];
  jobs.sort((a, b) => seeds.indexOf(a.spec.seed) - seeds.indexOf(b.spec.seed));
  const records = await train(jobs, options);
  return planned.map((own) =>
    own.map((job) => ({ job, record: { ...records.get(job.key)!, method: job.spec.method } })),
  );
}

/** Records of all jobs, those that are missing trained now. */
async function train(jobs: readonly Job[], options: StudyOptions): Promise<Map<string, RunRecord>> {
  const records = new Map<string, RunRecord>();
  for (const job of jobs) {
    const record = readRecord(job);
    if (record) records.set(job.key, record);
  }
  const pending = await pendingJobs(jobs, records);
  const jobSteps = new Map<string, number>();
  for (const { key, spec } of jobs) jobSteps.set(key, await stepsOf(spec));
  const steps = new Map(jobSteps);
  for (const { key } of pending) steps.set(key, 0);
  let left = pending.length;
  const sum = (values: Iterable<number>) => [...values].reduce((a, b) => a + b, 0);
  const totalSteps = sum(jobSteps.values());
  const report = () =>
    options.onProgress?.({ steps: sum(steps.values()), totalSteps, runs: jobs.length - left, totalRuns: jobs.length });

  report();
  await runPool(pending, {
    processes: options.processes,
    ...(options.signal && { signal: options.signal }),
    onSteps(key, done) {
      steps.set(key, done);
      report();
    },
    async onRecord(job, record) {
      await writeFileAtomic(recordFile(job), `${JSON.stringify(record)}\n`);
      rmSync(checkpointFile(job.spec.folder), { force: true });
      records.set(job.key, record);
      steps.set(job.key, jobSteps.get(job.key)!);
      left--;
      report();
    },
  });
  return records;
}

/** Trains runs again whose records were kept without their models. */
export async function restoreModels(
  wanted: readonly FinishedRun[],
  all: readonly FinishedRun[],
  options: Pick<StudyOptions, 'processes' | 'signal'>,
): Promise<void> {
  const lost: Job[] = [];
  for (const { job } of wanted) if (!(await isReadable(job.spec.folder))) lost.push(job);
  const records = new Map(all.filter(({ job }) => !lost.includes(job)).map(({ job, record }) => [job.key, record]));
  const jobs = all.map(({ job }) => job);
  await runPool(await pendingJobs(jobs, records), {
    ...options,
    onSteps: () => undefined,
    onRecord: () => undefined,
  });
}

/** The folder of a study's runs within its results. */
export function runsFolder(out: string): string {
  return join(out, 'runs');
}
