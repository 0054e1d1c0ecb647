import { productRate, type SimdInfo, simdInfo } from '../engine/native.js';
import type { Precision } from '../engine/types.js';
import { type BenchCase, benchCases } from './cases.js';
import { median, type Spread, spreadOf, turnOf } from './turns.js';

/** One job, measured. */
export interface BenchRow {
  group: BenchCase['group'];
  subject: string;
  samples: number;
  qubits?: number;
  precision: Precision;
  /** Of one call, over rounds. */
  milliseconds: Spread;
  /** Rate at the operations counted for the job, 10^9 a second; where most of it is matrix products. */
  gflops?: number;
  /** That rate over the machine's matrix-product rate of the same round; median over rounds. */
  share?: number;
}

export interface BenchReport {
  simd: SimdInfo;
  rounds: number;
  /** Rate of the engine's real matrix product on operands that stay in cache, all threads, 10^9 operations a second. */
  productGflops: Record<Precision, Spread>;
  rows: BenchRow[];
}

export interface BenchOptions {
  quick: boolean;
  /** Told how many turns of how many were taken. */
  onProgress?(done: number, total: number): void;
}

const ROUNDS = { quick: 3, full: 5 };
const TURN_MILLISECONDS = { quick: 50, full: 150 };

/**
 * Measures all jobs in turns, the machine's matrix-product rate in every round beside them, so that what else the machine
 * does slows both.
 */
export async function measure({ quick, onProgress }: BenchOptions): Promise<BenchReport> {
  const cases = benchCases().filter((one) => one.quick || !quick);
  const pace = quick ? 'quick' : 'full';
  const rounds = ROUNDS[pace];
  const total = rounds * cases.length;
  const rates: Record<Precision, number[]> = { float32: [], float64: [] };
  const times: number[][] = cases.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const precision of ['float32', 'float64'] as const) rates[precision].push(productRate(precision));
    for (const [k, one] of cases.entries()) {
      // Prepared for each turn: together the inputs and results of all would take gigabytes.
      times[k].push(median(await turnOf(one.prepare(), TURN_MILLISECONDS[pace])()));
      onProgress?.(round * cases.length + k + 1, total);
      // Lets progress be shown, and Ctrl-C be heard.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const gflops = (values: readonly number[]) => spreadOf(values.map((rate) => rate / 1e9));
  return {
    simd: simdInfo(),
    rounds,
    productGflops: { float32: gflops(rates.float32), float64: gflops(rates.float64) },
    rows: cases.map((one, k) => row(one, times[k], rates[one.precision])),
  };
}

function row(one: BenchCase, times: readonly number[], rates: readonly number[]): BenchRow {
  const { group, subject, samples, qubits, precision, flops } = one;
  const measured: BenchRow = { group, subject, samples, qubits, precision, milliseconds: spreadOf(times) };
  if (flops === undefined) return measured;
  return {
    ...measured,
    gflops: flops / measured.milliseconds.median / 1e6,
    share: median(times.map((ms, round) => (1000 * flops) / ms / rates[round])),
  };
}
