import { describe, QrkdRangeError, QrkdTypeError, suggest } from '../errors.js';

export const ENTANGLEMENTS = ['full', 'linear', 'reverse_linear', 'circular', 'sca', 'pairwise'] as const;

/** Qiskit's names for the pairs of qubits that interact, or the list of pairs itself. */
export type Entanglement = (typeof ENTANGLEMENTS)[number] | [number, number][];

/** Qiskit's patterns, or lists of blocks; a block of k qubits is for what acts on k of them. */
export type BlockEntanglement = (typeof ENTANGLEMENTS)[number] | number[][];

/**
 * The blocks of `size` qubits that interact in repetition `rep`, in order: Qiskit's `get_entangler_map`. Of a list, those
 * of that length; single qubits are all of them where a list names none.
 */
export function entangledBlocks(entanglement: BlockEntanglement, qubits: number, size: number, rep = 0): number[][] {
  if (Array.isArray(entanglement)) {
    const blocks = entanglement.filter((block) => block.length === size);
    return size > 1 || blocks.length > 0 ? blocks : chain(qubits, 1);
  }
  switch (entanglement) {
    case 'full':
      return combinations(qubits, size);
    case 'linear':
      return chain(qubits, size);
    case 'reverse_linear':
      return chain(qubits, size).reverse();
    case 'pairwise': {
      const blocks = chain(qubits, size);
      if (size === 1) return blocks;
      return [...blocks.filter(([i]) => i % 2 === 0), ...blocks.filter(([i]) => i % 2 === 1)];
    }
    case 'circular':
      return ring(qubits, size);
    case 'sca': {
      const blocks = ring(qubits, size);
      const shift = blocks.length - (rep % blocks.length);
      const shifted = [...blocks.slice(shift), ...blocks.slice(0, shift)];
      return rep % 2 === 0 ? shifted : shifted.map((block) => block.toReversed());
    }
  }
}

/** [0, 1, ...], [1, 2, ...] up to the last qubit. */
function chain(qubits: number, size: number): number[][] {
  return Array.from({ length: Math.max(0, qubits - size + 1) }, (_, i) =>
    Array.from({ length: size }, (_, k) => i + k),
  );
}

/** The chain closed to a ring, what wraps around first; a register no longer than the block is not closed. */
function ring(qubits: number, size: number): number[][] {
  const wrapping = size < qubits ? size - 1 : 0;
  const closing = Array.from({ length: wrapping }, (_, i) =>
    Array.from({ length: size }, (_, k) => (qubits - wrapping + i + k) % qubits),
  );
  return [...closing, ...chain(qubits, size)];
}

/** Every `size` of the qubits, in lexicographic order. */
function combinations(qubits: number, size: number, from = 0): number[][] {
  if (size === 0) return [[]];
  const result: number[][] = [];
  for (let first = from; first <= qubits - size; first++) {
    for (const rest of combinations(qubits, size - 1, first + 1)) result.push([first, ...rest]);
  }
  return result;
}

const MOST_BLOCKS = 2 ** 18;

/** Number of ways to choose k of n. */
function choose(n: number, k: number): number {
  let result = 1;
  for (let i = 1; i <= k; i++) result = (result * (n - k + i)) / i;
  return Math.round(result);
}

/** Throws unless `value` is a known pattern or a list of blocks of different qubits, some of every one of `sizes`. */
export function checkBlocks(map: string, value: unknown, qubits: number, sizes: readonly number[]): void {
  const largest = Math.max(...sizes);
  if (!Array.isArray(value)) {
    checkEntanglement(map, value, qubits);
    for (const size of sizes) {
      const blocks = choose(qubits, size);
      if (value === 'full' && blocks > MOST_BLOCKS) {
        throw new QrkdRangeError(
          'ERR_QRKD_VALUE',
          `${map}: entanglement "full" of ${size} among ${qubits} qubits has ${blocks} blocks, at most ${MOST_BLOCKS} are possible; use "linear"`,
        );
      }
    }
    if (value === 'pairwise' && largest > 2) {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `${map}: entanglement "pairwise" is for strings of at most 2 letters, got one of ${largest}; use "linear"`,
      );
    }
    return;
  }
  for (const [k, block] of value.entries()) {
    const good =
      Array.isArray(block) &&
      block.every((q, i) => Number.isInteger(q) && q >= 0 && q < qubits && block.indexOf(q) === i) &&
      sizes.includes(block.length);
    if (!good) {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `${map}: entanglement block ${k} must be ${sizes.join(' or ')} different qubits from 0 to ${qubits - 1}, got ${JSON.stringify(block)}`,
      );
    }
  }
  for (const size of sizes) {
    if (size > 1 && !value.some((block) => block.length === size)) {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `${map}: entanglement lists no block of ${size} qubits for the strings of ${size} letters`,
      );
    }
  }
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
