import { parseConfig, type StudyConfig } from './config.js';
import { isBetter, type Measure, measureOf, shown } from './measure.js';
import { ancestors, inherit, methodsOf } from './methods.js';
import { setPath } from './settings.js';
import { type Spread, spread } from './statistics.js';
import { checkStudy, type FinishedRun, runStudy, type StudyOptions } from './study.js';

type Settings = Record<string, unknown>;

/** What was tried for one method, and the index of the candidate that was taken. */
export interface TunedMethod {
  method: string;
  seeds: readonly number[];
  /** On the validation part over the tuning seeds, in the unit that the study shows. */
  candidates: { settings: Settings; validation: Spread }[];
  chosen: number;
}

/** A configuration whose methods were found to be objects. */
interface Written {
  methods: Record<string, Settings>;
}

interface Candidate {
  /** The method that it is a candidate of, and its own name. */
  of: string;
  name: string;
  settings: Settings;
  method: Settings;
}

/** Copies of a method, one with each candidate's settings. */
function candidatesOf(of: string, method: Settings, where: string): Candidate[] {
  const { tune, ...rest } = method;
  return (tune as Settings[]).map((settings) => {
    const copy = structuredClone(rest);
    for (const [path, value] of Object.entries(settings)) setPath(copy, path, value, `${where}: methods.${of}.tune`);
    return { of, name: named(of, settings), settings, method: copy };
  });
}

function withMethods(config: Written, candidates: readonly Candidate[]): Written {
  return { ...config, methods: Object.fromEntries(candidates.map(({ name, method }) => [name, method])) };
}

/** Refuses a candidate that makes no sense before anything is run. */
async function checkCandidates(config: Written, where: string): Promise<void> {
  const { methods } = inherit(config, where) as Written;
  const open = Object.keys(methods).filter((name) => methods[name].tune !== undefined);
  const candidates = open.flatMap((name) => candidatesOf(name, methods[name], where));
  if (candidates.length === 0) return;
  await checkStudy(parseConfig(withMethods(config, candidates), where));
}

function named(method: string, settings: Settings): string {
  const values = Object.entries(settings).map(([path, value]) => `${path.split('.').at(-1)}=${JSON.stringify(value)}`);
  return `${method} [${values.join(', ')}]`;
}

/** The best mean; the first of several. */
function bestOf(candidates: TunedMethod['candidates'], measure: Measure): number {
  return candidates.reduce(
    (best, { validation }, c) => (isBetter(measure, validation.mean, candidates[best].validation.mean) ? c : best),
    0,
  );
}

function validationOf(runs: readonly FinishedRun[], method: string, measure: Measure): Spread {
  const own = runs.filter(({ record }) => record.method === method);
  return spread(own.map(({ record }) => shown(measure, record.result.validation!)));
}

/**
 * Chooses for every method with `tune` the candidate that is best on the validation part, over the tuning seeds alone, whose
 * runs never read the test part. A method that extends another is tuned after it, on top of what was chosen there.
 *
 * @param given the configuration as written.
 * @returns the configuration with the choices made, checked, without `tune`.
 */
export async function tuneStudy(
  given: unknown,
  where: string,
  options: StudyOptions & { onStage?: (methods: readonly string[]) => void },
): Promise<{ config: StudyConfig; tuning: TunedMethod[] }> {
  const parsed = parseConfig(given, where);
  const { tuning: plan, student } = parsed;
  const measure = measureOf(parsed);
  const current = structuredClone(given) as Written;
  await checkCandidates(current, where);
  const depth = (name: string) => ancestors(methodsOf(current), name, where).length;
  const tuning: TunedMethod[] = [];
  for (;;) {
    const open = Object.keys(current.methods).filter((name) => current.methods[name].tune !== undefined);
    if (open.length === 0) break;
    const lowest = Math.min(...open.map(depth));
    const stage = open.filter((name) => depth(name) === lowest);
    const whole = inherit(current, where) as typeof current;
    const tried = stage.flatMap((name) => candidatesOf(name, whole.methods[name], where));
    const { epochs = student.epochs, ...data } = plan;
    const config = parseConfig({ ...withMethods(current, tried), ...data, student: { ...student, epochs } }, where);
    options.onStage?.(stage);
    const [runs] = await runStudy([config], { ...options, test: false });
    for (const name of stage) {
      const candidates = tried
        .filter(({ of }) => of === name)
        .map(({ settings, name: run }) => ({ settings, validation: validationOf(runs, run, measure) }));
      const chosen = bestOf(candidates, measure);
      tuning.push({ method: name, seeds: plan.seeds, candidates, chosen });
      const { tune: _, ...rest } = current.methods[name];
      // Only what the candidate says is written down: whatever extends this method inherits it.
      const taken = structuredClone(rest);
      const resolved = tried.filter(({ of }) => of === name)[chosen].method;
      for (const path of Object.keys(candidates[chosen].settings)) {
        const [key] = path.split('.');
        taken[key] = resolved[key];
      }
      current.methods[name] = taken;
    }
  }
  return { config: parseConfig(current, where), tuning };
}
