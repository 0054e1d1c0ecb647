import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { QrkdRangeError } from '../errors.js';
import { renderSweep } from '../report/sweep.js';
import { ready } from '../tensor/backend.js';
import { compareMethods, correctTogether } from './comparisons.js';
import { parseConfig, type StudyConfig } from './config.js';
import { environment } from './environment.js';
import { type Measure, measureOf } from './measure.js';
import type { SweepMetrics, SweepRun } from './metrics.js';
import { baselineOf, scoresOf, versions } from './outcome.js';
import { setPath } from './settings.js';
import { moveInto } from './staging.js';
import type { FinishedRun } from './study.js';
import { paperTable } from './table.js';

/** One value of what a sweep is over: a key's, or, of several keys together, their names and values. */
export interface SweepVariant {
  value: number | string;
  config: StudyConfig;
}

interface Setting {
  path: string;
  value: unknown;
}

/**
 * The settings of one value of `--over`: of several keys, joined by `+`, that change together, a list has a value for each.
 */
function settingsOf(path: string, value: unknown, where: string): Setting[] {
  const paths = path.split('+');
  if (paths.length === 1) return [{ path, value }];
  if (!Array.isArray(value) || value.length !== paths.length) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${where}: expected lists of ${paths.length} values, one for each key, got ${JSON.stringify(value)}`,
    );
  }
  return paths.map((own, k) => ({ path: own, value: value[k] }));
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
const named = (settings: readonly Setting[]) =>
  settings.map(({ path, value }) => `${path}=${textOf(value)}`).join(', ');

/**
 * A configuration with every combination of values set in it.
 *
 * @param over values by dotted path; a `*` stands for every key that is there, defaults included; keys joined by `+` change
 *   together, and the first of them names the value.
 */
export function sweepVariants(
  base: StudyConfig,
  over: readonly { path: string; values: readonly unknown[] }[],
  where: string,
): SweepVariant[] {
  const combinations = over.reduce<Setting[][][]>(
    (all, { path, values }) =>
      all.flatMap((groups) => values.map((value) => [...groups, settingsOf(path, value, `${where}: --over ${path}`)])),
    [[]],
  );
  return combinations.map((groups) => {
    const copy = structuredClone(base) as unknown as Record<string, unknown>;
    for (const { path, value } of groups.flat()) setPath(copy, path, value, `${where}: --over ${path}`);
    const [[{ value }]] = groups;
    const single = typeof value === 'number' ? value : textOf(value);
    return {
      value: groups.length === 1 ? single : named(groups.map(([first]) => first)),
      config: parseConfig(copy, `${where} with ${named(groups.flat())}`),
    };
  });
}

export interface SweepOutcomeOptions {
  out: string;
  title: string;
  /** What was swept over, for headings. */
  over: string;
}

function slim(value: number | string, { record }: FinishedRun, measure: Measure): SweepRun {
  const { method, seed, parameters, seconds, result } = record;
  return {
    value,
    method,
    seed,
    parameters,
    seconds,
    train: measure.of(result.train),
    validation: result.validation ? measure.of(result.validation) : null,
    test: measure.of(result.test!),
  };
}

/** Turns the finished runs of a sweep into `sweep.json`, `report.html` and `config.yaml`, moved into `out` together. */
export async function finishSweep(
  base: StudyConfig,
  variants: readonly SweepVariant[],
  runs: readonly (readonly FinishedRun[])[],
  { out, title, over }: SweepOutcomeOptions,
): Promise<SweepMetrics> {
  await ready();
  const measure = measureOf(base);
  const scores = runs.map((own) => scoresOf(own, measure));
  const compared = correctTogether(variants.map(({ config }, v) => compareMethods(config, scores[v])));
  const metrics: SweepMetrics = {
    title: `qrkd ${title}`,
    versions: versions(),
    environment: environment(),
    over,
    values: variants.map(({ value }) => value),
    points: variants.map(({ value, config }, v) => ({
      value,
      table: paperTable(scores[v], baselineOf(config), measure),
      comparisons: compared[v],
    })),
    runs: variants.flatMap(({ value }, v) => runs[v].map((run) => slim(value, run, measure))),
    config: base,
  };
  const report = await renderSweep(metrics);
  await moveInto(out, async (staging) => {
    writeFileSync(join(staging, 'report.html'), report);
    writeFileSync(join(staging, 'sweep.json'), `${JSON.stringify(metrics)}\n`);
    writeFileSync(join(staging, 'config.yaml'), stringify(base));
  });
  return metrics;
}
