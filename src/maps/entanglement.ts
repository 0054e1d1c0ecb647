import { describe, QrkdRangeError, QrkdTypeError, suggest } from '../errors.js';

export const ENTANGLEMENTS = ['full', 'linear', 'reverse_linear', 'circular', 'sca', 'pairwise'] as const;

/** Qiskit's names for the pairs of qubits that interact, or the list of pairs itself. */
export type Entanglement = (typeof ENTANGLEMENTS)[number] | [number, number][];

/**
 * The pairs of a pattern, as Qiskit's `get_entangler_map` for blocks of two qubits. Only the set matters here, since
 * the gates that use it commute; hence linear, reverse_linear and pairwise agree, and so do circular and sca. A pair that
 * a list names twice is entangled twice.
 */
export function entangledPairs(entanglement: Entanglement, qubits: number): [number, number][] {
  if (Array.isArray(entanglement)) return entanglement;
  const pairs: [number, number][] = [];
  for (let i = 0; i < qubits; i++) {
    const last = entanglement === 'full' ? qubits - 1 : Math.min(i + 1, qubits - 1);
    for (let j = i + 1; j <= last; j++) pairs.push([i, j]);
  }
  // Qiskit closes the ring only where it is longer than the block itself.
  if ((entanglement === 'circular' || entanglement === 'sca') && qubits > 2) pairs.push([qubits - 1, 0]);
  return pairs;
}

/** Throws unless `value` is a known pattern or a list of pairs of different qubits below `qubits`. */
export function checkEntanglement(map: string, value: unknown, qubits: number): void {
  if (typeof value === 'string') {
    if (!(ENTANGLEMENTS as readonly string[]).includes(value)) {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `${map}: unknown entanglement "${value}"${suggest(value, ENTANGLEMENTS)}`,
      );
    }
    return;
  }
  if (!Array.isArray(value)) {
    throw new QrkdTypeError(
      'ERR_QRKD_TYPE',
      `${map}: entanglement must be one of ${ENTANGLEMENTS.join(', ')} or a list of pairs, got ${describe(value)}`,
    );
  }
  for (const [k, pair] of value.entries()) {
    const good =
      Array.isArray(pair) &&
      pair.length === 2 &&
      pair.every((q) => Number.isInteger(q) && q >= 0 && q < qubits) &&
      pair[0] !== pair[1];
    if (!good) {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `${map}: entanglement pair ${k} must be two different qubits from 0 to ${qubits - 1}, got ${JSON.stringify(pair)}`,
      );
    }
  }
}

/**
 * The engine's table [high * qubits + low] of the angle on the parity of two qubits, -1 where they do not interact.
 *
 * @param add makes the angle of a pair that is entangled `times` times and returns its index.
 */
export function pairTable(
  qubits: number,
  pairs: [number, number][],
  add: (low: number, high: number, times: number) => number,
): Int32Array {
  const times = new Int32Array(qubits * qubits);
  for (const [a, b] of pairs) times[Math.max(a, b) * qubits + Math.min(a, b)]!++;
  return times.map((count, k) => (count > 0 ? add(k % qubits, Math.floor(k / qubits), count) : -1));
}
