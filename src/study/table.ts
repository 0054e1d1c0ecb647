import { type Spread, spread } from './statistics.js';

/** Accuracies of one finished run, 0..1. */
export interface RunAccuracies {
  method: string;
  seed: number;
  train: number;
  test: number;
}

/** One row of the paper's table, in percentage points. */
export interface TableRow {
  method: string;
  train: Spread;
  test: Spread;
  /** train - test. */
  accuracyGap: Spread;
  /** The same seed's teacher's test - student's test; null for the teacher itself. */
  teacherStudentGap: Spread | null;
  /** Test - the same seed's test from scratch; null for teacher and scratch, or where nothing was trained from scratch. */
  distillationGain: Spread | null;
}

export const TEACHER = 'Teacher';

/**
 * The paper's columns, in percentage points, over seeds. Gaps and gains are taken within a seed before they are averaged.
 *
 * @param runs all runs, the teachers' under the method {@link TEACHER}; rows keep the order of first appearance.
 * @param baseline the method trained from scratch, or undefined.
 */
export function paperTable(runs: readonly RunAccuracies[], baseline: string | undefined): TableRow[] {
  const test = new Map(runs.map((run) => [`${run.method}/${run.seed}`, run.test]));
  const methods = [...new Set(runs.map(({ method }) => method))];
  return methods.map((method) => {
    const own = runs.filter((run) => run.method === method);
    const over = (value: (run: RunAccuracies) => number) => spread(own.map((run) => 100 * value(run)));
    const against = (other: string | undefined, value: (run: RunAccuracies, reference: number) => number) =>
      other === undefined || other === method || !own.every(({ seed }) => test.has(`${other}/${seed}`))
        ? null
        : over((run) => value(run, test.get(`${other}/${run.seed}`)!));
    return {
      method,
      train: over((run) => run.train),
      test: over((run) => run.test),
      accuracyGap: over((run) => run.train - run.test),
      teacherStudentGap: against(TEACHER, (run, teacher) => teacher - run.test),
      distillationGain: method === TEACHER ? null : against(baseline, (run, scratch) => run.test - scratch),
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

export const COLUMNS = ['Method', 'Train', 'Test', 'Acc. Gap', 'T&S Gap', 'Dist. Gain'] as const;

/** A row's cells as text, in the order of {@link COLUMNS}. */
export function rowCells(row: TableRow): string[] {
  const { train, test, accuracyGap, teacherStudentGap, distillationGain } = row;
  return [row.method, ...[train, test, accuracyGap, teacherStudentGap, distillationGain].map(formatSpread)];
}

/** The table as aligned plain text. */
export function formatTable(rows: readonly TableRow[]): string {
  const cells = [[...COLUMNS] as string[], ...rows.map(rowCells)];
  const widths = COLUMNS.map((_, c) => Math.max(...cells.map((row) => row[c].length)));
  const line = (row: string[]) =>
    row.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]) : cell.padStart(widths[c]))).join('  ');
  return [line(cells[0]), widths.map((w) => '-'.repeat(w)).join('  '), ...cells.slice(1).map(line)].join('\n');
}
