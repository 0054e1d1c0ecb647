import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { loadData, loadIdx } from 'qrkd/data';
import { create } from 'tar';
import { idxFile, writeIdx } from '../../imageFiles.js';
import { refuses, scratch } from './refused.js';

const place = scratch();

/** A folder with 6 training and 2 test images of 2 x 3 pixels in 3 classes, some files replaced (null: left out). */
function folder(replaced: Record<string, Buffer | null> = {}): string {
  const dir = place();
  mkdirSync(dir);
  const files: Record<string, Buffer | null> = {
    'train-images-idx3-ubyte': idxFile(
      [6, 2, 3],
      Array.from({ length: 36 }, (_, i) => i * 7),
    ),
    'train-labels-idx1-ubyte': idxFile([6], [1, 1, 1, 1, 0, 2]),
    't10k-images-idx3-ubyte.gz': gzipSync(idxFile([2, 2, 3], new Array(12).fill(255))),
    't10k-labels-idx1-ubyte.gz': gzipSync(idxFile([2], [0, 2])),
    ...replaced,
  };
  for (const [name, bytes] of Object.entries(files)) if (bytes) writeFileSync(join(dir, name), bytes);
  return dir;
}

/** Data sets without their names. */
const content = ({ name: _, ...data }: ReturnType<typeof loadIdx>) => data;

