import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { spreadOf } from '../../turns.js';
import type { ContestResult } from '../contest.js';
import type { Context } from './context.js';

/** What bench/large.ts tells. */
interface Large {
  seconds: number;
  /** Seconds that the arithmetic would take as fast as sgemm, and the bytes as fast as a plain file. */
  bounds: { compute: number; write: number };
  ratio: number;
  peakBytes: number;
}

const QUBITS = 10;

/** A large matrix to a file, against the larger of what arithmetic and what the disk takes. */
export async function file(context: Context, rows: number): Promise<ContestResult> {
  const script = fileURLToPath(new URL('../../large.js', import.meta.url));
  const args = [script, String(rows), String(QUBITS), '--python', context.settings.python[0]!];
  const child = spawnSync(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });
  if (child.status !== 0) throw new Error(`bench/large.ts ended with exit code ${child.status}`);
  const { seconds, bounds, ratio, peakBytes } = JSON.parse(child.stdout) as Large;
  const took = (name: string, value: number) => ({
    name,
    precision: 'float32' as const,
    milliseconds: spreadOf([1000 * value]),
  });
  const work = `Gram of ${rows} x ${rows} to a file, float32, ${QUBITS} qubits`;
  return {
    job: `file-${rows}`,
    title: `Gram matrix of ${rows.toLocaleString('en-US')} samples to a file, ZZ map with 2 repetitions, ${QUBITS} qubits, float32`,
    rounds: 1,
    entries: [
      took('qrkd matrixToFile', seconds),
      took('4 N² 2ⁿ operations at the rate of sgemm', bounds.compute),
      took('A plain file of as many bytes', bounds.write),
    ],
    claims: [
      { work, against: 'the larger bound', measured: spreadOf([ratio]), atMost: 1.4, unit: 'x' },
      { work, against: 'memory', measured: spreadOf([peakBytes / 2 ** 30]), atMost: 4, unit: 'GiB' },
    ],
    notes: [
      'The bounds are measured before and after; blocks of the file are compared, to the bit, with the kernel of their samples.',
    ],
  };
}
