import assert from 'node:assert/strict';
import { FidelityKernel, featureMap, type States } from 'qrkd';
import { randomCircuit, samples } from '../../inputs.js';
import { turnOf } from '../../turns.js';
import { Contest, type ContestResult } from '../contest.js';
import type { Context } from './context.js';

interface Facts {
  positions: number[];
  /** re, im of the amplitudes at those positions. */
  firstState: number[];
  lastState: number[];
}

const GATES = 100;
const OURS = 'qrkd';

/** States of a circuit of 100 random gates, float64. */
export async function states(context: Context, rows: number, qubits: number): Promise<ContestResult> {
  const script = { file: 'states.py', options: { samples: rows, qubits, gates: GATES } };
  return context.with([script], async ([peer]) => {
    const facts = peer!.facts as Facts;
    const circuit = randomCircuit(qubits, GATES, 3);
    const kernel = new FidelityKernel(featureMap({ type: 'circuit', circuit: circuit.toJSON() }));
    const x = samples(rows, GATES, 1);
    const psi = kernel.states(x);
    agree(psi, 0, facts.positions, facts.firstState);
    agree(psi, rows - 1, facts.positions, facts.lastState);
    const contest = await Contest.hold(
      { [OURS]: { precision: 'float64', turn: turnOf(() => kernel.states(x)) }, ...peer!.contenders },
      context.rounds,
    );
    const qulacs = contest.fastest(contest.names((name) => name.startsWith('Qulacs')));
    const what = rows === 1 ? 'State of one sample' : `States of ${rows} samples`;
    return {
      job: `states-${rows}-${qubits}`,
      title: `${what} of ${qubits} qubits after ${GATES} random gates, float64`,
      rounds: context.rounds,
      entries: contest.entries({ float64: OURS }),
      claims: [
        {
          work: `${what} of ${qubits} qubits, ${GATES} random gates`,
          against: qulacs,
          measured: contest.ratio(qulacs, OURS),
          atLeast: 1,
          unit: 'x',
        },
      ],
      notes: ['Building the circuit of every sample, and handing over the amplitudes as arrays, are part of the job.'],
    };
  });
}

function agree({ real, imag, shape }: States, row: number, positions: number[], expected: number[]): void {
  positions.forEach((position, k) => {
    const index = row * shape[1] + position;
    const difference = Math.hypot(real[index]! - expected[2 * k]!, imag[index]! - expected[2 * k + 1]!);
    assert.ok(difference < 1e-11, `amplitude ${position} of state ${row} differs from Qulacs by ${difference}`);
  });
}
