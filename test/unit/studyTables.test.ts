import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'csv-parse/sync';
import { runsCsv, sweepCsv, tableCsv } from '#dist/study/csv.js';
import { escapeLatex, studyLatex, sweepLatex } from '#dist/study/latex.js';
import { METHODS, studyMetrics, sweepMetrics } from '../studyMetrics.js';

const metrics = studyMetrics({ seeds: 4, epochs: 1 });
const sweep = sweepMetrics([0.1, 1], { seeds: 4 });
const records = (text: string) => parse(text, { columns: true }) as Record<string, string>[];

describe('CSV tables', () => {
  it('have a line for every run, with numbers in full precision', () => {
    const lines = records(runsCsv(metrics));
    assert.equal(lines.length, metrics.runs.length);
    for (const [i, line] of lines.entries()) {
      const { method, seed, seconds, result } = metrics.runs[i];
      assert.deepEqual([line.method, Number(line.seed), Number(line.seconds)], [method, seed, seconds]);
      assert.equal(Number(line.test_accuracy), result.test!.accuracy);
      assert.equal(Number(line.validation_cross_entropy), result.validation!.crossEntropy);
    }
    const [run] = metrics.runs;
    const unread = { ...run, result: { ...run.result, test: undefined } };
    assert.equal(records(runsCsv({ ...metrics, runs: [unread] }))[0].test_accuracy, '');
  });

  it('of a sweep have the value in the first column, named for the key', () => {
    const lines = records(sweepCsv(sweep));
    assert.equal(lines.length, 2 * 4 * 13);
    assert.deepEqual(
      lines.map((line) => Number(line[sweep.over])),
      sweep.runs.map(({ value }) => value),
    );
  });

  it('of methods tell mean and deviation apart', () => {
    const lines = records(tableCsv(metrics));
    assert.equal(lines.length, metrics.table.length);
    const [teacher, , kd] = lines;
    assert.equal(Number(kd.test_mean), metrics.table[2].test.mean);
    assert.equal(Number(kd.test_deviation), metrics.table[2].test.deviation);
    assert.deepEqual([teacher.teacher_student_gap_mean, teacher.distillation_gain_deviation], ['', '']);
  });
});

/** Lines of the n-th tabular between its rules, split into cells. */
function rows(latex: string, nth: number): string[][] {
  const body = latex.split('\\midrule')[nth + 1].split('\\bottomrule')[0];
  return body
    .trim()
    .split('\n')
    .map((line) =>
      line
        .trim()
        .replace(/ \\\\$/, '')
        .split(' & '),
    );
}

describe('LaTeX tables', () => {
  const latex = studyLatex(metrics);

  it('escape what LaTeX would read as commands', () => {
    assert.equal(
      escapeLatex('a_b 50% #1 {x} ~ ^ \\ & <c> | "'),
      "a\\_b 50\\% \\#1 \\{x\\} \\textasciitilde{} \\textasciicircum{} \\textbackslash{} \\& \\textless{}c\\textgreater{} \\textbar{} ''",
    );
    for (const text of [latex, sweepLatex(sweep)]) {
      assert.doesNotMatch(text.replace(/^%.*$/m, '').replace(/\\[%_&]|&/g, ''), /%|_(?!\{)|<Q/);
      assert.equal(text.split('{').length, text.split('}').length);
      assert.doesNotMatch(text, /undefined|NaN|null/);
    }
  });

  it('hold every row in six columns with booktabs rules', () => {
    assert.equal(latex.match(/\\toprule|\\midrule|\\bottomrule/g)?.length, 6);
    const [results, differences] = [rows(latex, 0), rows(latex, 1)];
    assert.deepEqual(
      [results.length, differences.length],
      [1 + Object.keys(METHODS).length, metrics.comparisons.length],
    );
    for (const row of [...results, ...differences]) assert.equal(row.length, 6, row.join(' & '));
    const { mean, deviation } = metrics.table[2].test;
    assert.equal(results[2][2], `$${mean.toFixed(2)} \\pm ${deviation!.toFixed(2)}$`);
    assert.equal(results[0][5], '--');
  });

  it('mark what differs after correction, and explain the marks in use', () => {
    const [first, ...rest] = metrics.comparisons;
    const study = (pHolm: number) => studyLatex({ ...metrics, comparisons: [{ ...first, pHolm }, ...noise] });
    const noise = rest.map((comparison) => ({ ...comparison, pHolm: 1 }));
    const cell = (text: string) => rows(text, 0).find(([name]) => name === first.method)![2];
    assert.match(cell(study(0.04)), /\^\{\*\}\$$/);
    assert.match(study(0.04), /\$\^\{\*\}\$: test accuracy differs from the same method without its kernel term\./);
    assert.doesNotMatch(cell(study(0.06)), /\^/);
    assert.doesNotMatch(study(0.06), /Holm's correction\. *\}|\^\{\*\}/);
    const controls = metrics.comparisons.map((comparison) => ({
      ...comparison,
      pHolm: comparison.method === first.method && comparison.other !== first.other ? 0.01 : 1,
    }));
    assert.match(cell(studyLatex({ ...metrics, comparisons: controls })), /\^\{\\dagger\}\$$/);
  });

  it('of a sweep have methods by values', () => {
    const table = rows(sweepLatex(sweep), 0);
    assert.equal(table.length, 13);
    const { mean } = sweep.points[1].table[4].test;
    assert.ok(table[4][2].startsWith(`$${mean.toFixed(2)} \\pm `));
  });
});
