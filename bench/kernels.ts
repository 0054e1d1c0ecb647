// Speed of states, Gram matrices, gradients and losses with benchmark.js, for every instruction set of this machine:
//   node dist-test/bench/kernels.js [--quick] [--threads 1,2]
// A table goes to standard error, one JSON document to standard output. Instruction set and threads are chosen once in a
// process, so each combination runs in a child of its own.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Benchmark from 'benchmark';
import { simdInfo } from 'qrkd';
import { type BenchCase, benchCases } from '#dist/bench/cases.js';
import { digits, printTable } from './turns.js';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    threads: { type: 'string' },
    one: { type: 'boolean', default: false },
  },
});

interface Row extends Pick<BenchCase, 'group' | 'subject' | 'samples' | 'qubits' | 'precision'> {
  milliseconds: number;
  /** Relative margin of error of the mean, per cent. */
  margin: number;
}

/** All jobs one after the other in this process. */
function runSuite(): Row[] {
  return benchCases()
    .filter((one) => one.quick || !values.quick)
    .map(({ group, subject, samples, qubits, precision, prepare }) => {
      const benchmark = new Benchmark(prepare(), values.quick ? { maxTime: 0.3, minSamples: 3 } : { maxTime: 1 });
      benchmark.run();
      // An error inside a benchmark would otherwise only make a row of NaN.
      if (benchmark.error) throw benchmark.error;
      const { mean, rme } = benchmark.stats!;
      return { group, subject, samples, qubits, precision, milliseconds: 1000 * mean, margin: rme };
    });
}

function inChild(isa: string, threads: number): Row[] {
  console.error(`measuring ${isa}, ${threads} threads ...`);
  const options = ['--one', ...(values.quick ? ['--quick'] : [])];
  const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url), ...options], {
    env: { ...process.env, QRKD_FORCE_ISA: isa, QRKD_THREADS: String(threads) },
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  if (child.status !== 0) process.exit(child.status ?? 1);
  return JSON.parse(child.stdout) as Row[];
}

if (values.one) {
  console.log(JSON.stringify(runSuite()));
} else {
  const { supported, threads } = simdInfo();
  const counts = values.threads?.split(',').map(Number) ?? [threads];
  const runs = counts.flatMap((count) => supported.map((isa) => ({ isa, threads: count, rows: inChild(isa, count) })));
  printTable(
    'Milliseconds (mean and its relative margin)',
    ['', ...runs.map((run) => `${run.isa}, ${run.threads} thr.`)],
    runs[0]!.rows.map(({ group, subject, samples, qubits, precision }, k) => [
      `${group}, ${subject}, ${samples} samples${qubits === undefined ? '' : `, ${qubits} qubits`}, ${precision}`,
      ...runs.map(({ rows }) => `${digits(rows[k]!.milliseconds)} ±${rows[k]!.margin.toFixed(0)}%`),
    ]),
  );
  console.log(JSON.stringify({ runs }));
}
