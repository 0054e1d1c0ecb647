// Full training runs of the paper's pair on the installed digits, ours natively and PyTorch's: the same first weights, batches
// and settings for every seed, and each side distils from the teacher that it trained itself:
//   node dist-test/bench/peers/accuracy.js [--seeds 10] [--epochs 5] [--python python3] [--out FOLDER]
// First both sides' loss terms on the same weights and batch must agree to 1e-4. Tables go to standard error, one JSON document
// to standard output; with --out also into FOLDER, as README.md and results.json.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { type Matrix, writeNpzFile } from 'qrkd';
import { loadMnistDigits } from 'qrkd/data';
import { distill, type QrkdLossOptions, qrkdLoss, ready, type SampleSet, type Term, train } from 'qrkd/distill';
import { paperStudent, paperTeacher } from 'qrkd/models';
import { epochBatches } from '#dist/distill/samples.js';
import { pairedComparison, type Spread, spread } from '#dist/study/statistics.js';
import { firstRows } from '../steps.js';
import { printTable } from '../turns.js';
import { writeWeights } from '../weights.js';
import { prepare } from './environment.js';
import { sourcePath } from './peer.js';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10' },
    epochs: { type: 'string', default: '5' },
    python: { type: 'string', default: 'python3' },
    out: { type: 'string' },
  },
});
const seeds = Array.from({ length: Number(values.seeds) }, (_, k) => k + 1);
const epochs = Number(values.epochs);
const batchSize = 64;
const TOLERANCE = 1e-4;
const METHODS: Record<string, Partial<Record<Term, number>>> = {
  scratch: { ce: 1 },
  KD: { ce: 1, kd: 1 },
  RKD: { ce: 1, distance: 1, angle: 2 },
  'KD+RKD': { ce: 1, kd: 1, distance: 1, angle: 2 },
};
const settings = { epochs, batchSize, learningRate: 3e-3, engine: 'native' as const };
type Accuracies = Record<string, number>;

await ready();
const { train: digits, test } = await loadMnistDigits();

/** The terms, without weights, of the untrained pair on the first rows: what the native engine computes in its first step. */
async function firstTerms(): Promise<Accuracies> {
  const loss = qrkdLoss(METHODS['KD+RKD'] as QrkdLossOptions);
  const [student, teacher] = [paperStudent({ seed: 1 }), paperTeacher({ seed: 1 })];
  const batch = firstRows(digits, batchSize);
  const { epochs: measured } = await distill({ ...settings, epochs: 1, student, teacher, train: batch, loss });
  for (const model of [student, teacher]) model.dispose();
  return Object.fromEntries(Object.entries(measured[0]!.terms).map(([term, { raw }]) => [term, raw]));
}

async function ourAccuracies(seed: number): Promise<Accuracies> {
  const teacher = paperTeacher({ seed });
  const common = { ...settings, seed, train: digits, test };
  const accuracies: Accuracies = { teacher: (await train({ ...common, model: teacher })).test!.accuracy };
  for (const [method, weights] of Object.entries(METHODS)) {
    const student = paperStudent({ seed });
    const result = await distill({ ...common, student, teacher, loss: qrkdLoss(weights) });
    accuracies[method] = result.test!.accuracy;
    student.dispose();
  }
  teacher.dispose();
  return accuracies;
}

/** What accuracy.py reads. */
async function writeInputs(folder: string): Promise<void> {
  const matrices = (part: string, { images, labels }: SampleSet): Record<string, Matrix> => ({
    [`${part}/images`]: { data: images, shape: [labels.length, images.length / labels.length] },
    [`${part}/labels`]: { data: Float32Array.from(labels), shape: [labels.length, 1] },
  });
  await writeNpzFile(path.join(folder, 'data.npz'), { ...matrices('train', digits), ...matrices('test', test) });
  writeFileSync(path.join(folder, 'methods.json'), JSON.stringify(METHODS));
  for (const seed of seeds) {
    await writeWeights(paperTeacher({ seed }), folder, `teacher-${seed}`);
    await writeWeights(paperStudent({ seed }), folder, `student-${seed}`);
    const batches = Array.from({ length: epochs }, (_, k) =>
      epochBatches(digits.labels.length, batchSize, seed, k + 1),
    ).flat();
    const rows: Matrix = {
      data: Float32Array.from(batches.flatMap((b) => [...b])),
      shape: [batches.length, batchSize],
    };
    await writeNpzFile(path.join(folder, `batches-${seed}.npz`), { rows });
  }
}

