// Full training runs of the paper's student on the installed digits, ours natively and PyTorch's, from equal settings and
// the same first weights; test accuracies over seeds:
//   node dist-test/bench/peers/accuracy.js [--seeds 5] [--epochs 10] [--python python3]
// A table goes to standard error, one JSON document to standard output.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { writeNpzFile } from 'qrkd';
import { loadMnistDigits } from 'qrkd/data';
import { distill, type QrkdLossOptions, qrkdLoss, ready, type SampleSet } from 'qrkd/distill';
import { paperStudent, paperTeacher } from 'qrkd/models';
import { printTable } from '../turns.js';
import { writeWeights } from '../weights.js';
import { prepare } from './environment.js';
import { sourcePath } from './peer.js';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '5' },
    epochs: { type: 'string', default: '10' },
    python: { type: 'string', default: 'python3' },
  },
});
const seeds = Array.from({ length: Number(values.seeds) }, (_, k) => k + 1);
const epochs = Number(values.epochs);
const batchSize = 64;
const METHODS: Record<string, QrkdLossOptions> = {
  'cross-entropy': { ce: 1 },
  'KD+RKD': { ce: 1, kd: 1, distance: 1, angle: 2 },
};
const settings = { epochs, batchSize, learningRate: 3e-3, engine: 'native' as const };

await ready();
const { train, test } = await loadMnistDigits();
const teacher = paperTeacher({ seed: 1 });
await distill({ ...settings, student: teacher, train, loss: qrkdLoss({ ce: 1 }) });

const ours: Record<string, number[]> = {};
for (const [method, loss] of Object.entries(METHODS)) {
  ours[method] = [];
  for (const seed of seeds) {
    const student = paperStudent({ seed });
    const result = await distill({ ...settings, seed, student, teacher, train, test, loss: qrkdLoss(loss) });
    ours[method].push(result.test!.accuracy);
    student.dispose();
  }
}

const folder = mkdtempSync(path.join(tmpdir(), 'qrkd-accuracy-'));
let theirs: Record<string, number[]>;
try {
  await writeWeights(teacher, folder, 'teacher');
  for (const seed of seeds) await writeWeights(paperStudent({ seed }), folder, `student-${seed}`);
  const matrices = (part: string, { images, labels }: SampleSet) => ({
    [`${part}/images`]: { data: images, shape: [labels.length, images.length / labels.length] as [number, number] },
    [`${part}/labels`]: { data: Float32Array.from(labels), shape: [labels.length, 1] as [number, number] },
  });
  await writeNpzFile(path.join(folder, 'data.npz'), { ...matrices('train', train), ...matrices('test', test) });
  const { python } = prepare(values.python);
  // One thread: this is about accuracies, and a single thread gets on beside other work.
  const numbers = { epochs, seeds: seeds.length, batch: batchSize, threads: 1 };
  const args = Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const output = execFileSync(python[0]!, [sourcePath('accuracy.py'), '--folder', folder, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  theirs = JSON.parse(output) as Record<string, number[]>;
} finally {
  rmSync(folder, { recursive: true });
}

function summary(accuracies: readonly number[]): string {
  const mean = accuracies.reduce((sum, value) => sum + value, 0) / accuracies.length;
  const squares = accuracies.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const deviation = Math.sqrt(squares / Math.max(1, accuracies.length - 1));
  return `${(100 * mean).toFixed(2)} ± ${(100 * deviation).toFixed(2)}`;
}

printTable(
  `Test accuracy in per cent after ${epochs} epochs, mean ± standard deviation over ${seeds.length} seeds`,
  ['', 'qrkd', 'PyTorch'],
  Object.keys(METHODS).map((method) => [method, summary(ours[method]!), summary(theirs[method]!)]),
);
console.log(JSON.stringify({ epochs, batchSize, seeds, accuracies: { qrkd: ours, PyTorch: theirs } }));
