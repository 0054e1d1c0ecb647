import assert from 'node:assert/strict';
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { loadCifar10, loadCifar100, loadData } from 'qrkd/data';
import { writeCifar10, writeCifar100 } from '../../imageFiles.js';
import { refuses, scratch } from './refused.js';

const place = scratch();

describe('01 CIFAR-10', () => {
  it('has batches in their order, channels last, names from the list', () => {
    const dir = writeCifar10(place());
    const data = loadData({ cifar10: dir });
    assert.deepEqual(data.train.shape, [200, 32, 32, 3]);
    assert.deepEqual(data.test.shape, [40, 32, 32, 3]);
    assert.equal(data.classNames?.[9], 'truck');
    // Record 3 of batch 2 is row 43; the file has planes.
    const record = readFileSync(join(dir, 'data_batch_2.bin')).subarray(3 * 3073, 4 * 3073);
    assert.equal(data.train.labels[43], record[0]);
    for (const [y, x, c] of [
      [0, 0, 0],
      [31, 31, 2],
      [5, 17, 1],
    ]) {
      const pixel = data.train.images[((43 * 32 + y) * 32 + x) * 3 + c];
      assert.equal(pixel, Math.fround(record[1 + (c * 32 + y) * 32 + x] / 255));
    }
    // Four of every class in each batch of 40: index 3 of a class is a tenth of row 3x.
    assert.deepEqual([...data.validationRows.subarray(0, 4)], [30, 31, 32, 33]);
  });

  it('is the same gzipped, in its archive and in a folder with it', () => {
    const dir = writeCifar10(place(), { perBatch: 20, test: 10 });
    const plain = loadCifar10(dir);
    const archive = writeCifar10(place(), { perBatch: 20, test: 10, archive: true });
    assert.deepEqual(loadCifar10(archive), plain);
    assert.deepEqual(loadCifar10(join(archive, '..')), plain);
    writeFileSync(`${archive.slice(0, -3)}`, gunzipSync(readFileSync(archive)));
    rmSync(archive);
    assert.deepEqual(loadCifar10(join(archive, '..')), plain);
    const batch = join(dir, 'data_batch_4.bin');
    writeFileSync(`${batch}.gz`, gzipSync(readFileSync(batch)));
    rmSync(batch);
    assert.deepEqual(loadCifar10(dir), plain);
  });

  it('is refused with file, finding and expectation', () => {
    const wrong = (change: (dir: string) => void, code: string, message: RegExp) => {
      const dir = writeCifar10(place(), { perBatch: 10, test: 10 });
      change(dir);
      refuses(() => loadCifar10(dir), code, message);
    };
    refuses(() => loadCifar10(place()), 'ERR_QRKD_FILE', /no such file or folder \(expected cifar-10-binary.tar.gz\)/);
    wrong((dir) => rmSync(join(dir, 'data_batch_3.bin')), 'ERR_QRKD_FILE', /data_batch_3.bin: no such file/);
    wrong(
      (dir) => truncateSync(join(dir, 'data_batch_2.bin'), 30_000),
      'ERR_QRKD_FORMAT',
      /data_batch_2.bin: 30000 bytes, 9 records and 2343 bytes more; expected whole records of 3073 bytes/,
    );
    wrong((dir) => truncateSync(join(dir, 'test_batch.bin'), 0), 'ERR_QRKD_FORMAT', /test_batch.bin: 0 bytes/);
    wrong(
      (dir) => {
        const path = join(dir, 'data_batch_5.bin');
        const bytes = readFileSync(path);
        bytes[2 * 3073] = 10;
        writeFileSync(path, bytes);
      },
      'ERR_QRKD_FORMAT',
      /data_batch_5.bin: label 10 in record 2, expected 0 to 9/,
    );
  });

  it('wrong and truncated archives are refused in one line', () => {
    const other = writeCifar100(place(), { archive: true });
    refuses(() => loadCifar10(other), 'ERR_QRKD_FILE', /cifar-100-binary.tar.gz.data_batch_1.bin: no such file/);
    const archive = writeCifar10(place(), { perBatch: 10, test: 10, archive: true });
    const whole = readFileSync(archive);
    for (const share of [0.001, 0.3, 0.99]) {
      writeFileSync(archive, whole.subarray(0, Math.floor(share * whole.length)));
      refuses(() => loadCifar10(archive), 'ERR_QRKD_FORMAT', /tar.gz: is not a complete .tar, .tar.gz or .zip archive/);
    }
    // A tar file that ends within a member.
    writeFileSync(archive, gzipSync(gunzipSync(whole).subarray(0, 40_000)));
    refuses(() => loadCifar10(archive), 'ERR_QRKD_FORMAT', /is not a complete .*Truncated input/);
  });
});

describe('02 CIFAR-100', () => {
  it('has fine labels by default, coarse ones on demand', () => {
    const dir = writeCifar100(place(), { train: 100, test: 100 });
    const fine = loadData({ cifar100: dir });
    assert.equal(fine.train.classes, 100);
    assert.deepEqual(
      [...fine.train.labels],
      Array.from({ length: 100 }, (_, i) => i),
    );
    assert.equal(fine.classNames?.[99], 'fine_99');
    const coarse = loadData({ cifar100: dir, labels: 'coarse' });
    assert.equal(coarse.name, 'cifar100-coarse');
    assert.equal(coarse.train.classes, 20);
    assert.deepEqual(
      [...coarse.train.labels],
      Array.from({ length: 100 }, (_, i) => Math.floor(i / 5)),
    );
    assert.equal(coarse.classNames?.[19], 'coarse_19');
    assert.deepEqual(coarse.train.images, fine.train.images);
    refuses(() => loadCifar100(dir, { labels: 'raw' as never }), 'ERR_QRKD_VALUE', /labels is "raw"/);
  });
});
