import os from 'node:os';
import { describe, QrkdRangeError, QrkdTypeError } from '../errors.js';
import type { Shard } from './grid.js';

const UNITS: Record<string, number> = { '': 1, b: 1 };
for (const [power, prefix] of [...'kmgt'].entries()) {
  UNITS[`${prefix}b`] = 1000 ** (power + 1);
  UNITS[`${prefix}ib`] = UNITS[prefix] = 1024 ** (power + 1);
}

/**
 * Bytes from a number or a text such as '4GiB', '500 MB' or '2g' (1024-fold, as without a unit of its own).
 *
 * @throws TypeError ERR_QRKD_TYPE or RangeError ERR_QRKD_VALUE
 */
export function parseMemory(memory: unknown): number {
  if (typeof memory !== 'number' && typeof memory !== 'string') {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `memory must be bytes or a text such as '4GiB', got ${describe(memory)}`);
  }
  const [, digits, unit] = /^\s*(\d+(?:\.\d+)?(?:e\d+)?)\s*([a-z]*)\s*$/i.exec(String(memory)) ?? [];
  const bytes = Number(digits) * (UNITS[unit?.toLowerCase() ?? ''] ?? Number.NaN);
  if (!(bytes > 0 && Number.isFinite(bytes))) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `memory must be bytes or a text such as '4GiB', got ${describe(memory)}`,
    );
  }
  return Math.floor(bytes);
}

/** A quarter of the machine's memory, or of what this process may use where that is less. */
export function defaultMemory(): number {
  return Math.floor(Math.min(os.totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY) / 4);
}

/**
 * A shard written as 'i/n', i from 1 to n.
 *
 * @throws TypeError ERR_QRKD_TYPE or RangeError ERR_QRKD_VALUE
 */
export function parseShard(shard: unknown): Shard {
  if (typeof shard !== 'string') {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `shard must be a text such as '2/8', got ${describe(shard)}`);
  }
  const [, index, count] = (/^(\d+)\/(\d+)$/.exec(shard) ?? []).map(Number);
  if (!(index && count && index <= count)) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `shard must be 'i/n' with i from 1 to n, got ${describe(shard)}`);
  }
  return { index, count };
}