describe('01 IDX files', () => {
  it('are read plain and gzipped', () => {
    const data = loadData({ idx: folder() });
    assert.deepEqual(data.train.shape, [6, 2, 3, 1]);
    assert.deepEqual(data.test.shape, [2, 2, 3, 1]);
    assert.equal(data.train.images[35], Math.fround(245 / 255));
    assert.equal(data.test.images[0], 1);
    assert.deepEqual([...data.train.labels], [1, 1, 1, 1, 0, 2]);
    assert.deepEqual([...data.validationRows], [3]);
    assert.equal(data.train.classes, 3);
  });

  it('are the same in a folder, in archives, in a folder with the archive, and across pieces of a megabyte', () => {
    const dir = writeIdx(place(), { train: 1500, test: 30 });
    const plain = loadIdx(dir);
    assert.equal(plain.train.classes, 10);
    assert.deepEqual(plain.train.shape, [1500, 28, 28, 1]);
    // The bytes themselves, past the header.
    const bytes = readFileSync(join(dir, 'train-images-idx3-ubyte')).subarray(16);
    assert.ok(plain.train.images.every((pixel, i) => pixel === Math.fround(bytes[i] / 255)));
    const gzipped = loadIdx(writeIdx(place(), { train: 1500, test: 30, gzip: true }));
    assert.deepEqual(content(gzipped), content(plain));
    const archive = `${dir}.tar.gz`;
    create({ file: archive, cwd: dir, gzip: true, sync: true }, ['.']);
    assert.deepEqual(content(loadIdx(archive)), content(plain));
  });

  it('are refused with file, finding and expectation', () => {
    const wrong = (replaced: Record<string, Buffer | null>, code: string, message: RegExp) =>
      refuses(() => loadIdx(folder(replaced)), code, message);
    const format = 'ERR_QRKD_FORMAT';
    refuses(() => loadIdx(place()), 'ERR_QRKD_FILE', /set\d+: no such folder/);
    wrong({ 'train-labels-idx1-ubyte': null }, 'ERR_QRKD_FILE', /train-labels-idx1-ubyte: no such file/);
    wrong({ 't10k-images-idx3-ubyte.gz': null }, 'ERR_QRKD_FILE', /t10k-images-idx3-ubyte: no such file/);
    const images = (bytes: Buffer, message: RegExp) => wrong({ 'train-images-idx3-ubyte': bytes }, format, message);
    images(
      idxFile([6, 2, 3], new Array(35).fill(0)),
      /train-images-idx3-ubyte: 35 bytes of data.*, expected 36 \(6 x 2 x 3\)/,
    );
    images(idxFile([6, 2, 3], new Array(37).fill(0)), /train-images-idx3-ubyte: 37 bytes of data, expected 36/);
    images(Buffer.alloc(7), /7 bytes, expected at least the 16/);
    images(idxFile([36], new Array(36).fill(0)), /magic number 0x00000801, expected 0x00000803/);
    images(idxFile([0, 2, 3], []), /0 x 2 x 3, expected all above 0/);
    images(idxFile([4e9, 4e9, 4e9], [0]), /expected 6.4e\+28 \(4000000000 x/);
    const labels = (values: number[], message: RegExp) =>
      wrong({ 'train-labels-idx1-ubyte': idxFile([values.length], values) }, format, message);
    labels([0, 0, 0, 0, 0], /5 labels, expected 6/);
    labels([0, 0, 1, 7, 0, 0], /label 7 at index 3, but no image of class 2/);
    wrong(
      { 't10k-labels-idx1-ubyte.gz': gzipSync(idxFile([2], [0, 3])) },
      format,
      /label 3 at index 1, expected 0 to 2/,
    );
    wrong(
      { 't10k-images-idx3-ubyte.gz': gzipSync(idxFile([2, 3, 2], new Array(12).fill(0))) },
      format,
      /training images are 2x3, test images 3x2/,
    );
    refuses(() => loadIdx(folder(), { classes: 2 }), format, /label 2 at index 5, expected 0 to 1/);
  });

  it('gzip files that are truncated, damaged or none at all are refused', () => {
    const good = gzipSync(idxFile([2], [0, 2]));
    const damaged = Buffer.from(good);
    damaged[good.length - 8] ^= 1;
    for (const [bytes, message] of [
      [good.subarray(0, 15), /unexpected end of file/],
      [good.subarray(0, good.length - 4), /unexpected end of file/],
      [damaged, /incorrect data check/],
      [idxFile([2], [0, 2]), /incorrect header check/],
    ] as const) {
      refuses(
        () => loadIdx(folder({ 't10k-labels-idx1-ubyte.gz': bytes })),
        'ERR_QRKD_FORMAT',
        new RegExp(`t10k-labels-idx1-ubyte.gz: is not a complete gzip file \\(${message.source}`),
      );
    }
  });
});

describe('02 EMNIST', () => {
  /** Files of sets with 4 training and 2 test images of 2 x 2 pixels. */
  const files = (sets: Record<string, number[]>) =>
    Object.fromEntries(
      Object.entries(sets).flatMap(([split, labels]) =>
        [
          ['train', labels],
          ['test', labels.slice(0, 2)],
        ].flatMap(([part, list]) => {
          const count = list.length;
          const pixels = Array.from({ length: 4 * count }, (_, i) => i);
          return [
            [`gzip/emnist-${split}-${part}-images-idx3-ubyte.gz`, gzipSync(idxFile([count, 2, 2], pixels))],
            [`gzip/emnist-${split}-${part}-labels-idx1-ubyte.gz`, gzipSync(idxFile([count], list as number[]))],
          ];
        }),
      ),
    ) as Record<string, Buffer>;
  const both = files({ digits: [0, 9, 3, 3], letters: [1, 26, 2, 2] });
  /** As it is downloaded, members stored or deflated. */
  const archive = (content: Record<string, Buffer>, level: 0 | 6 = 6) => {
    const dir = place();
    mkdirSync(dir);
    writeFileSync(join(dir, 'gzip.zip'), zipSync({ 'gzip/': new Uint8Array(0), ...content }, { level }));
    return dir;
  };

  it('is read out of the archive, turned, with letters from 0 and names', () => {
    for (const level of [0, 6] as const) {
      const data = loadData({ idx: archive(both, level), split: 'letters' });
      assert.equal(data.name, 'emnist-letters');
      assert.deepEqual([...data.train.labels], [0, 25, 1, 1]);
      assert.equal(data.train.classes, 26);
      assert.equal(data.classNames?.[25], 'Z');
      // The file has pixel (x, y) at 2 x + y.
      assert.deepEqual(
        Array.from(data.train.images.subarray(4, 8), (pixel) => Math.round(255 * pixel)),
        [4, 6, 5, 7],
      );
      assert.equal(loadIdx(archive(both, level), { split: 'digits' }).train.classes, 10);
    }
    assert.equal(loadIdx(archive(files({ balanced: [46, 0, 1, 2] }))).classNames?.length, 47);
  });

  it('asks which set where there are several, and checks labels of each', () => {
    const several = archive(both);
    refuses(() => loadIdx(several), 'ERR_QRKD_FORMAT', /gzip.zip: has more than one data set \(digits, letters, ...\)/);
    refuses(() => loadIdx(several, { split: 'byclass' }), 'ERR_QRKD_FILE', /emnist-byclass-train-images-idx3-ubyte/);
    refuses(() => loadIdx(several, { split: 'leters' as never }), 'ERR_QRKD_VALUE', /did you mean "letters"/);
    const zero = archive(files({ letters: [1, 0, 2, 2] }));
    refuses(() => loadIdx(zero), 'ERR_QRKD_FORMAT', /label 0 at index 1, expected 1 to 26/);
  });

  it('damaged archives are refused in one line', () => {
    const whole = zipSync(both);
    const broken = (change: (bytes: Uint8Array) => Uint8Array) => {
      const path = `${place()}.zip`;
      writeFileSync(path, change(whole.slice()));
      return () => loadIdx(path, { split: 'digits' });
    };
    refuses(
      broken((bytes) => bytes.subarray(0, bytes.length - 30)),
      'ERR_QRKD_FORMAT',
      /zip: is not a complete .zip archive/,
    );
    refuses(
      broken((bytes) => bytes.subarray(500)),
      'ERR_QRKD_FORMAT',
      /is not a complete .tar, .tar.gz or .zip archive/,
    );
    refuses(
      broken((bytes) => bytes.fill(0xff, 90, 100)),
      'ERR_QRKD_FORMAT',
      /(zip archive|gzip file)/,
    );
    const other = `${place()}.zip`;
    writeFileSync(other, deflateRawSync(Buffer.from('not an archive')));
    refuses(() => loadIdx(other), 'ERR_QRKD_FORMAT', /is not a complete .tar, .tar.gz or .zip archive/);
    const cut = `${writeIdx(place())}.tar.gz`;
    create({ file: cut, cwd: writeIdx(place()), gzip: true, sync: true }, ['.']);
    truncateSync(cut, 2000);
    refuses(() => loadIdx(cut), 'ERR_QRKD_FORMAT', /\.tar\.gz: is not a complete/);
    rmSync(cut);
  });
});
