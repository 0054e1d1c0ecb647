// Shards: a partition of equal parts, whose merge is the whole matrix to the bit; every wrong set of parts is refused.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { FidelityKernel, featureMap, mergeParts, type Precision } from 'qrkd';
import type { NativeBackedKernel } from '#dist/kernels/NativeBackedKernel.js';
import { costOf, type Grid, tilesOf, tilesOfShard } from '#dist/tiles/grid.js';
import { randomMatrices } from '../../matrices.js';
import { KERNELS, LITTLE, stopAfter, temporaryFolder, wholeFile } from './tiles.js';

const at = temporaryFolder();
const random = randomMatrices('shards');
const X = random(301, 5);
const Y = random(130, 5);
const zz = (precision: Precision = 'float64') =>
  new FidelityKernel(featureMap({ type: 'zz', features: 5, bandwidth: 0.4 }), { precision });
const LITTLE_MEMORY = { memory: LITTLE };

async function parts(
  path: string,
  count: number,
  kernel: NativeBackedKernel = zz(),
  x = X,
  y?: typeof X,
  options = {},
): Promise<string[]> {
  const files: string[] = [];
  for (let i = 1; i <= count; i++) {
    const shard = `${i}/${count}`;
    files.push((await kernel.matrixToFile(path, x, y, { ...LITTLE_MEMORY, shard, ...options })).path);
  }
  return files;
}

describe('shards', () => {
  const grids: Grid[] = [
    { rows: 60_000, columns: 60_000, edge: 4096, symmetric: true },
    { rows: 15_000, columns: 15_000, edge: 1024, symmetric: true },
    { rows: 10_000, columns: 3000, edge: 512, symmetric: false },
    { rows: 17, columns: 17, edge: 16, symmetric: true },
  ];
  for (const grid of grids) {
    for (const count of [1, 2, 3, 8]) {
      it(`${count} of ${grid.rows} x ${grid.columns}: every tile once, costs apart by less than a tile`, () => {
        const shards = Array.from({ length: count }, (_, i) => tilesOfShard(grid, { index: i + 1, count }));
        assert.deepEqual(shards.flat(), tilesOf(grid));
        const costs = shards.map((tiles) => tiles.reduce((sum, tile) => sum + costOf(tile, grid), 0));
        assert.ok(Math.max(...costs) - Math.min(...costs) <= 2 * grid.edge ** 2, `${costs}`);
      });
    }
  }
});

describe('mergeParts', () => {
  for (const [name, make] of KERNELS) {
    for (const precision of ['float32', 'float64'] as const) {
      it(`${name}, ${precision}: the bytes of the whole, symmetric and cross`, async () => {
        for (const y of [undefined, Y]) {
          const path = at(`${name}-${precision}-${y ? 'cross' : 'symmetric'}.npy`);
          const files = await parts(path, 3, make(precision), X, y);
          assert.deepEqual(
            files,
            [1, 2, 3].map((i) => `${path}.${i}of3.part`),
          );
          const expected = await wholeFile(`${path}.whole.npy`, make(precision), X, y);
          const result = await mergeParts(path, files.reverse());
          assert.ok(readFileSync(path).equals(expected));
          assert.deepEqual([result.path, result.shape, result.bytes], [path, [301, y ? 130 : 301], expected.length]);
        }
      });
    }
  }

  it('more shards than tiles: some parts are empty', async () => {
    const x = random(20, 5);
    const files = await parts(at('empty.npy'), 5, zz(), x);
    await mergeParts(at('empty.npy'), files);
    assert.ok(readFileSync(at('empty.npy')).equals(await wholeFile(at('empty-whole.npy'), zz(), x)));
  });

  it('a stopped shard goes on, and is no part before', async () => {
    const path = at('stopped.npy');
    const options = { ...LITTLE_MEMORY, shard: '1/2' };
    await stopAfter(2, zz(), path, X, undefined, options);
    await assert.rejects(mergeParts(path, [`${path}.1of2.part`]), { code: 'ERR_QRKD_FILE', message: /no such file/ });
    assert.equal((await zz().matrixToFile(path, X, undefined, options)).resumed, 2);
    await parts(path, 2);
    await mergeParts(
      path,
      [1, 2].map((i) => `${path}.${i}of2.part`),
    );
    assert.ok(readFileSync(path).equals(await wholeFile(at('stopped-whole.npy'), zz(), X)));
  });

  it('a part can be read with nothing but its description', async () => {
    const [first] = await parts(at('described.npy'), 2);
    const file = readFileSync(first!);
    assert.equal(file.toString('latin1', 0, 8), 'QRKDPART');
    assert.equal(file.readUInt32LE(8), 1);
    const length = file.readUInt32LE(12);
    const { dtype, grid, shard, tiles } = JSON.parse(file.toString('utf8', 16, 16 + length));
    assert.deepEqual([dtype, grid.rows, grid.columns, grid.symmetric, shard], ['<f8', 301, 301, true, [1, 2]]);
    let position = 16 + length;
    assert.equal(position % 64, 0);
    const { data } = zz().matrix(X);
    for (const [row, column, rows, columns] of tiles) {
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++, position += 8) {
          assert.equal(file.readDoubleLE(position), data[(row + i) * 301 + column + j]);
        }
      }
    }
    assert.equal(position, file.length);
  });

  it('is stopped and goes on', async () => {
    const path = at('again.npy');
    const x = random(2000, 5);
    const files = await parts(path, 2, zz(), x, undefined, { memory: '1MiB' });
    const controller = new AbortController();
    const options = { signal: controller.signal, onProgress: () => controller.abort() };
    await assert.rejects(mergeParts(path, files, options), { name: 'AbortError' });
    await mergeParts(path, files);
    assert.ok(readFileSync(path).equals(await wholeFile(at('again-whole.npy'), zz(), x)));
  });
});

