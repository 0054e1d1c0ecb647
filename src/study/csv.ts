import type { StudyMetrics, SweepMetrics } from './metrics.js';
import type { Spread } from './statistics.js';

type Cell = string | number | null | undefined;

/** Quotes what RFC 4180 wants quoted; numbers in full precision, an empty field for what there is not. */
function field(value: Cell): string {
  const text = String(value ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const csv = (rows: readonly (readonly Cell[])[]) => `${rows.map((row) => row.map(field).join(',')).join('\n')}\n`;

/** One line for every run of a study: accuracies 0..1, cross-entropies in nats, seconds of training. */
export function runsCsv({ runs }: Pick<StudyMetrics, 'runs'>): string {
  const head = [
    'method',
    'seed',
    'parameters',
    'epochs',
    'steps',
    'seconds',
    'train_accuracy',
    'validation_accuracy',
    'test_accuracy',
    'train_cross_entropy',
    'validation_cross_entropy',
    'test_cross_entropy',
  ];
  const line = ({ method, seed, parameters, seconds, result }: StudyMetrics['runs'][number]) => {
    const { train, validation, test, epochs, steps } = result;
    const parts = [train, validation, test];
    return [
      ...[method, seed, parameters, epochs.length, steps, seconds],
      ...parts.map((part) => part?.accuracy),
      ...parts.map((part) => part?.crossEntropy),
    ];
  };
  return csv([head, ...runs.map(line)]);
}

/** One line for every run of a sweep: accuracies 0..1, seconds of training. */
export function sweepCsv({ over, runs }: Pick<SweepMetrics, 'over' | 'runs'>): string {
  const head = [
    over,
    'method',
    'seed',
    'parameters',
    'seconds',
    'train_accuracy',
    'validation_accuracy',
    'test_accuracy',
  ];
  const line = ({
    value,
    method,
    seed,
    parameters,
    seconds,
    train,
    validation,
    test,
  }: SweepMetrics['runs'][number]) => [value, method, seed, parameters, seconds, train, validation, test];
  return csv([head, ...runs.map(line)]);
}

/** The paper's columns, mean and standard deviation apart, in percentage points; one line for every method. */
export function tableCsv({ table }: Pick<StudyMetrics, 'table'>): string {
  const columns = {
    train: 'train',
    test: 'test',
    accuracyGap: 'accuracy_gap',
    teacherStudentGap: 'teacher_student_gap',
    distillationGain: 'distillation_gain',
  } as const;
  const keys = Object.keys(columns) as (keyof typeof columns)[];
  const pair = (spread: Spread | null) => [spread?.mean, spread?.deviation];
  return csv([
    ['method', ...keys.flatMap((key) => [`${columns[key]}_mean`, `${columns[key]}_deviation`])],
    ...table.map((row) => [row.method, ...keys.flatMap((key) => pair(row[key]))]),
  ]);
}