/** Lines of JSON that PyTorch's side prints. */
async function* theirLines(folder: string): AsyncGenerator<Accuracies> {
  const { python } = prepare(values.python);
  // One thread: this is about accuracies, and a single thread gets on beside other work.
  const numbers = { epochs, seeds: seeds.length, batch: batchSize, threads: 1 };
  const args = Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn(python[0]!, [sourcePath('accuracy.py'), '--folder', folder, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) yield JSON.parse(line) as Accuracies;
}

function checkTerms(ours: Accuracies, theirs: Accuracies): string[][] {
  return Object.entries(ours).map(([term, value]) => {
    const difference = Math.abs(value - theirs[term]!) / Math.max(1, Math.abs(value));
    if (!(difference < TOLERANCE)) throw new Error(`${term}: ${value} here, ${theirs[term]} in PyTorch`);
    return [term, value.toFixed(7), theirs[term]!.toFixed(7), difference.toExponential(1)];
  });
}

const percent = (value: number) => (100 * value).toFixed(2);
const summary = ({ mean, deviation }: Spread) => `${percent(mean)} ± ${percent(deviation ?? 0)}`;

function compared(ours: Accuracies[], theirs: Accuracies[]): string[][] {
  return ['teacher', ...Object.keys(METHODS)].map((method) => {
    const [a, b] = [ours, theirs].map((side) => side.map((accuracies) => accuracies[method]!)) as [number[], number[]];
    const { difference, interval, p } = pairedComparison(a, b);
    const spreads = [spread(a), spread(b)];
    // The larger of the two sides' deviations over seeds is what one would call their spread.
    const within = Math.abs(difference.mean) <= Math.max(...spreads.map(({ deviation }) => deviation ?? 0));
    return [
      method,
      ...spreads.map(summary),
      percent(difference.mean),
      interval ? interval.map(percent).join(' to ') : '',
      p?.toFixed(2) ?? '',
      within ? 'yes' : 'no',
    ];
  });
}

const folder = mkdtempSync(path.join(tmpdir(), 'qrkd-accuracy-'));
const [ours, theirs]: [Accuracies[], Accuracies[]] = [[], []];
let terms: string[][];
try {
  await writeInputs(folder);
  const lines = theirLines(folder);
  terms = checkTerms(await firstTerms(), (await lines.next()).value as Accuracies);
  const termsHeader = ['', 'qrkd', 'PyTorch', 'difference'];
  printTable('Terms of the loss on the same weights and batch, float32', termsHeader, terms);
  // PyTorch's side has begun and runs beside ours.
  for (const seed of seeds) ours.push(await ourAccuracies(seed));
  for await (const accuracies of lines) {
    theirs.push(accuracies);
    console.error(`seed ${theirs.length}: ${JSON.stringify({ qrkd: ours[theirs.length - 1], PyTorch: accuracies })}`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
if (theirs.length < seeds.length) throw new Error(`PyTorch's side ended after ${theirs.length} seeds`);

const header = ['', 'qrkd', 'PyTorch', 'Difference', '95 % interval', 'p', 'Within the spread'];
const rows = compared(ours, theirs);
const title = `Test accuracy in per cent after ${epochs} epochs, mean ± standard deviation over ${seeds.length} seeds`;
printTable(title, header, rows);
const document = { epochs, batchSize, seeds, methods: METHODS, terms, accuracies: { qrkd: ours, PyTorch: theirs } };
console.log(JSON.stringify(document));

function table(head: readonly string[], body: readonly (readonly string[])[]): string {
  return [head, head.map((_, c) => (c === 0 ? '---' : '---:')), ...body]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n');
}

if (values.out) {
  mkdirSync(values.out, { recursive: true });
  writeFileSync(path.join(values.out, 'results.json'), `${JSON.stringify(document, null, 1)}\n`);
  const text = `# Accuracies beside PyTorch

The paper's MNIST pair on the installed digits (${digits.labels.length} to train, ${test.labels.length} to test), ${epochs} epochs of batches
of ${batchSize}, Adam at 0.003, on ${cpus()[0]!.model.trim()}. Written by bench/peers/accuracy.ts. For every seed both sides start from the same weights, for
teacher and student, and see the same batches in the same order; each distils from the teacher that it trained itself. Weights:
${Object.entries(METHODS)
  .map(
    ([method, weights]) =>
      `${method}: ${Object.entries(weights)
        .map(([term, w]) => `${term} ${w}`)
        .join(', ')}`,
  )
  .join('; ')}; temperature 4.

The terms of the loss on the same weights and batch, in float32:

${table(['', 'qrkd', 'PyTorch', 'difference'], terms)}

${title}; difference: ours minus PyTorch's, paired by seed, in percentage points,
with the interval and p-value of the paired t-test. "Within the spread": the mean difference is at most the larger of the two
standard deviations.

${table(header, rows)}
`;
  writeFileSync(path.join(values.out, 'README.md'), text);
}