describe('mergeParts refuses', () => {
  const path = at('refused.npy');
  const refuses = async (files: string[], message: RegExp, code = 'ERR_QRKD_FILE') => {
    await assert.rejects(mergeParts(path, files), (error: Error & { code: string }) => {
      assert.equal(error.code, code, error.stack);
      assert.match(error.message, message);
      assert.ok(!error.message.includes('\n'));
      return true;
    });
    assert.ok(!existsSync(path) && !existsSync(`${path}.partial`));
  };

  it('missing, doubled and foreign parts, naming them', async () => {
    const files = await parts(path, 4);
    await refuses([files[1]!], /not complete: shards 1\/4, 3\/4, 4\/4 missing/);
    await refuses(files.slice(1), /not complete: shard 1\/4 missing/);
    await refuses([...files, files[2]!], /both shard 3\/4/);
    await refuses([...files, at('nowhere.part')], /nowhere\.part: no such file/);
    const others = await parts(at('other.npy'), 4, zz(), random(301, 5));
    await refuses(
      [...files.slice(0, 3), others[3]!],
      /other\.npy\.4of4\.part and .*1of4\.part are not of the same matrix: X differs/,
    );
    const precise = await parts(at('precise.npy'), 4, zz('float32'));
    await refuses(
      [files[0]!, precise[1]!],
      /the kernel, the precision \(<f4, not <f8\)(, the size of the tiles)? differs/,
    );
    const coarse = await parts(at('coarse.npy'), 4, zz(), X, undefined, { memory: 80_000 });
    await refuses([files[0]!, coarse[1]!], /the size of the tiles differs/);
    const [, second] = await parts(at('count.npy'), 2);
    await refuses([files[0]!, second!], /the number of shards differs/);
  });

  it('what is no part, or a damaged one', async () => {
    const [first] = await parts(path, 1);
    const content = readFileSync(first!);
    const damaged = (bytes: Uint8Array) => {
      writeFileSync(at('damaged.part'), bytes);
      return [at('damaged.part')];
    };
    await refuses(damaged(Buffer.from('')), /is not a part/, 'ERR_QRKD_FORMAT');
    await refuses(damaged(Buffer.from('a,b\n1,2\n')), /is not a part/, 'ERR_QRKD_FORMAT');
    await refuses(damaged(content.subarray(0, 12)), /header is damaged/, 'ERR_QRKD_FORMAT');
    await refuses(damaged(content.subarray(0, 100)), /header is damaged/, 'ERR_QRKD_FORMAT');
    await refuses(damaged(content.subarray(0, -8)), /has \d+ bytes, expected \d+/, 'ERR_QRKD_FORMAT');
    await refuses(damaged(Buffer.concat([content, content])), /has \d+ bytes, expected \d+/, 'ERR_QRKD_FORMAT');
    const newer = Buffer.from(content);
    newer[8] = 2;
    await refuses(damaged(newer), /is of version 2, expected 1/, 'ERR_QRKD_FORMAT');
    const odd = Buffer.from(content);
    odd.write('{"a":1}'.padEnd(content.readUInt32LE(12)), 16);
    await refuses(damaged(odd), /header is damaged/, 'ERR_QRKD_FORMAT');
  });

  it('no parts at all, and unknown options', async () => {
    await assert.rejects(mergeParts(path, []), { code: 'ERR_QRKD_TYPE' });
    await assert.rejects(mergeParts(path, ['x'], { fast: true } as object), { code: 'ERR_QRKD_UNKNOWN_KEY' });
  });
});
