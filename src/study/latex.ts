import { type Comparison, formatP } from './comparisons.js';
import type { StudyConfig } from './config.js';
import { capitalized, type Measure, measureOf, signNote, testCounts } from './measure.js';
import type { StudyMetrics, SweepMetrics } from './metrics.js';
import type { Spread } from './statistics.js';
import { columnsOf, formatSpread, hasWords, rowSpreads, WORD_COLUMN } from './table.js';

const SIGNIFICANT = 0.05;

const SPECIAL: Record<string, string> = {
  '\\': '\\textbackslash{}',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  '<': '\\textless{}',
  '>': '\\textgreater{}',
  '|': '\\textbar{}',
  '"': "''",
};

/** Text as LaTeX prints it, whatever its encoding of fonts. */
export function escapeLatex(text: string): string {
  return text.replace(/[\\~^<>|"&%$#_{}]/g, (c) => SPECIAL[c] ?? `\\${c}`);
}

/** `$-0.52 \pm 0.31$`, with a mark behind it. */
function number(value: Spread | null, mark = ''): string {
  if (value === null) return '--';
  return `$${formatSpread(value).replace('±', '\\pm')}${mark && `^{${mark}}`}$`;
}

/** Both sides of a cell of p-values: `$0.26$`, `$< 0.001$`. */
const p = (value: number | null) => (value === null ? '--' : `$${formatP(value)}$`);

/** A floating table with booktabs rules; its first column is text, the others are numbers. */
function floating(
  { caption, label }: { caption: string; label: string },
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]) => `    ${cells.join(' & ')} \\\\`;
  return [
    '\\begin{table}',
    '  \\centering',
    `  \\caption{${caption}}`,
    `  \\label{${label}}`,
    `  \\begin{tabular}{l${'r'.repeat(head.length - 1)}}`,
    '    \\toprule',
    line(head),
    '    \\midrule',
    ...rows.map(line),
    '    \\bottomrule',
    '  \\end{tabular}',
    '\\end{table}',
    '',
  ].join('\n');
}

/**
 * Marks of a method's value on the test part: `*` where it differs from its partner without a kernel term (or from scratch), `\dagger` where it
 * differs from every classical kernel in the same slot, both after Holm's correction.
 */
function marks(method: string, comparisons: readonly Comparison[], { methods }: Pick<StudyConfig, 'methods'>): string {
  const own = comparisons.filter((comparison) => comparison.method === method);
  const differs = ({ pHolm }: Comparison) => pHolm !== null && pHolm < SIGNIFICANT;
  const control = ({ other }: Comparison) => methods[other].quantum > 0;
  const controls = own.filter(control);
  const star = own.some((comparison) => !control(comparison) && differs(comparison));
  const dagger = controls.length > 0 && controls.every(differs);
  return `${star ? '*' : ''}${dagger ? '\\dagger' : ''}`;
}

const seedsOf = (count: number) => (count > 1 ? `mean $\\pm$ standard deviation over ${count} seeds` : 'one seed');

/** What the marks in use mean, as sentences of a caption. */
function explained(used: string, kernels: boolean, { name }: Measure): string {
  const partner = kernels ? 'the same method without its kernel term' : 'training from scratch';
  return [
    used.includes('*') ? ` $^{*}$: test ${name} differs from ${partner}.` : '',
    used.includes('\\dagger') ? ' $^{\\dagger}$: differs from every classical kernel in the same slot.' : '',
    used ? ` Paired $t$-tests over seeds, $p < ${SIGNIFICANT}$ after Holm's correction.` : '',
  ].join('');
}

/** A study's table and its paired comparisons for a paper that loads the package `booktabs`. */
export function studyLatex(metrics: StudyMetrics): string {
  const { table, comparisons, config, samples } = metrics;
  const marked = new Map(table.map(({ method }) => [method, marks(method, comparisons, config)]));
  const kernels = Object.values(config.methods).some(({ quantum }) => quantum > 0);
  const measure = measureOf(config);
  const caption =
    `${capitalized(measure.withUnit)}, ${seedsOf(config.seeds.length)}; ` +
    `${samples.train} training and ${samples.test} test ${measure.samples}${testCounts(metrics)}.` +
    (hasWords(table) ? ` ${WORD_COLUMN}: ${measure.name} of a word.` : '') +
    explained([...marked.values()].join(''), kernels, measure);
  const rows = table.map((row) => [
    escapeLatex(row.method),
    ...rowSpreads(row).map((value) => number(value, value === row.test ? marked.get(row.method) : '')),
  ]);
  const results = floating({ caption, label: 'tab:qrkd' }, columnsOf(table, measure).map(escapeLatex), rows);
  return `${header(metrics)}${results}${comparisons.length > 0 ? `\n${comparisonTable(metrics)}` : ''}`;
}

function comparisonTable({ comparisons, config }: StudyMetrics): string {
  const measure = measureOf(config);
  const head = ['Difference', capitalized(measure.points), '95\\,\\% interval', '$p$', '$p$ (Holm)', 'Detectable'];
  const rows = comparisons.map(({ method, other, difference, interval, p: raw, pHolm, detectable }) => [
    `${escapeLatex(method)} $-$ ${escapeLatex(other)}`,
    number(difference),
    interval ? `$[${interval.map((bound) => bound.toFixed(2)).join(', ')}]$` : '--',
    p(raw),
    p(pHolm),
    detectable === null ? '--' : `$${detectable.toFixed(2)}$`,
  ]);
  const caption =
    `Differences in test ${measure.name}${measure.inPoints}, paired by seed: mean $\\pm$ standard deviation, confidence interval and ` +
    "$p$ of the paired $t$-test, $p$ after Holm's correction over all rows, and the smallest true difference that so many seeds with " +
    `this spread show with 80\\,\\% power. ${signNote(measure)}`;
  return floating({ caption, label: 'tab:qrkd-differences' }, head, rows);
}

/** A sweep's table, methods by values, for a paper that loads the package `booktabs`. */
export function sweepLatex(sweep: SweepMetrics): string {
  const { points, config, over, values, runs } = sweep;
  const measure = measureOf(config);
  const methods = [...new Set(points.flatMap(({ table }) => table.map(({ method }) => method)))];
  const marksAt = (method: string) => points.map(({ comparisons }) => marks(method, comparisons, config));
  const kernels = Object.values(config.methods).some(({ quantum }) => quantum > 0);
  const used = methods.flatMap(marksAt).join('');
  const seeds = new Set(runs.map(({ seed }) => seed)).size;
  const caption = `Test ${measure.withUnit} for values of \\texttt{${escapeLatex(over)}}, ${seedsOf(seeds)}.${explained(used, kernels, measure)}`;
  const rows = methods.map((method) => [
    escapeLatex(method),
    ...points.map(({ table }, v) =>
      number(table.find((row) => row.method === method)?.test ?? null, marksAt(method)[v]),
    ),
  ]);
  const head = ['Method', ...values.map((value) => escapeLatex(String(value)))];
  return `${header(sweep)}${floating({ caption, label: 'tab:qrkd-sweep' }, head, rows)}`;
}

const header = ({ title, versions }: Pick<StudyMetrics, 'title' | 'versions'>) =>
  `% ${title.replace(/\s+/g, ' ')}, qrkd ${versions.qrkd}; needs \\usepackage{booktabs}\n`;
