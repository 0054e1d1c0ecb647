import { Worker } from 'node:worker_threads';
import type { Place } from '../analysis/shots.js';
import type { Matrix } from '../engine/types.js';
import { type ErrorCode, QrkdRangeError, QrkdTypeError } from '../errors.js';
import type { Device, DeviceOptions } from './Device.js';

/** What goes to the worker and comes back; plain data only. */
export interface MeasureRequest {
  device: { options: DeviceOptions; qubits: number; where: string };
  block: Matrix;
  place: Place;
  whole: { rows: number; columns: number };
  /** Whether negative eigenvalues are repaired at the end. */
  repair: boolean;
}
export type MeasureReply =
  | { block: Matrix }
  | { refusal: { name: 'TypeError' | 'RangeError'; code: ErrorCode; message: string } };

/** Fewer entries than these are done before a worker has started: some 20 ms of work, with eigenvalues or without. */
const INLINE = { entries: 2 ** 17, repaired: 2 ** 10 };

/** `Device.measure` of a whole matrix off the event loop. An abort rejects with `signal.reason`. */
export async function measureAsync(
  device: Device,
  exact: Matrix,
  gram: boolean,
  signal?: AbortSignal | null,
): Promise<Matrix> {
  const [rows, columns] = exact.shape;
  const repair = gram && device.repairs;
  const place = { row: 0, column: 0, gram };
  return measureBlockAsync(device, exact, place, { rows, columns }, repair, signal);
}

/** `Device.measureBlock`, and the repair of eigenvalues where it is asked for, off the event loop. */
export async function measureBlockAsync(
  device: Device,
  block: Matrix,
  place: Place,
  whole: { rows: number; columns: number },
  repair: boolean,
  signal?: AbortSignal | null,
): Promise<Matrix> {
  signal?.throwIfAborted();
  if (block.data.length <= (repair ? INLINE.repaired : INLINE.entries)) {
    device.measureBlock(block, place, whole);
    return repair ? device.repair(block) : block;
  }
  // A copy, since what is handed over is lost here, and a tile's buffer is used again.
  const data = block.data.slice();
  const request: MeasureRequest = { device: device.description, block: { ...block, data }, place, whole, repair };
  const worker = new Worker(new URL('./deviceWorker.js', import.meta.url), {
    workerData: request,
    transferList: [data.buffer as ArrayBuffer],
  });
  let abort: (() => void) | undefined;
  try {
    const reply = await new Promise<MeasureReply>((resolve, reject) => {
      abort = () => reject(signal!.reason);
      signal?.addEventListener('abort', abort, { once: true });
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', (code) => reject(new Error(`the measuring thread ended with code ${code}`)));
    });
    if ('block' in reply) return reply.block;
    const { name, code, message } = reply.refusal;
    throw name === 'TypeError' ? new QrkdTypeError(code, message) : new QrkdRangeError(code, message);
  } finally {
    if (abort) signal?.removeEventListener('abort', abort);
    void worker.terminate();
  }
}
