import os from 'node:os';
import { QrkdRangeError } from '../errors.js';

/** Asking the system costs tens of microseconds, as much as a small kernel itself; what is this small always fits. */
const UNCHECKED_BYTES = 64 * 2 ** 20;

/**
 * Refuses a call whose memory would not fit, before any of it is taken.
 *
 * @param bytes needed at once.
 * @throws RangeError ERR_QRKD_MEMORY with both numbers.
 */
export function checkMemory(bytes: number, what: string): void {
  if (bytes <= UNCHECKED_BYTES) return;
  // What this process may still use: bounded by a cgroup too, where there is one.
  const available = Math.min(os.freemem() + reclaimable(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  if (bytes > available) {
    throw new QrkdRangeError(
      'ERR_QRKD_MEMORY',
      `${what} needs ${gib(bytes)} GiB of memory, ${gib(available)} GiB are available; use fewer samples, fewer qubits or float32`,
    );
  }
}

// os.freemem() is MemAvailable on Linux since Node 18; elsewhere cached pages count as used, so allow for some.
function reclaimable(): number {
  return process.platform === 'linux' ? 0 : os.totalmem() / 2;
}

function gib(bytes: number): string {
  return (bytes / 2 ** 30).toPrecision(3);
}
