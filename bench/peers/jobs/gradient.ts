import assert from 'node:assert/strict';
import { samples } from '../../inputs.js';
import { benchKernel, fusedLoss, lossThroughForward } from '../../tasks.js';
import { turnOf } from '../../turns.js';
import { Contest, type ContestResult } from '../contest.js';
import type { Context } from './context.js';

interface Facts {
  bandwidth: number;
  value: number;
  gradient: number[];
}

const VALUE = 'qrkd, value alone';
const FORWARD = 'qrkd, forward and gradient';
const FUSED = 'qrkd, lossGradient';

/** Value and gradient of the kernel loss, float32, in PyTorch's phrasings. */
export async function gradient(context: Context, rows: number, qubits: number): Promise<ContestResult> {
  return context.with([{ file: 'gradient.py', options: { samples: rows, qubits } }], async ([peer]) => {
    const facts = peer!.facts as Facts;
    const kernel = benchKernel(qubits, facts.bandwidth);
    const x = samples(rows, qubits, 1);
    const teacher = kernel.matrix(samples(rows, qubits, 2));
    for (const run of [lossThroughForward, fusedLoss]) agree(run(kernel, x, teacher), facts);
    const precision = 'float32';
    const contest = await Contest.hold(
      {
        [VALUE]: { precision, turn: turnOf(() => kernel.matrix(x)) },
        [FORWARD]: { precision, turn: turnOf(() => lossThroughForward(kernel, x, teacher)) },
        [FUSED]: { precision, turn: turnOf(() => fusedLoss(kernel, x, teacher)) },
        ...peer!.contenders,
      },
      context.rounds,
    );
    const work = `Value and gradient of the kernel loss, N = ${rows}, ${qubits} qubits`;
    const fastest = contest.fastest(Object.keys(peer!.contenders));
    return {
      job: `gradient-${rows}-${qubits}`,
      title: `Value and gradient of the kernel loss, ZZ map with 2 repetitions, ${rows} samples, ${qubits} qubits`,
      rounds: context.rounds,
      entries: contest.entries({ float32: FORWARD }),
      claims: [
        {
          work,
          against: 'PyTorch gates',
          measured: contest.ratio('PyTorch gates', FORWARD),
          atLeast: 8,
          unit: 'x',
        },
        {
          work,
          against: `${fastest}, its fastest`,
          measured: contest.ratio(fastest, FORWARD),
          atLeast: 3,
          unit: 'x',
        },
        { work, against: 'our value alone', measured: contest.ratio(FORWARD, VALUE), atMost: 3.5, unit: 'x' },
      ],
      notes: [
        'Times of peers are relative to our forward pass and gradient with the loss itself in JavaScript; lossGradient does all of it in C++.',
      ],
    };
  });
}

function agree({ value, dx }: ReturnType<typeof fusedLoss>, facts: Facts): void {
  assert.ok(Math.abs(value - facts.value) < 1e-5 * facts.value, `value ${value}, PyTorch has ${facts.value}`);
  const largest = Math.max(...facts.gradient.map(Math.abs));
  facts.gradient.forEach((expected, i) => {
    assert.ok(Math.abs(dx.data[i]! - expected) < 1e-3 * largest, `dx[${i}] is ${dx.data[i]}, PyTorch has ${expected}`);
  });
}
