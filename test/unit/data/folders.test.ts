import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { encode } from 'jpeg-js';
import { PNG } from 'pngjs';
import { loadData, loadImages, loadNpy } from 'qrkd/data';
import seedrandom from 'seedrandom';
import { resize } from '#dist/data/resize.js';
import { refuses, scratch } from './refused.js';

const place = scratch();

function write(path: string, bytes: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}

/** A PNG file with the bytes that `at` gives for every pixel. */
function png(height: number, width: number, at: (y: number, x: number) => number[]): Buffer {
  const image = new PNG({ width, height });
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) image.data.set([...at(y, x), 255].slice(0, 4), (y * width + x) * 4);
  }
  return PNG.sync.write(image);
}
const grey = (value: number, height = 2, width = 3) =>
  png(height, width, (y, x) => Array(3).fill(value + y * width + x));

describe('01 image folders', () => {
  it('without parts get the fixed split; classes are sorted and alternate', () => {
    const dir = place();
    for (const [k, name] of ['zebra', 'ant'].entries()) {
      for (let i = 0; i < 10; i++) write(join(dir, name, `img${i}.png`), grey(100 * k + 10 * i));
    }
    write(join(dir, 'ant', '.hidden'), Buffer.from('x'));
    write(join(dir, 'ant', 'Thumbs.db'), Buffer.from('x'));
    const data = loadData({ images: dir });
    assert.deepEqual(data.classNames, ['ant', 'zebra']);
    assert.deepEqual(data.train.shape, [16, 2, 3, 1]);
    assert.deepEqual([...data.train.labels].slice(0, 4), [0, 1, 0, 1]);
    assert.equal(data.train.images[0], Math.fround(100 / 255));
    assert.equal(data.train.images[6], 0);
    // Indices 4 and 9 of each class.
    assert.deepEqual(
      [0, 6, 12, 18].map((at) => Math.round(255 * data.test.images[at])),
      [140, 40, 190, 90],
    );
    // Indices 3 and 8 of each class, in the training part.
    assert.deepEqual(
      [...data.validationRows].map((row) => Math.round(255 * data.train.images[6 * row])),
      [130, 30, 180, 80],
    );
  });

  it('with parts, in colour, JPEG beside PNG, brought to one size', () => {
    const dir = place();
    write(
      join(dir, 'train', 'a', '1.png'),
      png(4, 4, (y) => (y < 2 ? [255, 0, 0] : [0, 0, 255])),
    );
    const red = Buffer.alloc(8 * 8 * 4, Buffer.from([200, 30, 60, 255]));
    write(join(dir, 'train', 'b', '1.jpg'), encode({ data: red, width: 8, height: 8 }, 100).data);
    write(
      join(dir, 'test', 'b', '1.PNG'),
      png(2, 2, () => [9, 9, 9]),
    );
    write(
      join(dir, 'test', 'a', '1.png'),
      png(2, 2, () => [8, 8, 8]),
    );
    const { train, test } = loadImages(dir, { size: 2 });
    assert.deepEqual(train.shape, [2, 2, 2, 3]);
    assert.deepEqual([...train.images.subarray(0, 12)], [1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 1]);
    for (const [c, expected] of [200, 30, 60].entries()) {
      assert.ok(Math.abs(255 * train.images[12 + c] - expected) <= 3, `${255 * train.images[12 + c]}`);
    }
    assert.deepEqual([...test.labels], [0, 1]);
    refuses(() => loadImages(dir), 'ERR_QRKD_FORMAT', /1.jpg: is 8x8, the first image 4x4 .*; give a size/);
    write(join(dir, 'test', 'c', '1.png'), grey(0));
    refuses(
      () => loadImages(dir, { size: 2 }),
      'ERR_QRKD_FORMAT',
      /test.c: no class of the training part is called "c"/,
    );
  });

  it('are refused with file, finding and expectation', () => {
    refuses(() => loadImages(place()), 'ERR_QRKD_FILE', /no such folder/);
    const wrong = (name: string, bytes: Uint8Array, code: string, message: RegExp) => {
      const dir = place();
      write(join(dir, 'a', '0.png'), grey(0));
      write(join(dir, 'b', name), bytes);
      refuses(() => loadImages(dir), code, message);
    };
    const format = 'ERR_QRKD_FORMAT';
    wrong('1.gif', grey(0), format, /b.1.gif: expected images only/);
    wrong('1.png', Buffer.from('hello'), format, /b.1.png: is neither a PNG nor a JPEG image/);
    wrong('1.png', grey(0).subarray(0, 50), format, /b.1.png: is not a complete PNG image/);
    const jpeg = encode({ data: Buffer.alloc(4 * 64, 99), width: 8, height: 8 }, 90).data;
    wrong('1.jpg', jpeg.subarray(0, 300), format, /b.1.jpg: is not a complete JPEG image/);
    wrong(
      '1.png',
      png(2, 3, (y) => [0, 0, 0, y === 1 ? 7 : 255]),
      format,
      /transparent pixels \(row 1, column 0\)/,
    );
    const dir = place();
    write(join(dir, 'a', '0.png'), grey(0));
    refuses(() => loadImages(dir), 'ERR_QRKD_FILE', /has only the folder "a", expected one for each class/);
    mkdirSync(join(dir, 'b'));
    refuses(() => loadImages(dir), 'ERR_QRKD_FILE', /b: has no images/);
    refuses(() => loadImages(dir, { size: 0.5 }), 'ERR_QRKD_VALUE', /size is 0.5/);
  });

  it('a resized pixel is the mean over what it covers', () => {
    const random = seedrandom('resize');
    for (const [from, to] of [
      [
        [4, 6],
        [3, 4],
      ],
      [
        [5, 3],
        [2, 3],
      ],
      [
        [2, 3],
        [4, 9],
      ],
      [
        [7, 1],
        [3, 2],
      ],
    ]) {
      const bytes = Uint8Array.from({ length: from[0] * from[1] * 3 }, () => 256 * random());
      const { bytes: got } = resize({ bytes, height: from[0], width: from[1], channels: 3 }, to[0], to[1]);
      // Every old pixel repeated, so that new pixels are whole blocks.
      const [height, width] = [from[0] * to[0], from[1] * to[1]];
      for (let y = 0; y < to[0]; y++) {
        for (let x = 0; x < to[1]; x++) {
          let sum = 0;
          for (let v = y * from[0]; v < (y + 1) * from[0]; v++) {
            for (let u = x * from[1]; u < (x + 1) * from[1]; u++) {
              sum += bytes[(Math.floor((v * from[0]) / height) * from[1] + Math.floor((u * from[1]) / width)) * 3 + 1];
            }
          }
          assert.ok(Math.abs(got[(y * to[1] + x) * 3 + 1] - sum / (from[0] * from[1])) <= 0.5 + 1e-9);
        }
      }
    }
  });
});

