import { type Comparison, formatP } from '../study/comparisons.js';
import { measureOf, signNote } from '../study/measure.js';
import type { SweepMetrics } from '../study/metrics.js';
import { formatSpread, TEACHER } from '../study/table.js';
import { differencePanels, measurePanel, nameOf } from './charts/sweep.js';
import { comparisonTable, SIGNIFICANT, verdict } from './comparisonSection.js';
import { details, figure, page, type Section, table } from './html.js';
import { madeSection, over, subtitle } from './report.js';
import { lineStyles } from './svg.js';

const methodsOf = ({ points }: SweepMetrics) => [
  ...new Set(points.flatMap((point) => point.table.map(({ method }) => method))),
];

async function measureSection(sweep: SweepMetrics): Promise<Section> {
  const seeds = new Set(sweep.runs.map(({ seed }) => seed)).size;
  const students = methodsOf(sweep).filter((method) => method !== TEACHER);
  const styles = lineStyles(students);
  const { name, withUnit } = measureOf(sweep.config);
  const caption = `Test ${withUnit} against ${sweep.over}. ${over(seeds)}${students.length > 6 ? '; deviations are in the table' : ''}.`;
  const head = ['Method', ...sweep.values.map(String)];
  const rows = methodsOf(sweep).map((method) => [
    method,
    ...sweep.points.map((point) => formatSpread(point.table.find((row) => row.method === method)?.test ?? null)),
  ]);
  return {
    title: `Test ${name}`,
    html: `${figure([await measurePanel(sweep, styles)], caption, { legend: styles })}
${table(`Test ${withUnit} for values of ${sweep.over}. ${over(seeds)}.`, head, rows)}`,
  };
}

function comparisonCell(comparison: Comparison | undefined): string {
  if (!comparison) return '-';
  const { difference, pHolm } = comparison;
  const p = pHolm === null ? '' : ` (${formatP(pHolm)}${pHolm < SIGNIFICANT ? ' *' : ''})`;
  return `${difference.mean.toFixed(2)}${p}`;
}

async function differenceSection(sweep: SweepMetrics): Promise<Section | undefined> {
  const { points, over: key, config } = sweep;
  const measure = measureOf(config);
  const names = [...new Set(points.flatMap(({ comparisons }) => comparisons.map(nameOf)))];
  if (names.length === 0) return undefined;
  const rows = names.map((name) => [
    name,
    ...points.map(({ comparisons }) => comparisonCell(comparisons.find((comparison) => nameOf(comparison) === name))),
  ]);
  const all = points.flatMap(({ value, comparisons }) =>
    comparisons.map((comparison) => ({ ...comparison, other: `${comparison.other} at ${value}` })),
  );
  const each = points.map(({ value, comparisons }) => comparisonTable(comparisons, measure, `${key}=${value}`));
  return {
    title: 'Paired differences',
    html: `<p><strong>${verdict(all)}</strong></p>
${figure(
  await differencePanels(sweep),
  `Test ${measure.name} of one method minus another’s${measure.inPoints} against ${key}: means over seeds and their 95 % intervals (paired t). ${signNote(measure)}`,
  { size: 'narrow' },
)}
${table(
  `Mean difference in test ${measure.name}${measure.inPoints} (p after Holm’s correction; * below 0.05)`,
  ['Difference', ...sweep.values.map(String)],
  rows,
)}
<p class="note">Holm’s correction is over all ${all.length} comparisons of all values together.</p>
${details('Every comparison in full', each.join('\n'))}`,
  };
}

/** A sweep as one HTML page: nothing is loaded from anywhere, charts are SVG, no scripts. */
export async function renderSweep(sweep: SweepMetrics): Promise<string> {
  const seconds = sweep.runs.reduce((sum, run) => sum + run.seconds, 0);
  const how = `${sweep.runs.length} runs, ${seconds.toFixed(0)} seconds of training on one thread each.`;
  const sections = [await measureSection(sweep), await differenceSection(sweep), madeSection(sweep, how)];
  return page(
    sweep.title,
    subtitle(sweep.versions.qrkd),
    sections.filter((section) => section !== undefined),
  );
}
