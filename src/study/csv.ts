import { ACCURACY, measureOf, wordPerplexity } from './measure.js';
import type { StudyMetrics, SweepMetrics } from './metrics.js';
import type { Spread } from './statistics.js';
import { hasF1, hasWords } from './table.js';

type Cell = string | number | null | undefined;

/** Quotes what RFC 4180 wants quoted; numbers in full precision, an empty field for what there is not. */
function field(value: Cell): string {
  const text = String(value ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const csv = (rows: readonly (readonly Cell[])[]) => `${rows.map((row) => row.map(field).join(',')).join('\n')}\n`;

const PARTS = ['train', 'validation', 'test'] as const;

/**
 * One line for every run of a study: its measure (accuracies 0..1, perplexities of a token and, on the test part, of a word; then
 * accuracies of tokens, too), cross-entropies in nats, macro F1 of texts with labels 0..1, seconds of training.
 */
export function runsCsv({
  runs,
  config,
  samples: { testWords },
}: Pick<StudyMetrics, 'runs' | 'config' | 'samples'>): string {
  const measure = measureOf(config);
  const withF1 = config.text?.task === 'classification';
  const measures = measure === ACCURACY ? [ACCURACY] : [measure, ACCURACY];
  const head = [
    ...['method', 'seed', 'parameters', 'epochs', 'steps', 'seconds'],
    ...measures.flatMap(({ name }) => PARTS.map((part) => `${part}_${name}`)),
    ...PARTS.map((part) => `${part}_cross_entropy`),
    ...(testWords === undefined ? [] : ['test_word_perplexity']),
    ...(withF1 ? ['test_f1'] : []),
  ];
  const line = ({ method, seed, parameters, seconds, result }: StudyMetrics['runs'][number]) => {
    const { epochs, steps, test } = result;
    const parts = PARTS.map((part) => result[part]);
    return [
      ...[method, seed, parameters, epochs.length, steps, seconds],
      ...measures.flatMap(({ of }) => parts.map((part) => part && of(part))),
      ...parts.map((part) => part?.crossEntropy),
      ...(testWords === undefined ? [] : [test && wordPerplexity(test, testWords)]),
      ...(withF1 ? [test?.f1] : []),
    ];
  };
  return csv([head, ...runs.map(line)]);
}

/** One line for every run of a sweep: its measure (accuracies 0..1, perplexities of a token), seconds of training. */
export function sweepCsv({ over, runs, config }: Pick<SweepMetrics, 'over' | 'runs' | 'config'>): string {
  const { name } = measureOf(config);
  const head = [over, 'method', 'seed', 'parameters', 'seconds', ...PARTS.map((part) => `${part}_${name}`)];
  const line = ({ value, method, seed, parameters, seconds, ...parts }: SweepMetrics['runs'][number]) => [
    ...[value, method, seed, parameters, seconds],
    ...PARTS.map((part) => parts[part]),
  ];
  return csv([head, ...runs.map(line)]);
}

/** The paper's columns, mean and standard deviation apart, in the unit that is shown; one line for every method. */
export function tableCsv({ table, config }: Pick<StudyMetrics, 'table' | 'config'>): string {
  const columns = {
    train: 'train',
    test: 'test',
    ...(hasWords(table) && { testWord: 'test_word' }),
    ...(hasF1(table) && { testF1: 'test_f1' }),
    gap: `${measureOf(config).name}_gap`,
    teacherStudentGap: 'teacher_student_gap',
    distillationGain: 'distillation_gain',
  };
  const keys = Object.keys(columns) as (keyof typeof columns)[];
  const pair = (spread: Spread | null | undefined) => [spread?.mean, spread?.deviation];
  return csv([
    ['method', ...keys.flatMap((key) => [`${columns[key]}_mean`, `${columns[key]}_deviation`])],
    ...table.map((row) => [row.method, ...keys.flatMap((key) => pair(row[key]))]),
  ]);
}
