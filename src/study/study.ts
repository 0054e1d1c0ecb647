import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { openModel } from '../distill/outputs.js';
import { QrkdRangeError } from '../errors.js';
import { loadModel } from '../models/index.js';
import { backendInfo, ready } from '../tensor/backend.js';
import { packageVersion } from '../version.js';
import { type StudyConfig, usesTeacher } from './config.js';
import { makeLoss } from './kernels.js';
import { type Job, runPool } from './pool.js';
import { type RunRecord, stepsOf, trainingSamples } from './run.js';
import { TEACHER } from './table.js';

export interface StudyOptions {
  /** Folder for the results; finished runs are kept in its subfolder `.runs` until the study is over. */
  out: string;
  /** Number of training processes, each of one thread. */
  processes: number;
  signal?: AbortSignal;
  /** Steps finished of all that there are, over all runs, and the runs finished so far; first before any training. */
  onProgress?: (progress: { steps: number; totalSteps: number; runs: number; totalRuns: number }) => void;
}

/** A finished run and the folder of its saved model. */
export interface FinishedRun {
  record: RunRecord;
  folder: string;
}

/** Folder of the runs of a study that is not over. */
export function runsFolder(out: string): string {
  return join(out, '.runs');
}

/** Everything that a run's result depends on; equal keys mean equal results. */
function keyOf(config: StudyConfig, method: string, seed: number): string {
  const { data, samples, teacher, student, featureLayer, methods } = config;
  const own = method === TEACHER ? {} : { student, featureLayer, loss: methods[method] };
  // A student that never looks at the teacher does not depend on it.
  const target = method === TEACHER || usesTeacher(methods[method]) ? { teacher } : {};
  const { backend, version } = backendInfo();
  const all = { qrkd: packageVersion(), backend, version, method, seed, data, samples, ...target, ...own };
  return createHash('sha256').update(JSON.stringify(all)).digest('hex').slice(0, 16);
}

/** All runs of a study: the teachers first, since students wait for theirs, then seed by seed. */
function planJobs(config: StudyConfig, folder: string): Job[] {
  const place = (method: string, seed: number) => {
    const key = keyOf(config, method, seed);
    return { key, spec: { method, seed, config, folder: join(folder, key) } };
  };
  const teachers = config.seeds.map((seed) => place(TEACHER, seed));
  const students = config.seeds.flatMap((seed, s) =>
    Object.keys(config.methods).map((method): Job => {
      const job = place(method, seed);
      if (!usesTeacher(config.methods[method])) return job;
      return { ...job, spec: { ...job.spec, teacherFolder: teachers[s].spec.folder }, after: teachers[s].key };
    }),
  );
  return [...teachers, ...students];
}

function readRecord(file: string): RunRecord | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as RunRecord;
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
    // Damaged since: like a record that was cut off.
    return false;
  }
}

/** Checks what can be checked before any work: kernels, the models given, data, and that batches can be filled. */
async function checkStudy(config: StudyConfig): Promise<void> {
  for (const method of Object.values(config.methods)) makeLoss(method);
  await ready();
  for (const { model } of [config.teacher, config.student]) {
    if (model !== undefined) openModel(await loadModel(model), config.featureLayer, `model ${model}`);
  }
  const samples = trainingSamples(config);
  for (const [side, { batchSize }] of Object.entries({ teacher: config.teacher, student: config.student })) {
    if (batchSize > samples) {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `${side}.batchSize is ${batchSize}, more than the ${samples} training samples`,
      );
    }
  }
}

/**
 * Trains a study's teachers and students on processes of one thread each. Runs that an earlier, interrupted call with the
 * same configuration finished are taken from `out/.runs`.
 *
 * @returns all runs: teachers first, then by seed in the order of the methods.
 */
export async function runStudy(config: StudyConfig, options: StudyOptions): Promise<FinishedRun[]> {
  await checkStudy(config);
  const folder = runsFolder(options.out);
  mkdirSync(folder, { recursive: true });
  const jobs = planJobs(config, folder);
  const recordFile = ({ key }: Job) => join(folder, `${key}.json`);

  const records = new Map<string, RunRecord>();
  for (const job of jobs) {
    const record = readRecord(recordFile(job));
    if (record && (await isReadable(job.spec.folder))) records.set(job.key, record);
  }
  const samples = trainingSamples(config);
  const jobSteps = new Map(jobs.map(({ key, spec }) => [key, stepsOf(config, spec.method, samples)]));
  const steps = new Map([...records.keys()].map((key) => [key, jobSteps.get(key)!]));
  const sum = (values: Iterable<number>) => [...values].reduce((a, b) => a + b, 0);
  const totalSteps = sum(jobSteps.values());
  const report = () =>
    options.onProgress?.({
      steps: sum(steps.values()),
      totalSteps,
      runs: records.size,
      totalRuns: jobs.length,
    });

  report();
  await runPool(jobs, new Set(records.keys()), {
    processes: options.processes,
    ...(options.signal && { signal: options.signal }),
    onSteps(key, done) {
      steps.set(key, done);
      report();
    },
    async onRecord(job, record) {
      await writeFileAtomic(recordFile(job), JSON.stringify(record));
      records.set(job.key, record);
      steps.set(job.key, jobSteps.get(job.key)!);
      report();
    },
  });
  return jobs.map(({ key, spec }) => ({ record: records.get(key)!, folder: spec.folder }));
}

/** Removes the kept runs of a study that is over. */
export function forgetRuns(out: string): void {
  rmSync(runsFolder(out), { recursive: true, force: true });
}
