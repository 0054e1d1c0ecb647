import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'csv-parse/sync';
import { learningPanels } from '#dist/report/charts/curves.js';
import { renderReport } from '#dist/report/report.js';
import { renderSweep } from '#dist/report/sweep.js';
import { compareMethods, comparisonNote, formatComparison } from '#dist/study/comparisons.js';
import { parseConfig } from '#dist/study/config.js';
import { runsCsv, sweepCsv, tableCsv } from '#dist/study/csv.js';
import { studyLatex, sweepLatex } from '#dist/study/latex.js';
import { ACCURACY, isBetter, measureOf, PERPLEXITY, testCounts, wordPerplexity } from '#dist/study/measure.js';
import { best } from '#dist/study/outcome.js';
import type { FinishedRun } from '#dist/study/study.js';
import { formatTable, paperTable, TEACHER } from '#dist/study/table.js';
import { METHODS, studyMetrics, sweepMetrics } from '../studyMetrics.js';

const { Scratch, KD, QRKD, 'RBF control': control } = METHODS;
const few = { Scratch, KD, 'KD+RKD': METHODS['KD+RKD'], QRKD, 'RBF control': control };
const metrics = studyMetrics({ seeds: 3, epochs: 3, methods: few, language: true });
const sweep = sweepMetrics([0.1, 1], { seeds: 3, methods: few, language: true });
const near = (a: number, b: number) => assert.ok(Math.abs(a - b) < 1e-9 * Math.abs(b), `${a}, expected ${b}`);
const OF_ACCURACY = /accurac|per cent|percentage|points/i;

/** What a page says of accuracy, with its surroundings, but for the configuration at its end. */
function wordsOfAccuracy(html: string): string[] {
  const body = html.slice(html.indexOf('<body'), html.indexOf('<h2>How this was made'));
  return body.match(new RegExp(`.{0,60}(${OF_ACCURACY.source}).{0,60}`, 'gi')) ?? [];
}

describe('measure of a study', () => {
  it('is perplexity where the next token is learned, else accuracy', () => {
    const of = (text?: object) => measureOf(parseConfig({ methods: { A: {} }, ...(text && { text }) }, 'test')).name;
    assert.deepEqual(
      [of(), of({ task: 'classification' }), of({ task: 'language' })],
      ['accuracy', 'accuracy', 'perplexity'],
    );
  });

  it('of a model that spreads its mass over 50 tokens is 50, of words of two such tokens 2500', () => {
    const evaluation = { samples: 600, correct: 12, accuracy: 0.02, crossEntropy: Math.log(50) };
    near(PERPLEXITY.of(evaluation), 50);
    near(wordPerplexity(evaluation, 300), 2500);
    assert.equal(ACCURACY.of(evaluation), 0.02);
  });

  it('knows which value is better, and that any is better than none', () => {
    assert.deepEqual(
      [isBetter(ACCURACY, 2, 1), isBetter(ACCURACY, 1, 2), isBetter(ACCURACY, 1, 1)],
      [true, false, false],
    );
    assert.deepEqual(
      [isBetter(PERPLEXITY, 2, 1), isBetter(PERPLEXITY, 1, 2), isBetter(PERPLEXITY, 1, 1)],
      [false, true, false],
    );
    for (const measure of [ACCURACY, PERPLEXITY]) {
      assert.deepEqual([isBetter(measure, Number.NaN, 1), isBetter(measure, 1, Number.NaN)], [false, true]);
    }
  });

  it('chooses the model that is exported', () => {
    const run = (method: string, accuracy: number, crossEntropy: number) =>
      ({ record: { method, result: { validation: { accuracy, crossEntropy } } } }) as FinishedRun;
    const runs = [run('diverged', 0.1, Number.NaN), run('right', 0.5, 4.1), run('sure', 0.4, 4), run('tie', 0.5, 4.05)];
    const chosen = (measure: typeof ACCURACY) => best(runs, measure).record.method;
    assert.deepEqual([chosen(ACCURACY), chosen(PERPLEXITY)], ['tie', 'sure']);
  });
});

