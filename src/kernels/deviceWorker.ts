/** The worker thread of measureAsync.ts: one block, one answer. */
import { parentPort, workerData } from 'node:worker_threads';
import { isUserError } from '../errors.js';
import { Device } from './Device.js';
import type { MeasureReply, MeasureRequest } from './measureAsync.js';

function measured({ device, block, place, whole, repair }: MeasureRequest): MeasureReply {
  const own = Device.of(device.options, device.qubits, device.where)!;
  try {
    own.measureBlock(block, place, whole);
    return { block: repair ? own.repair(block) : block };
  } catch (error) {
    if (!isUserError(error)) throw error;
    return { refusal: { name: error.name, code: error.code, message: error.message } };
  }
}

const reply = measured(workerData as MeasureRequest);
parentPort!.postMessage(reply, 'block' in reply ? [reply.block.data.buffer as ArrayBuffer] : []);
