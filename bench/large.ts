// A kernel matrix to a file, ZZ map in float32, against what the machine allows:
//   node dist-test/bench/large.js [rows [qubits]] [--memory 4GiB] [--folder DIR] [--python python3]
// The bound is the larger of 4 N^2 2^n over the rate of NumPy's sgemm and the file's bytes over the rate at which the disk
// takes a plain file of that size (16 GiB at most); both are measured before and after, on the same threads and disk. 60,000
// rows make a file of 14.4 GB, which is removed at the end, and as much again is written for the disk's rate.
import { spawnSync } from 'node:child_process';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type MatrixFile, simdInfo } from 'qrkd';
import { samples } from './inputs.js';
import { benchKernel, gramFlops } from './tasks.js';
import { median, printTable } from './turns.js';

const BANDWIDTH = 0.25;
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    memory: { type: 'string', default: '4GiB' },
    folder: { type: 'string', default: tmpdir() },
    python: { type: 'string', default: 'python3' },
    child: { type: 'string' },
  },
});
const [rows = 15_000, qubits = 10] = positionals.map(Number);
const bytes = 4 * rows ** 2;

interface Run {
  seconds: number;
  peakBytes: number;
  file: MatrixFile;
}

/** In a process of its own, whose peak of memory is that of the matrix. */
async function write(out: string): Promise<void> {
  const kernel = benchKernel(qubits, BANDWIDTH);
  const x = samples(rows, qubits, 1);
  const start = performance.now();
  let told = start;
  const file = await kernel.matrixToFile(out, x, undefined, {
    memory: values.memory,
    onProgress(fraction, { secondsLeft }) {
      if (performance.now() - told < 10_000) return;
      told = performance.now();
      console.error(`${(100 * fraction).toFixed(1)} %, ${secondsLeft?.toFixed(0)} s left`);
    },
  });
  const seconds = (performance.now() - start) / 1000;
  console.log(JSON.stringify({ seconds, peakBytes: process.resourceUsage().maxRSS * 1024, file } satisfies Run));
}

/** Bytes a second of a plain file, until it is on the disk. */
function writeRate(file: string): number {
  const piece = Buffer.alloc(2 ** 24, 1);
  const pieces = Math.ceil(Math.min(bytes, 2 ** 34) / piece.length);
  const fd = openSync(file, 'w');
  const start = performance.now();
  for (let i = 0; i < pieces; i++) writeSync(fd, piece);
  fdatasyncSync(fd);
  const seconds = (performance.now() - start) / 1000;
  closeSync(fd);
  rmSync(file);
  return (pieces * piece.length) / seconds;
}

/** Operations a second of NumPy's sgemm on as many threads. */
function sgemmRate(): number {
  const threads = String(simdInfo().threads);
  const script = `
import numpy, time
a = numpy.random.default_rng(0).random((4096, 4096), numpy.float32)
a @ a
times = []
for _ in range(5):
    start = time.perf_counter()
    a @ a
    times.append(time.perf_counter() - start)
print(2 * 4096 ** 3 / sorted(times)[2])`;
  const env = { ...process.env, OPENBLAS_NUM_THREADS: threads, OMP_NUM_THREADS: threads, MKL_NUM_THREADS: threads };
  const { status, stdout, stderr } = spawnSync(values.python, ['-c', script], { env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${values.python} cannot run NumPy: ${stderr}`);
  return Number(stdout);
}

/** That blocks of the file are, to the bit, what the kernel gives for their samples alone. */
function check(file: string): void {
  const kernel = benchKernel(qubits, BANDWIDTH);
  const x = samples(rows, qubits, 1);
  const part = (first: number, count: number) => ({
    data: x.data.slice(first * qubits, (first + count) * qubits),
    shape: [count, qubits] as [number, number],
  });
  const fd = openSync(file, 'r');
  const count = 64;
  // Multiples of the engine's panels; above the diagonal and, mirrored, below it.
  for (const [i, j] of [
    [0, rows - (rows % 16) - count],
    [1024, 4096],
    [16 * Math.floor(rows / 64), 16 * Math.floor(rows / 32)],
  ] as const) {
    const expected = kernel.matrix(part(i, count), part(j, count)).data;
    const entry = new Float32Array(1);
    for (let k = 0; k < count * count; k++) {
      const [r, c] = [i + Math.floor(k / count), j + (k % count)];
      for (const place of [r * rows + c, c * rows + r]) {
        readSync(fd, entry, 0, 4, 128 + 4 * place);
        if (entry[0] !== expected[k])
          throw new Error(`entry ${place} of ${file} is ${entry[0]}, expected ${expected[k]}`);
      }
    }
  }
  closeSync(fd);
}

if (values.child !== undefined) {
  await write(values.child);
} else {
  const folder = mkdtempSync(path.join(values.folder, 'qrkd-large-'));
  try {
    const rates = { sgemm: [] as number[], write: [] as number[] };
    const measureRates = () => {
      console.error('measuring sgemm and the disk ...');
      rates.sgemm.push(sgemmRate());
      rates.write.push(writeRate(path.join(folder, 'plain')));
    };
    measureRates();
    const out = path.join(folder, 'K.npy');
    const args = [fileURLToPath(import.meta.url), ...positionals, '--memory', values.memory, '--child', out];
    const child = spawnSync(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });
    if (child.status !== 0) throw new Error('the run failed');
    const { seconds, peakBytes, file } = JSON.parse(child.stdout) as Run;
    check(out);
    rmSync(out);
    measureRates();
    const sgemm = median(rates.sgemm);
    const disk = median(rates.write);
    const flops = gramFlops(rows, qubits);
    const bounds = { compute: flops / sgemm, write: file.bytes / disk };
    const ratio = seconds / Math.max(bounds.compute, bounds.write);
    const { active, threads } = simdInfo();
    printTable(
      `${rows} x ${rows}, ZZ, ${qubits} qubits, float32, ${active}, ${threads} threads, memory ${values.memory}`,
      ['', 'seconds', 'rate'],
      [
        ['arithmetic as fast as sgemm', bounds.compute.toFixed(1), `${(sgemm / 1e9).toFixed(0)} GFLOP/s`],
        ['a plain file', bounds.write.toFixed(1), `${(disk / 1e6).toFixed(0)} MB/s`],
        ['matrixToFile', seconds.toFixed(1), `${(flops / seconds / 1e9).toFixed(0)} GFLOP/s`],
      ],
    );
    console.error(`${ratio.toFixed(2)} x the larger bound; peak of memory ${(peakBytes / 2 ** 30).toFixed(2)} GiB`);
    console.log(JSON.stringify({ rows, qubits, seconds, bounds, rates, ratio, peakBytes, file, ...simdInfo() }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
