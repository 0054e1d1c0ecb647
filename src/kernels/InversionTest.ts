import { type Angle, AngleExpression } from '../circuits/angle.js';
import { Circuit, circuit, type OperationJson } from '../circuits/circuit.js';
import { scalars } from '../engine/input.js';
import { checkMemory } from '../engine/memory.js';
import type { Matrix, Precision } from '../engine/types.js';
import type { States } from './FidelityKernel.js';

/** Amplitudes that are simulated at once: 32 MiB in float64. */
const AMPLITUDES = 2 ** 21;

/**
 * The circuit that measures a fidelity: U(y)^dagger U(x)|0>, whose outcome is 0...0 with probability K(x, y) (Havlicek et al.
 * 2019; Qiskit's ComputeUncompute). Its features are those of x, then those of y; its parameters are U's.
 */
export function inversionTest(embedding: Circuit): Circuit {
  const { qubits, features, parameters } = embedding;
  const uncompute = embedding.inverse().mapAngles((angle) => shifted(angle, features));
  return circuit(qubits, { features: 2 * features, parameters })
    .append(embedding)
    .append(uncompute);
}

function shifted(angle: Angle, by: number): Angle {
  if (typeof angle === 'number') return angle;
  return new AngleExpression(
    angle.terms.map((term) => ({
      ...term,
      factors: term.factors.map((f) => (f.variable === 'feature' ? { ...f, index: f.index + by } : f)),
    })),
  );
}

/**
 * The probability that the inversion test of each pair of samples reads 0...0 although single readings may be wrong,
 * sum_b |<b| U(y)^dagger U(x) |0>|^2 prod_q P(read 0 | b_q). It takes every outcome's probability, so a circuit is simulated for each pair.
 *
 * The test of (y, x) has other wrong outcomes than that of (x, y): in a Gram matrix x_i is prepared and x_j undone for
 * i <= j, and the other half is the mirror image, as in Qiskit.
 *
 * @param states of the inversion test, for rows of x's features followed by y's.
 * @param zeroAfter probabilities of reading 0 after a 0 and after a 1.
 * @returns a generator that yields the finished fraction and returns the matrix, [N, N] or [N, M].
 */
export function* readingsOfZeros(
  states: (pairs: Matrix) => States,
  x: Matrix,
  y: Matrix | undefined,
  qubits: number,
  zeroAfter: readonly [number, number],
  precision: Precision,
): Generator<number, Matrix> {
  const [n, features] = x.shape;
  const m = y?.shape[0] ?? n;
  checkMemory(n * m * (precision === 'float32' ? 4 : 8), `readings of ${n} x ${m} samples`);
  const result: Matrix = { data: scalars(precision, n * m), shape: [n, m] };
  const weights = outcomeWeights(qubits, zeroAfter);
  const size = Math.max(1, Math.floor(AMPLITUDES / weights.length));
  const right = y ?? x;
  const total = y ? n * m : (n * (n + 1)) / 2;
  let chunk: [row: number, column: number][] = [];
  let done = 0;
  for (let i = 0; i < n; i++) {
    for (let j = y ? 0 : i; j < m; j++) {
      chunk.push([i, j]);
      if (chunk.length < size && (i < n - 1 || j < m - 1)) continue;
      const pairs = new Float64Array(chunk.length * 2 * features);
      chunk.forEach(([row, column], k) => {
        pairs.set(x.data.subarray(row * features, (row + 1) * features), 2 * k * features);
        pairs.set(right.data.subarray(column * features, (column + 1) * features), (2 * k + 1) * features);
      });
      const { real, imag } = states({ data: pairs, shape: [chunk.length, 2 * features] });
      chunk.forEach(([row, column], k) => {
        let sum = 0;
        for (let b = 0, at = k * weights.length; b < weights.length; b++, at++) {
          sum += weights[b] * (real[at] * real[at] + imag[at] * imag[at]);
        }
        result.data[row * m + column] = sum;
        if (!y) result.data[column * m + row] = sum;
      });
      done += chunk.length;
      chunk = [];
      yield done / total;
    }
  }
  return result;
}

/** The circuits of single qubits that a circuit without any gate between qubits falls into; undefined for others. */
export function singleQubits(whole: Circuit): Circuit[] | undefined {
  const json = whole.toJSON();
  if (json.operations.some((operation) => operation.qubits.length > 1)) return undefined;
  const byQubit = Array.from({ length: json.qubits }, (): OperationJson[] => []);
  for (const operation of json.operations) {
    if (operation.qubits.length === 1) byQubit[operation.qubits[0]].push({ ...operation, qubits: [0] });
  }
  return byQubit.map((operations) => Circuit.fromJSON({ ...json, qubits: 1, operations }));
}

/**
 * {@link readingsOfZeros} where qubits are independent of each other: prod_q (P(read 0 | 0) K_q + P(read 0 | 1) (1 - K_q))
 * with the fidelities K_q of single qubits, for any number of them.
 *
 * @param fidelities of the circuit of one qubit, [N, N] or [N, M].
 */
export function* productOfReadings(
  circuits: readonly Circuit[],
  fidelities: (single: Circuit) => Matrix,
  [after0, after1]: readonly [number, number],
): Generator<number, Matrix> {
  let result: Matrix | undefined;
  for (const [q, single] of circuits.entries()) {
    const { data, shape } = fidelities(single);
    const readings = data.map((k) => after0 * k + after1 * (1 - k));
    result = result ? { data: result.data.map((v, k) => v * readings[k]), shape } : { data: readings, shape };
    yield (q + 1) / circuits.length;
  }
  return result!;
}

/** For every outcome b the product over its bits of the probability that the bit is read as 0. */
function outcomeWeights(qubits: number, [after0, after1]: readonly [number, number]): Float64Array {
  const weights = new Float64Array(2 ** qubits);
  weights[0] = 1;
  for (let size = 1; size < weights.length; size *= 2) {
    for (let b = 0; b < size; b++) {
      weights[size + b] = weights[b] * after1;
      weights[b] *= after0;
    }
  }
  return weights;
}
