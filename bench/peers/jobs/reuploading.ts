import assert from 'node:assert/strict';
import { featureMap, type Precision, ProjectedKernel } from 'qrkd';
import { reuploadingCircuit, samples, uniform } from '../../inputs.js';
import { turnOf } from '../../turns.js';
import { Contest, type ContestResult } from '../contest.js';
import type { Context } from './context.js';

interface Facts {
  gradient: number[];
}

const QUBITS = 8;
const LAYERS = 6;
const PRECISIONS: Precision[] = ['float32', 'float64'];
const OURS = { float32: 'qrkd float32', float64: 'qrkd float64' };
const TOLERANCE = { float32: 1e-4, float64: 1e-10 };

/** Gradient of the sum of <Z_0> over all samples with respect to every parameter of a re-uploading circuit. */
export async function reuploading(context: Context, rows: number): Promise<ContestResult> {
  const script = { file: 'reuploading.py', options: { samples: rows, qubits: QUBITS, layers: LAYERS } };
  return context.with([script], async ([peer]) => {
    const facts = peer!.facts as Facts;
    const map = featureMap({ type: 'circuit', circuit: reuploadingCircuit(QUBITS, LAYERS).toJSON() });
    const x = samples(rows, QUBITS, 1);
    const dBloch = { data: new Float64Array(rows * 3 * QUBITS), shape: [rows, 3 * QUBITS] as [number, number] };
    for (let row = 0; row < rows; row++) dBloch.data[row * 3 * QUBITS + 2] = 1; // <Z_0>
    const ours = PRECISIONS.map((precision) => {
      const kernel = new ProjectedKernel(map, { inner: 'linear', precision });
      kernel.parameters.set(uniform(map.parameters, 2).map((value) => 2 * Math.PI * value));
      agree(kernel.blochGradient(x, dBloch).dparameters, facts.gradient, TOLERANCE[precision]);
      return [OURS[precision], { precision, turn: turnOf(() => kernel.blochGradient(x, dBloch)) }] as const;
    });
    const contest = await Contest.hold({ ...Object.fromEntries(ours), ...peer!.contenders }, context.rounds);
    const claim = (start: string, precision: Precision, atLeast: number) => {
      const name = contest.fastest(contest.names((name, its) => name.startsWith(start) && its === precision));
      return {
        work: `Gradient of a re-uploading circuit, N = ${rows}, ${QUBITS} qubits, ${LAYERS} layers, ${precision}`,
        against: name,
        measured: contest.ratio(name, OURS[precision]),
        atLeast,
        unit: 'x' as const,
      };
    };
    return {
      job: `reuploading-${rows}`,
      title: `Trainable re-uploading circuit, ${QUBITS} qubits, ${LAYERS} layers, ${rows} samples: gradient of the sum of ⟨Z₀⟩ with respect to all ${map.parameters} parameters`,
      rounds: context.rounds,
      entries: contest.entries(OURS),
      claims: [
        claim('PennyLane lightning adjoint', 'float64', 500),
        claim('PyTorch', 'float64', 10),
        claim('PyTorch', 'float32', 10),
      ],
      notes: [
        'Ours gives the gradient with respect to the features, too. The Jacobians of ready tapes leave out all that PennyLane does around its simulator, which is most of the time of the usual form.',
      ],
    };
  });
}

function agree(ours: Float64Array, expected: readonly number[], tolerance: number): void {
  const largest = Math.max(...expected.map(Math.abs));
  expected.forEach((value, k) => {
    const difference = Math.abs(ours[k]! - value) / largest;
    assert.ok(difference < tolerance, `the gradient of parameter ${k} is ${ours[k]}, PyTorch has ${value}`);
  });
}
