import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { LogOptions } from '../distill/log/log.js';
import { packageVersion } from '../version.js';
import { type MethodConfig, type StudyConfig, usesTeacher } from './config.js';
import { withPadTokens } from './padTokens.js';
import { cutSizes, dataIdentity, loadParts } from './parts.js';
import type { RunSpec } from './run.js';
import { TEACHER } from './table.js';

/** A run and what must be finished before it. */
export interface Job {
  /** Names the run's files; equal keys mean equal results, up to the rounding of another machine's instruction set. */
  key: string;
  spec: RunSpec;
  after?: string;
}

/** What of a method its result depends on: a term without weight has no options. */
function lossOf({ tune: _, kernels, form, scale, projection, temperature, hidden, ...weights }: MethodConfig): object {
  return {
    ...weights,
    ...(hidden > 0 && { hidden }),
    ...(weights.kd > 0 && { temperature }),
    ...(weights.quantum > 0 && { kernels, form, scale, projection }),
  };
}

/** What is trained on, as runs depend on it. */
interface Data {
  data: readonly string[];
  samples?: number;
  validationSamples?: number;
}

/** Whether a method's run waits for the teacher: it compares with it, or begins as layers of it. */
function needsTeacher({ methods, student }: StudyConfig, method: string): boolean {
  return usesTeacher(methods[method]) || student.fromTeacher === true;
}

/** Everything that a run's result depends on. */
function keyOf(config: StudyConfig, data: Data, method: string, seed: number, test: boolean): string {
  const { teacher, student, featureLayer, featurePairs, hiddenLayer, engine, methods } = config;
  const features = { ...(featurePairs ? { featurePairs } : { featureLayer }), ...(hiddenLayer && { hiddenLayer }) };
  const own = method === TEACHER ? {} : { student, ...features, loss: lossOf(methods[method]) };
  // A student that never looks at the teacher does not depend on it; which of its logits are kept matters where they are used.
  const { cacheTopK, ...itself } = teacher;
  const usesLogits = method !== TEACHER && methods[method].kd > 0;
  const target =
    method === TEACHER || needsTeacher(config, method)
      ? { teacher: usesLogits && cacheTopK !== undefined ? { ...itself, cacheTopK } : itself }
      : {};
  const kind = method === TEACHER ? 'teacher' : 'student';
  const all = {
    qrkd: packageVersion(),
    kind,
    seed,
    ...data,
    ...(engine === 'tfjs' && { engine }),
    ...(!test && { test }),
    ...target,
    ...own,
  };
  return createHash('sha256').update(JSON.stringify(all)).digest('hex').slice(0, 16);
}

/** A folder's name from a method's: what is not a letter, a digit, `+`, `-` or `.` becomes a dash. */
const slug = (method: string) => method.replace(/[^\p{L}\p{N}+.-]+/gu, '-').replace(/^-|-$/g, '');

function logOf(logs: string, method: string, seed: number, key: string): LogOptions {
  const folder = join(logs, slug(method), `seed-${seed}-${key}`);
  return { jsonl: join(folder, 'metrics.jsonl'), tensorboard: folder };
}

/**
 * All runs of one configuration: the teachers first, since students wait for theirs, then seed by seed in the order of the
 * methods.
 *
 * @param folder of the runs' files.
 * @param test whether the runs may read the test part; what is tuned may not.
 * @param logs folder for the logs of runs that are trained.
 */
export async function planJobs(
  given: StudyConfig,
  folder: string,
  { test, logs }: { test: boolean; logs: string | undefined },
): Promise<Job[]> {
  const config = given.text && given.featurePairs ? withPadTokens(given, (await loadParts(given)).text!) : given;
  // Asking for all samples is the same as not asking.
  const data = { data: await dataIdentity(config), ...(await cutSizes(config)) };
  const place = (method: string, seed: number): Job => {
    const key = keyOf(config, data, method, seed, test);
    // One seed of each method is enough to look at.
    const pictures = test && method !== TEACHER && seed === config.seeds[0];
    const log = logs === undefined ? {} : { log: logOf(logs, method, seed, key) };
    return { key, spec: { method, seed, config, folder: join(folder, key), test, pictures, ...log } };
  };
  const teachers = config.seeds.map((seed) => place(TEACHER, seed));
  const students = config.seeds.flatMap((seed, s) =>
    Object.keys(config.methods).map((method): Job => {
      const job = place(method, seed);
      if (!needsTeacher(config, method)) return job;
      return { ...job, spec: { ...job.spec, teacherFolder: teachers[s].spec.folder }, after: teachers[s].key };
    }),
  );
  return [...teachers, ...students];
}

/** Where a run that is not finished keeps its state. */
export function checkpointFile(folder: string): string {
  return `${folder}.checkpoint.json`;
}
