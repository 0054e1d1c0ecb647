import type { Measure } from './measure.js';
import { type Spread, spread } from './statistics.js';

/** What one finished run came to, in the study's measure: accuracies 0..1, perplexities of a token. */
export interface RunScores {
  method: string;
  seed: number;
  train: number;
  test: number;
  /** Perplexity of a word on the test part, where its words are known. */
  testWord?: number;
  /** Macro F1 on the test part, 0..1, of texts with labels. */
  testF1?: number;
}

/** One row of the paper's table, in the unit that is shown: accuracies in per cent, perplexities of a token. */
export interface TableRow {
  method: string;
  train: Spread;
  test: Spread;
  /** Perplexity of a word on the test part, where its words are known. */
  testWord?: Spread;
  /** Macro F1 on the test part, in per cent, of texts with labels. */
  testF1?: Spread;
  /** By how much the training part is better than the test part. */
  gap: Spread;
  /** By how much the same seed's teacher is better on the test part; null for the teacher itself. */
  teacherStudentGap: Spread | null;
  /**
   * By how much the test part is better than with the same seed's student from scratch; null for teacher and scratch, or where
   * nothing was trained from scratch.
   */
  distillationGain: Spread | null;
}

export const TEACHER = 'Teacher';

/**
 * The paper's columns over seeds. Gaps and gains are taken within a seed before they are averaged; above zero the training part,
 * the teacher and the distilled student are better.
 *
 * @param runs all runs, the teachers' under the method {@link TEACHER}; rows keep the order of first appearance.
 * @param baseline the method trained from scratch, or undefined.
 */
export function paperTable(
  runs: readonly RunScores[],
  baseline: string | undefined,
  { scale, direction }: Measure,
): TableRow[] {
  const test = new Map(runs.map((run) => [`${run.method}/${run.seed}`, run.test]));
  const methods = [...new Set(runs.map(({ method }) => method))];
  return methods.map((method) => {
    const own = runs.filter((run) => run.method === method);
    const over = (value: (run: RunScores) => number) => spread(own.map((run) => scale * value(run)));
    const against = (other: string | undefined, value: (run: RunScores, reference: number) => number) =>
      other === undefined || other === method || !own.every(({ seed }) => test.has(`${other}/${seed}`))
        ? null
        : over((run) => value(run, test.get(`${other}/${run.seed}`)!));
    const words = own.flatMap(({ testWord }) => testWord ?? []);
    const f1 = own.flatMap(({ testF1 }) => (testF1 === undefined ? [] : [scale * testF1]));
    return {
      method,
      train: over((run) => run.train),
      test: over((run) => run.test),
      ...(words.length === own.length && { testWord: spread(words) }),
      ...(f1.length === own.length && { testF1: spread(f1) }),
      gap: over((run) => direction * (run.train - run.test)),
      teacherStudentGap: against(TEACHER, (run, teacher) => direction * (teacher - run.test)),
      distillationGain:
        method === TEACHER ? null : against(baseline, (run, scratch) => direction * (run.test - scratch)),
    };
  });
}

/** `92.10 ± 0.85`; without the deviation for one seed, `-` for null. */
export function formatSpread(value: Spread | null): string {
  if (value === null) return '-';
  // No "-0.00".
  const mean = value.mean.toFixed(2).replace(/^-(?=0\.00$)/, '');
  return mean + (value.deviation === null ? '' : ` ± ${value.deviation.toFixed(2)}`);
}

export const WORD_COLUMN = 'Test (word)';
export const F1_COLUMN = 'Test F1';

/** Whether a table has perplexities of a word. */
export const hasWords = (rows: readonly TableRow[]): boolean => rows.some(({ testWord }) => testWord !== undefined);

/** Whether a table has F1. */
export const hasF1 = (rows: readonly TableRow[]): boolean => rows.some(({ testF1 }) => testF1 !== undefined);

/** The titles of a table's columns. */
export function columnsOf(rows: readonly TableRow[], { gap }: Measure): string[] {
  return [
    'Method',
    'Train',
    'Test',
    ...(hasWords(rows) ? [WORD_COLUMN] : []),
    ...(hasF1(rows) ? [F1_COLUMN] : []),
    gap,
    'T&S Gap',
    'Dist. Gain',
  ];
}

/** A row's numbers, in the order of {@link columnsOf}. */
export function rowSpreads({ train, test, testWord, testF1, gap, teacherStudentGap, distillationGain }: TableRow) {
  return [
    train,
    test,
    ...(testWord ? [testWord] : []),
    ...(testF1 ? [testF1] : []),
    gap,
    teacherStudentGap,
    distillationGain,
  ];
}

/** A row's cells as text, in the order of {@link columnsOf}. */
export function rowCells(row: TableRow): string[] {
  return [row.method, ...rowSpreads(row).map(formatSpread)];
}

/** The table as aligned plain text. */
export function formatTable(rows: readonly TableRow[], measure: Measure): string {
  const columns = columnsOf(rows, measure);
  const cells = [columns, ...rows.map(rowCells)];
  const widths = columns.map((_, c) => Math.max(...cells.map((row) => row[c].length)));
  const line = (row: string[]) =>
    row.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]) : cell.padStart(widths[c]))).join('  ');
  return [line(cells[0]), widths.map((w) => '-'.repeat(w)).join('  '), ...cells.slice(1).map(line)].join('\n');
}
