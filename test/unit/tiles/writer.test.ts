// The thread that writes: the system's errors come back with code and path, and end the writing.
import assert from 'node:assert/strict';
import { closeSync, existsSync, openSync } from 'node:fs';
import { it } from 'node:test';
import { tilesOf } from '#dist/tiles/grid.js';
import { npyLayout } from '#dist/tiles/layout.js';
import { TileWriter } from '#dist/tiles/writer.js';

it('a disk that becomes full', { skip: !existsSync('/dev/full') }, async () => {
  const fd = openSync('/dev/full', 'w');
  const grid = { rows: 64, columns: 64, edge: 32, symmetric: true };
  const written: number[] = [];
  const writer = new TileWriter(fd, 'K.npy.partial', npyLayout(grid, '<f8'), {
    bufferBytes: 8 * 32 * 32,
    buffers: 2,
    onWritten: ({ index }) => written.push(index),
  });
  const full = { code: 'ENOSPC', path: 'K.npy.partial', message: /ENOSPC/ };
  writer.write(tilesOf(grid)[0]!, await writer.buffer());
  await assert.rejects(async () => {
    for (;;) await writer.buffer();
  }, full);
  await assert.rejects(writer.close(), full);
  assert.deepEqual(written, []);
  closeSync(fd);
});
