import assert from 'node:assert/strict';
import { samples } from '../../inputs.js';
import { benchKernel, gramFlops } from '../../tasks.js';
import { turnOf } from '../../turns.js';
import { type Claim, Contest, type ContestResult, type Precision } from '../contest.js';
import type { Context, Script } from './context.js';

interface NumpyFacts {
  bandwidth: number;
  gemmFlops: number;
  firstRow: number[];
}
interface SimulatorFacts {
  firstRows?: Record<string, number[]>;
}
interface MerlinFacts {
  modes?: number;
  photons?: number;
}

const PRECISIONS: Precision[] = ['float32', 'float64'];
const OURS = { float32: 'qrkd float32', float64: 'qrkd float64' };
const GEMM = { float32: 'OpenBLAS sgemm', float64: 'OpenBLAS dgemm' };
const TOLERANCE = { float32: 1e-5, float64: 1e-11 };

/** Below this much work a rate says little. */
const YARDSTICK_FLOPS = 0.2e9;

/** The Gram matrix of the ZZ map, states included, in every library; the yardsticks are BLAS's own products. */
export async function gram(context: Context, rows: number, qubits: number): Promise<ContestResult> {
  const size = { samples: rows, qubits };
  const small = rows <= 64;
  const scripts: Script[] = [
    { file: 'gram.py', options: size },
    { file: 'libraries.py', options: size },
    ...(small ? [{ interpreter: 'javascript' as const, file: 'javascript/simulators.mjs', options: size }] : []),
    ...(rows === 64
      ? [{ interpreter: 'merlin' as const, file: 'photonic.py', options: { samples: rows, features: qubits } }]
      : []),
  ];
  return context.with(scripts, async (peers) => {
    const facts = peers[0]!.facts as NumpyFacts;
    const x = samples(rows, qubits, 1);
    const ours = PRECISIONS.map((precision) => {
      const kernel = benchKernel(qubits, facts.bandwidth, precision);
      agree(kernel.matrix(x).data, facts.firstRow, TOLERANCE[precision]);
      return [OURS[precision], { precision, turn: turnOf(() => kernel.matrix(x)) }] as const;
    });
    for (const peer of peers) {
      const { firstRows = {} } = peer.facts as SimulatorFacts;
      for (const row of Object.values(firstRows)) agree(row, facts.firstRow, 1e-9);
    }
    const contest = await Contest.hold(
      Object.assign(Object.fromEntries(ours), ...peers.map(({ contenders }) => contenders)),
      context.rounds,
    );
    const work = gramFlops(rows, qubits);
    const yardsticks = PRECISIONS.map((precision) => {
      const rate = contest.figure([GEMM[precision]], (ms) => facts.gemmFlops / ms / 1e6);
      const own = contest.figure([OURS[precision]], (ms) => work / ms / 1e6);
      return `${GEMM[precision]} runs at ${rate.median.toFixed(0)} GFLOP/s here, our Gram in ${precision} at ${own.median.toFixed(0)} (4 N² 2ⁿ operations counted, states included).`;
    });
    const merlin = peers.map((peer) => peer.facts as MerlinFacts).find(({ modes }) => modes);
    return {
      job: `gram-${rows}-${qubits}`,
      title: `Gram matrix, ZZ map with 2 repetitions, ${rows} samples, ${qubits} qubits`,
      rounds: context.rounds,
      entries: contest.entries(OURS, Object.values(GEMM)),
      claims: claims(contest, rows, qubits, facts.gemmFlops),
      notes: [
        ...(work > YARDSTICK_FLOPS ? yardsticks : []),
        ...(merlin
          ? [
              `MerLin simulates light: its kernel is that of an interferometer of ${merlin.modes} modes with ${merlin.photons} photons for the same features, another kernel altogether and not checked against the others (but against permanents).`,
            ]
          : []),
      ],
    };
  });
}

function agree(ours: ArrayLike<number>, expected: readonly number[], tolerance: number): void {
  expected.forEach((value, j) => {
    assert.ok(Math.abs(ours[j]! - value) < tolerance, `K[0, ${j}] is ${ours[j]}, NumPy has ${value}`);
  });
}

function claims(contest: Contest, rows: number, qubits: number, gemmFlops: number): Claim[] {
  const what = `ZZ Gram, N = ${rows}, ${qubits} qubits`;
  const result: Claim[] = [];
  const times = (name: string, precision: Precision, atLeast: number, against = name) => {
    const measured = contest.ratio(name, OURS[precision]);
    result.push({ work: `${what}, ${precision}`, against, measured, atLeast, unit: 'x' });
  };
  // Libraries in double precision alone: ours in the same, and in the one that suffices for most uses.
  const inBoth = (name: string, atLeast: number) => {
    times(name, 'float64', atLeast);
    times(name, 'float32', atLeast, `${name} (in float64)`);
  };
  const named = (start: string) => contest.names((name) => name.startsWith(start));
  if (rows === 256) inBoth('Qiskit FidelityStatevectorKernel', 500);
  if (rows < 1024) return result;
  for (const precision of PRECISIONS) {
    const measured = contest.figure(
      [OURS[precision], GEMM[precision]],
      (own, gemm) => (100 * (gramFlops(rows, qubits) / own)) / (gemmFlops / gemm),
    );
    const atLeast = precision === 'float32' ? 90 : 85;
    result.push({ work: `${what}, ${precision}`, against: `rate of ${GEMM[precision]}`, measured, atLeast, unit: '%' });
  }
  if (qubits === 10) for (const name of named('Qulacs')) inBoth(name, 20);
  for (const name of named('NumPy complex64')) times(name, 'float32', qubits === 10 ? 4 : 2.5);
  return result;
}