describe('02 .npy arrays', () => {
  /** A `.npy` file as NumPy writes it (format 1.0). */
  const npy = (descr: string, shape: number[], values: ArrayBufferView, fortran = false) => {
    const text = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${shape.join(', ')},), }`;
    const head = Buffer.from(`\x93NUMPY\x01\x00\x76\x00${text.padEnd(117)}\n`, 'latin1');
    return Buffer.concat([head, Buffer.from(values.buffer, values.byteOffset, values.byteLength)]);
  };
  const bytes = Uint8Array.from({ length: 60 }, (_, i) => i);
  const folder = (files: Record<string, Buffer>) => {
    const dir = place();
    const all = {
      'train-images': npy('|u1', [10, 2, 3], bytes),
      'train-labels': npy('<i8', [10], BigInt64Array.from([0n, 0n, 0n, 0n, 0n, 1n, 1n, 1n, 1n, 1n])),
      ...files,
    };
    for (const [name, content] of Object.entries(all)) write(join(dir, `${name}.npy`), content);
    return dir;
  };

  it('of bytes and floats, in either order, with or without a test part', () => {
    const data = loadData({ npy: folder({}) });
    assert.deepEqual(data.train.shape, [8, 2, 3, 1]);
    assert.deepEqual([...data.test.labels], [0, 1]);
    assert.equal(data.test.images[6], Math.fround(54 / 255));
    assert.deepEqual([...data.validationRows], [3, 7]);
    const parts = folder({
      'test-images': npy('<f4', [1, 2, 3], Float32Array.of(1, -2, 0.5, 0, 0, 7)),
      'test-labels': npy('|u1', [1], Uint8Array.of(1)),
    });
    assert.deepEqual([...loadNpy(parts).test.images], [1, -2, 0.5, 0, 0, 7]);
    assert.equal(loadNpy(parts).train.shape[0], 10);
    // The same array in Fortran order: the image index runs fastest.
    const turned = new Uint8Array(60);
    for (let n = 0; n < 10; n++)
      for (let p = 0; p < 6; p++) turned[(Math.floor(p / 3) + 2 * (p % 3)) * 10 + n] = 6 * n + p;
    const fortran = folder({ 'train-images': npy('|u1', [10, 2, 3], turned, true) });
    assert.deepEqual(loadNpy(fortran).train, data.train);
  });

  it('are refused with file, finding and expectation', () => {
    const wrong = (files: Record<string, Buffer>, message: RegExp, code = 'ERR_QRKD_FORMAT') =>
      refuses(() => loadNpy(folder(files)), code, message);
    wrong({ 'train-images': npy('|u1', [60], bytes) }, /shape \(60\), expected \(n, height, width/);
    wrong({ 'train-images': npy('|i1', [10, 2, 3], bytes) }, /dtype i1, expected uint8 or floats/);
    wrong({ 'train-images': npy('|u1', [10, 2, 4], bytes) }, /holds 60 numbers/);
    wrong({ 'train-labels': npy('|u1', [9], bytes.subarray(0, 9)) }, /9 labels, expected 10/);
    wrong({ 'train-labels': npy('<f4', [10], new Float32Array(10)) }, /dtype f4, expected one dimension of integers/);
    wrong({ 'train-labels': npy('|u1', [10], Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 2)) }, /no image of class 1/);
    wrong({ 'train-labels': npy('|i1', [10], new Int8Array(10).fill(-1)) }, /label -1 at index 0/);
    const nan = new Float32Array(60);
    nan[13] = Number.NaN;
    wrong({ 'train-images': npy('<f4', [10, 2, 3], nan) }, /image 2 has a pixel of NaN/, 'ERR_QRKD_NOT_FINITE');
    const half = folder({ 'test-images': npy('|u1', [10, 2, 3], bytes) });
    refuses(() => loadNpy(half), 'ERR_QRKD_FILE', /test-labels.npy: no such file/);
    const gone = folder({});
    rmSync(join(gone, 'train-labels.npy'));
    refuses(() => loadNpy(gone), 'ERR_QRKD_FILE', /train-labels.npy: no such file/);
  });
});
