import { spawnSync } from 'node:child_process';
import os from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import type { BenchReport, BenchRow } from '../bench/measure.js';
import { startProgress } from '../progress.js';
import { packageVersion } from '../version.js';

interface Options {
  quick?: boolean;
  json?: boolean;
  threads?: number[];
}

/** `qrkd bench`: how fast the engine is on this machine, beside what the machine can do. */
export function benchCommand(): Command {
  return new Command('bench')
    .summary('how fast the kernels and losses run on this machine')
    .description(
      "Measures states, Gram matrices, gradients and losses, in turns, and prints each job's share of the machine's matrix-product rate: that of the engine's own real product on operands that stay in cache. Operations are counted as 4 N^2 2^n for a Gram matrix (half of a complex product) and three times that for a gradient; the engine needs fewer, so that a share can exceed 100 %.",
    )
    .option('--quick', 'a dozen jobs in a few seconds instead of all in a minute or two')
    .option('--threads <counts>', 'once for each of these numbers of threads, such as 1,2', threadCounts)
    .option('--json', 'one JSON document on standard output')
    .action(run);
}

function threadCounts(text: string): number[] {
  const counts = text.split(',').map(Number);
  if (!counts.every((count) => Number.isInteger(count) && count >= 1 && count <= 1024)) {
    throw new InvalidArgumentError('whole numbers from 1 to 1024 are expected, such as 1,2');
  }
  return counts;
}

async function run({ quick = false, json, threads }: Options): Promise<void> {
  const reports = threads ? threads.map((count) => inProcessOfItsOwn(count, quick)) : [await here(quick)];
  if (json) {
    const machine = { processor: os.cpus()[0]?.model.trim() ?? os.arch(), node: process.version };
    process.stdout.write(`${JSON.stringify({ qrkd: packageVersion(), machine, runs: reports }, undefined, 1)}\n`);
  } else {
    process.stdout.write(reports.map(format).join('\n'));
  }
}

async function here(quick: boolean): Promise<BenchReport> {
  // Loaded here: help is to work where the addon does not.
  const { measure } = await import('../bench/measure.js');
  let progress: ReturnType<typeof startProgress> | undefined;
  try {
    return await measure({
      quick,
      onProgress(done, total) {
        progress ??= startProgress('bench', total, { unit: 'turns' });
        progress.update(done);
      },
    });
  } finally {
    progress?.stop();
  }
}

/** The engine's number of threads is set once in a process. */
function inProcessOfItsOwn(threads: number, quick: boolean): BenchReport {
  const child = spawnSync(process.execPath, [process.argv[1], 'bench', '--json', ...(quick ? ['--quick'] : [])], {
    env: { ...process.env, QRKD_THREADS: String(threads) },
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  if (child.status !== 0) throw new Error(`qrkd bench with ${threads} threads ended with exit code ${child.status}`);
  return (JSON.parse(child.stdout) as { runs: BenchReport[] }).runs[0];
}

const digits = (value: number) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

function cells({ group, subject, samples, qubits, precision, milliseconds, gflops, share }: BenchRow): string[] {
  const { median, low, high } = milliseconds;
  return [
    group,
    subject,
    String(samples),
    qubits === undefined ? '' : String(qubits),
    precision,
    digits(median),
    `${digits(low)}..${digits(high)}`,
    gflops === undefined ? '' : digits(gflops),
    share === undefined ? '' : `${(100 * share).toFixed(0)} %`,
  ];
}

function format({ simd, productGflops, rows }: BenchReport): string {
  const { float32, float64 } = productGflops;
  const head = ['job', 'of', 'samples', 'qubits', 'precision', 'ms', 'over rounds', 'GFLOP/s', 'share'];
  const table = [head, ...rows.map(cells)];
  const widths = head.map((_, column) => Math.max(...table.map((row) => row[column].length)));
  // Names to the left, numbers to the right.
  const line = (row: string[]) =>
    row.map((cell, k) => ([0, 1, 4].includes(k) ? cell.padEnd(widths[k]) : cell.padStart(widths[k]))).join('  ');
  return `${simd.active}, ${simd.threads} thread${simd.threads === 1 ? '' : 's'}; matrix products at ${digits(float32.median)} (float32) and ${digits(float64.median)} (float64) GFLOP/s
${table.map((row) => line(row).trimEnd()).join('\n')}
`;
}
