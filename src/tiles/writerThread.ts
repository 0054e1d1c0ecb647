import { parentPort, workerData } from 'node:worker_threads';
import { type Layout, writeTile } from './layout.js';
import type { WriteReply, WriteRequest } from './writer.js';

const { fd, layout } = workerData as { fd: number; layout: Layout };

parentPort!.on('message', ({ tile, buffer }: WriteRequest) => {
  const reply: WriteReply = { tile, buffer };
  try {
    const length = tile.rows * tile.columns;
    writeTile(
      fd,
      layout,
      tile,
      layout.itemBytes === 4 ? new Float32Array(buffer, 0, length) : new Float64Array(buffer, 0, length),
    );
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    reply.error = { message, ...(code && { code }) };
  }
  parentPort!.postMessage(reply, [buffer]);
});