describe('perplexities', () => {
  const scores = [
    { method: TEACHER, seed: 0, train: 40, test: 42, testWord: 84 },
    { method: 'Scratch', seed: 0, train: 60, test: 66, testWord: 132 },
    { method: 'KD', seed: 0, train: 55, test: 60, testWord: 120 },
    { method: TEACHER, seed: 1, train: 41, test: 44, testWord: 88 },
    { method: 'Scratch', seed: 1, train: 62, test: 70, testWord: 140 },
    { method: 'KD', seed: 1, train: 54, test: 62, testWord: 124 },
  ];

  it('have gaps and gains above zero where the teacher is better and the student gained', () => {
    const [teacher, scratch, kd] = paperTable(scores, 'Scratch', PERPLEXITY);
    assert.deepEqual([kd.train.mean, kd.test.mean, kd.testWord?.mean], [54.5, 61, 122]);
    assert.deepEqual([kd.gap.mean, kd.teacherStudentGap?.mean, kd.distillationGain?.mean], [6.5, 18, 7]);
    assert.deepEqual([scratch.gap.mean, scratch.teacherStudentGap?.mean], [7, 25]);
    assert.equal(teacher.gap.mean, 2.5);
    const [head, , , , line] = formatTable([teacher, scratch, kd], PERPLEXITY).split('\n');
    assert.match(head, /^Method +Train +Test +Test \(word\) +Ppl\. Gap +T&S Gap +Dist\. Gain$/);
    assert.match(
      line,
      /^KD +54\.50 ± 0\.71 +61\.00 ± 1\.41 +122\.00 ± 2\.83 +6\.50 ± 2\.12 +18\.00 ± 0\.00 +7\.00 ± 1\.41$/,
    );
    const bare = scores.map(({ testWord: _, ...score }) => score);
    assert.doesNotMatch(formatTable(paperTable(bare, 'Scratch', PERPLEXITY), PERPLEXITY), /word/);
  });

  it('are compared as they are, and the text says which sign is better', () => {
    const config = { methods: { Scratch: { ...few.Scratch }, KD: {} }, text: { task: 'language' } };
    const parsed = {
      ...metrics.config,
      methods: { Scratch: metrics.config.methods.Scratch, KD: metrics.config.methods.KD },
    };
    const [compared] = compareMethods(parseConfig({ ...parsed, text: config.text }, 'test'), scores);
    assert.deepEqual([compared.method, compared.other, compared.difference.mean], ['KD', 'Scratch', -7]);
    assert.match(
      formatComparison(compared, PERPLEXITY),
      /^KD - Scratch: -7\.00 ± 1\.41 perplexity, 95 % interval -19\.71 to 5\.71,/,
    );
    assert.match(
      comparisonNote(PERPLEXITY),
      /^Differences in test perplexity, .*Below zero the first of the two is better\.$/,
    );
    assert.match(comparisonNote(ACCURACY), /Above zero the first of the two is better\.$/);
  });

  it('come with their denominators', () => {
    assert.equal(testCounts(metrics), ' (24000 tokens, 18000 words)');
    const { testWords: _, ...samples } = metrics.samples;
    assert.equal(testCounts({ ...metrics, samples }), ' (24000 tokens)');
    assert.equal(testCounts(studyMetrics({ seeds: 1, epochs: 1, methods: few })), '');
  });

  it('are columns of CSV files', () => {
    const records = (text: string) => parse(text, { columns: true }) as Record<string, string>[];
    const [line] = records(runsCsv(metrics));
    const { test, validation } = metrics.runs[0].result;
    near(Number(line.test_perplexity), Math.exp(test!.crossEntropy));
    near(Number(line.validation_perplexity), Math.exp(validation!.crossEntropy));
    near(Number(line.test_word_perplexity), Math.exp((test!.crossEntropy * 24000) / 18000));
    assert.equal(Number(line.test_accuracy), test!.accuracy);
    assert.equal(Number(records(sweepCsv(sweep))[3].test_perplexity), sweep.runs[3].test);
    const [teacher] = records(tableCsv(metrics));
    assert.equal(Number(teacher.perplexity_gap_mean), metrics.table[0].gap.mean);
    assert.equal(Number(teacher.test_word_mean), metrics.table[0].testWord?.mean);
  });

  it('are what LaTeX tables speak of', () => {
    const latex = studyLatex(metrics);
    assert.match(
      latex,
      /\\caption\{Perplexity of a token, mean \$\\pm\$ standard deviation over 3 seeds; 3125 training and 188 test sequences \(24000 tokens, 18000 words\)\. Test \(word\): perplexity of a word\./,
    );
    assert.match(latex, /Method & Train & Test & Test \(word\) & Ppl\. Gap & T\\&S Gap & Dist\. Gain \\\\/);
    assert.match(latex, /\\begin\{tabular\}\{lrrrrrr\}/);
    assert.match(latex, /Difference & Perplexity & .*Detectable/);
    assert.match(
      latex,
      /Differences in test perplexity, paired by seed: .* Below zero the first of the two is better\./,
    );
    assert.match(sweepLatex(sweep), /Test perplexity of a token for values of/);
    for (const text of [latex, sweepLatex(sweep)]) assert.doesNotMatch(text, OF_ACCURACY);
  });
});

describe('report of a language study', () => {
  it('speaks of perplexity everywhere', async () => {
    const tuning = [
      {
        method: 'KD',
        seeds: [1000],
        candidates: [0.5, 2].map((kd) => ({ settings: { kd }, validation: { mean: 60 + kd, deviation: null } })),
        chosen: 0,
      },
    ];
    const html = await renderReport({ ...metrics, tuning });
    assert.deepEqual(wordsOfAccuracy(html), []);
    assert.equal(html.match(/NaN|undefined|Infinity|\[object/)?.[0], undefined);
    for (const text of [
      '190 validation and 188 test sequences (24000 tokens, 18000 words).',
      '<th scope="col">Test (word)</th>',
      'Ppl. Gap = test − train.',
      'Dist. Gain = test of the student trained from scratch − student’s test.',
      'Below zero the first of the two is better.',
      'Students’ perplexity by epoch.',
      'Validation perplexity of a token',
      'by validation perplexity of a token, on seeds of their own',
      '9600 / 24000',
    ]) {
      assert.ok(html.includes(text), text);
    }
    assert.doesNotMatch(html, /embedding is/);
  });

  it('leaves out what nobody measured: no cross-entropy term, no curve of the training part', async () => {
    const without = metrics.runs.map((run) => ({
      ...run,
      result: { ...run.result, epochs: run.result.epochs.map((epoch) => ({ ...epoch, terms: {} })) },
    }));
    const titles = async (runs: typeof without) =>
      (await learningPanels(runs, [], PERPLEXITY)).map(({ title }) => title);
    assert.deepEqual(await titles(metrics.runs), ['Training part, while trained on', 'Validation part']);
    assert.deepEqual(await titles(without), ['Validation part']);
  });

  it('has a page of a sweep, too', async () => {
    const html = await renderSweep(sweep);
    assert.match(html, /<h2>Test perplexity<\/h2>/);
    assert.deepEqual(wordsOfAccuracy(html), []);
  });
});
