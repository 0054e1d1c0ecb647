import { type Comparison, formatP } from '../study/comparisons.js';
import { capitalized, type Measure, measureOf, shown, signNote } from '../study/measure.js';
import type { StudyMetrics } from '../study/metrics.js';
import { formatSpread } from '../study/table.js';
import { domainOf, type IntervalRow, intervalChart } from './charts/intervals.js';
import { nameOf } from './charts/sweep.js';
import { escapeHtml, figure, minus, type Panel, type Section, table } from './html.js';

export const SIGNIFICANT = 0.05;
const MOST_LISTED = 5;

/** What the corrected p-values allow to be said, in one sentence; HTML. */
export function verdict(comparisons: readonly Comparison[]): string {
  const tested = comparisons.filter(({ pHolm }) => pHolm !== null);
  if (tested.length === 0) return 'Nothing can be tested: that takes several seeds whose differences vary.';
  const different = tested.filter(({ pHolm }) => pHolm! < SIGNIFICANT);
  const one = tested.length === 1;
  if (different.length === 0) {
    return one
      ? 'The comparison does not differ from zero at the 5 % level.'
      : `None of the ${tested.length} comparisons differs from zero at the 5 % level after Holm’s correction.`;
  }
  const list = different.map((comparison) => {
    const { mean } = comparison.difference;
    return `${escapeHtml(nameOf(comparison))} (${minus(mean.toFixed(2)).replace(/^(?=\d)/, '+')})`;
  });
  const found = one
    ? 'The comparison differs from zero at the 5 % level'
    : `${different.length} of the ${tested.length} comparisons differ from zero at the 5 % level after Holm’s correction`;
  return `${found}${list.length > MOST_LISTED ? ', those marked * below' : `: ${list.join(', ')}`}.`;
}

/** The comparisons as a table. */
export function comparisonTable(comparisons: readonly Comparison[], measure: Measure, caption: string): string {
  const head = ['Difference', capitalized(measure.points), '95 % interval', 'p', 'p (Holm)', 'Detectable'];
  return table(
    caption,
    head,
    comparisons.map((comparison) => {
      const { difference, interval, p, pHolm, detectable } = comparison;
      return [
        nameOf(comparison),
        formatSpread(difference),
        interval ? interval.map((v) => minus(v.toFixed(2))).join(' to ') : '-',
        formatP(p),
        `${formatP(pHolm)}${pHolm !== null && pHolm < SIGNIFICANT ? ' *' : ''}`,
        detectable === null ? '-' : detectable.toFixed(2),
      ];
    }),
  );
}

/** Differences of a comparison on the test part, seed by seed, in the unit that is shown. */
function seedDifferences({ runs, config }: StudyMetrics, { method, other }: Comparison): number[] {
  const measure = measureOf(config);
  return runs.flatMap((run) => {
    const pair = runs.find(({ method: name, seed }) => name === other && seed === run.seed);
    const [own, reference] = [run.result.test, pair?.result.test];
    return run.method === method && own && reference ? [shown(measure, own) - shown(measure, reference)] : [];
  });
}

async function differencePanels(metrics: StudyMetrics): Promise<Panel[]> {
  const { methods } = metrics.config;
  const { name, inPoints } = measureOf(metrics.config);
  const axis = `Difference in test ${name}${inPoints}`;
  const isControl = ({ other }: Comparison) => methods[other].quantum > 0;
  const isKernel = ({ method }: Comparison) => methods[method].quantum > 0;
  const groups = [
    { title: 'Against training from scratch', of: metrics.comparisons.filter((c) => !isKernel(c)) },
    { title: 'Kernel term against none', of: metrics.comparisons.filter((c) => isKernel(c) && !isControl(c)) },
    { title: 'Fidelity kernel against classical kernel', of: metrics.comparisons.filter(isControl) },
  ].map(({ title, of }) => ({
    title,
    rows: of.map(
      (comparison): IntervalRow => ({
        name: nameOf(comparison),
        mean: comparison.difference.mean,
        interval: comparison.interval,
        points: seedDifferences(metrics, comparison),
      }),
    ),
  }));
  const domain = seen(groups.flatMap(({ rows }) => rows));
  return Promise.all(
    groups
      .filter(({ rows }) => rows.length > 0)
      .map(async ({ title, rows }) => ({
        title,
        html: await intervalChart(rows, { title: axis, domain, zero: true }),
      })),
  );
}

/** The domain of all rows. Intervals of two or three seeds can be wider than everything else by far: they do not count. */
function seen(rows: readonly IntervalRow[]): [number, number] {
  const few = rows.some(({ points }) => points.length < 4);
  return domainOf(few ? rows.map((row) => ({ ...row, interval: null })) : rows, 0);
}

export async function comparisonSection(metrics: StudyMetrics): Promise<Section | undefined> {
  const { comparisons, config } = metrics;
  if (comparisons.length === 0) return undefined;
  const seeds = config.seeds.length;
  const measure = measureOf(config);
  const test = `Test ${measure.name}`;
  const caption =
    `${test} of one method minus another’s${measure.inPoints}: dots are seeds, diamonds means, ` +
    `bars 95 % intervals of the mean (paired t). ${signNote(measure)}`;
  return {
    title: 'Paired differences',
    html: `<p><strong>${seeds > 1 ? verdict(comparisons) : 'One seed says nothing about differences between methods.'}</strong></p>
${figure(await differencePanels(metrics), caption)}
${comparisonTable(comparisons, measure, `${test}${measure.inPoints}, paired by seed (same initialisation, same batches), ${seeds} ${seeds > 1 ? 'seeds' : 'seed'}.`)}
<p class="note">Which pairs are compared follows from the configuration alone: every method with a kernel term against the same
method without it, and every fidelity kernel against every classical kernel in the same slot; without kernel terms, every method
against the one trained from scratch. p: two-sided paired t-test; p (Holm): corrected over all
${comparisons.length} of them, * below 0.05.
Detectable: the smallest true difference that so many seeds with this spread show with 80 % power at the 5 % level, before any
correction. A difference smaller than that could not have been seen: not to have seen it does not show that there is none.</p>`,
  };
}
