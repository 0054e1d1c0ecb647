import { samples } from '../../inputs.js';
import { benchKernel, gramFlops } from '../../tasks.js';
import { turnOf } from '../../turns.js';
import { Contest, type ContestResult } from '../contest.js';
import type { Context } from './context.js';

const BANDWIDTH = 0.25;
/** Below this much work the start of a job is what is measured. */
const LEAST_FLOPS = 0.5e9;

/** Our own Gram rate as samples or qubits grow: how far it falls from its best. */
export async function growth(
  context: Context,
  axis: 'samples' | 'qubits',
  sizes: readonly (readonly [rows: number, qubits: number])[],
): Promise<ContestResult> {
  const name = ([rows, qubits]: readonly [number, number]) => `qrkd, ${rows} samples, ${qubits} qubits`;
  const contenders = sizes.map(([rows, qubits]) => {
    const x = samples(rows, qubits, 1);
    const kernel = benchKernel(qubits, BANDWIDTH);
    return [name([rows, qubits]), { turn: turnOf(() => kernel.matrix(x)), precision: 'float32' as const }];
  });
  const contest = await Contest.hold(Object.fromEntries(contenders), context.rounds);
  const enough = sizes.filter(([rows, qubits]) => gramFlops(rows, qubits) >= LEAST_FLOPS);
  const worst = contest.figure(enough.map(name), (...times) => {
    const rates = times.map((ms, k) => gramFlops(...enough[k]!) / ms);
    return (100 * Math.min(...rates)) / Math.max(...rates);
  });
  const fixed = axis === 'samples' ? `${enough[0]![1]} qubits` : `N = ${enough[0]![0]}`;
  const from = enough[0]![axis === 'samples' ? 0 : 1];
  const to = enough.at(-1)![axis === 'samples' ? 0 : 1];
  return {
    job: `growth-${axis}`,
    title: `Growth with ${axis}: ZZ Gram, float32, ${fixed}`,
    rounds: context.rounds,
    entries: contest.entries({}),
    curve: sizes.map(([rows, qubits]) => ({
      at: axis === 'samples' ? rows : qubits,
      gflops: contest.figure([name([rows, qubits])], (ms) => gramFlops(rows, qubits) / ms / 1e6),
    })),
    claims: [
      {
        work: `ZZ Gram, float32, ${fixed}, ${axis} from ${from} to ${to}: lowest rate`,
        against: 'its best',
        measured: worst,
        atLeast: 60,
        unit: '%',
      },
    ],
    notes: [
      `Rates count 4 N² 2ⁿ operations, states included; sizes under ${LEAST_FLOPS / 1e9} GFLOP of work are shown but not judged.`,
    ],
  };
}
