// Speed of the kernels, for every instruction set that this machine has:
//   node dist-test/bench/kernels.js
// An instruction set is chosen once in a process, so each runs in a child of its own.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import Benchmark from 'benchmark';
import { simdInfo } from 'qrkd';
import { samples } from './inputs.js';
import { benchKernel, fusedLoss, lossThroughForward } from './tasks.js';
import { printTable } from './turns.js';

const SIZES = [
  [64, 8],
  [256, 10],
  [1024, 10],
] as const;

interface Row {
  name: string;
  milliseconds: number;
  /** Relative margin of error, percent. */
  margin: number;
}

function runSuite(): Row[] {
  const suite = new Benchmark.Suite();
  for (const [rows, qubits] of SIZES) {
    const kernel = benchKernel(qubits, 0.25);
    const x = samples(rows, qubits, 1);
    const teacher = kernel.matrix(samples(rows, qubits, 2));
    const size = `N = ${rows}, ${qubits} qubits`;
    suite.add(`states, ${size}`, () => kernel.states(x));
    suite.add(`gram, ${size}`, () => kernel.matrix(x));
    suite.add(`value and gradient, ${size}`, () => lossThroughForward(kernel, x, teacher));
    suite.add(`fused loss, ${size}`, () => fusedLoss(kernel, x, teacher));
  }
  const rows: Row[] = [];
  suite.on('cycle', ({ target }: { target: Benchmark }) => {
    rows.push({ name: String(target.name), milliseconds: 1000 * target.stats!.mean, margin: target.stats!.rme });
  });
  // An error inside a benchmark would otherwise only make a row of NaN.
  suite.on('error', ({ target }: { target: Benchmark & { error: unknown } }) => {
    throw target.error;
  });
  suite.run();
  return rows;
}

if (process.argv[2] === '--one') {
  console.log(JSON.stringify(runSuite()));
} else {
  const { supported, threads } = simdInfo();
  const results: Record<string, Row[]> = {};
  for (const isa of supported) {
    console.error(`measuring ${isa} ...`);
    const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url), '--one'], {
      env: { ...process.env, QRKD_FORCE_ISA: isa },
      stdio: ['ignore', 'pipe', 'inherit'],
      encoding: 'utf8',
    });
    if (child.status !== 0) process.exit(child.status ?? 1);
    results[isa] = JSON.parse(child.stdout) as Row[];
  }
  const first = results[supported[0]!]!;
  printTable(
    `ZZ map, 2 reps, float32, ${threads} threads: milliseconds`,
    ['', ...supported],
    first.map(({ name }, i) => [
      name,
      ...supported.map(
        (isa) => `${results[isa]![i]!.milliseconds.toFixed(3)} ±${results[isa]![i]!.margin.toFixed(0)}%`,
      ),
    ]),
  );
  console.log(JSON.stringify({ threads, results }));
}
