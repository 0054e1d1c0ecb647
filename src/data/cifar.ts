import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { checkMemory } from '../engine/memory.js';
import { QrkdRangeError } from '../errors.js';
import { BYTE_TO_PIXEL, type ImageData, type ImageSet, rowsOfFold, VALIDATION_FOLD } from './imageSet.js';
import { BytesSink, containerOf, readMembers } from './members.js';

const SIDE = 32;
const PLANE = SIDE * SIDE;
const PIXELS = 3 * PLANE;

/** How one of the two sets is laid out. */
interface Layout {
  name: string;
  train: readonly string[];
  test: string;
  names: string;
  /** Folder and archive, as they are downloaded. */
  inside: readonly string[];
  /** Label bytes before the pixels of a record, and the one that counts. */
  labelBytes: number;
  label: number;
  classes: number;
}

const CIFAR10: Layout = {
  name: 'cifar10',
  train: [1, 2, 3, 4, 5].map((n) => `data_batch_${n}.bin`),
  test: 'test_batch.bin',
  names: 'batches.meta.txt',
  inside: ['cifar-10-batches-bin', 'cifar-10-binary.tar.gz', 'cifar-10-binary.tar'],
  labelBytes: 1,
  label: 0,
  classes: 10,
};

/** Every record starts with the coarse label (of 20), then the fine one (of 100). */
const CIFAR100: Record<'fine' | 'coarse', Layout> = {
  fine: {
    name: 'cifar100',
    train: ['train.bin'],
    test: 'test.bin',
    names: 'fine_label_names.txt',
    inside: ['cifar-100-binary', 'cifar-100-binary.tar.gz', 'cifar-100-binary.tar'],
    labelBytes: 2,
    label: 1,
    classes: 100,
  },
  get coarse() {
    return { ...this.fine, name: 'cifar100-coarse', names: 'coarse_label_names.txt', label: 0, classes: 20 };
  },
};

/**
 * CIFAR-10's binary version: a folder with `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin`, plain or gzipped;
 * the archive `cifar-10-binary.tar.gz`; or a folder that holds one of the two. Batches are read in their order, and may have
 * any whole number of records (10,000 each in the real set). Pixels become byte / 255 in `[height][width][channel]` order.
 * Format: https://www.cs.toronto.edu/~kriz/cifar.html (a label byte, then 1,024 bytes each of red, green and blue).
 *
 * @throws {QrkdRangeError} `ERR_QRKD_FILE` for what is missing, `ERR_QRKD_FORMAT` for a wrong size, label or archive,
 * naming the file, what was found and what was expected.
 */
export function loadCifar10(path: string): ImageData {
  return loadCifar(path, CIFAR10);
}

export interface Cifar100Options {
  /** The 100 classes (default), or the 20 groups of them. */
  labels?: 'fine' | 'coarse';
}

/** CIFAR-100's binary version, `train.bin` and `test.bin`, as {@link loadCifar10} reads CIFAR-10. */
export function loadCifar100(path: string, { labels = 'fine' }: Cifar100Options = {}): ImageData {
  if (!Object.hasOwn(CIFAR100, labels)) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `loadCifar100: labels is "${labels}"; expected "fine" or "coarse"`);
  }
  return loadCifar(path, CIFAR100[labels]);
}

/** Records as they come out of a file. */
interface Batch {
  bytes: Buffer;
  where: string;
}

function loadCifar(path: string, layout: Layout): ImageData {
  if (!existsSync(path)) {
    throw new QrkdRangeError('ERR_QRKD_FILE', `${path}: no such file or folder (expected ${layout.inside[1]})`);
  }
  const files = [...layout.train, layout.test];
  const wanted = new RegExp(`^(${files.map((file) => file.replaceAll('.', '\\.')).join('|')})$`);
  const container = containerOf(path, wanted, layout.inside);
  const batches = new Map<string, Batch>();
  let classNames: string[] | undefined;
  readMembers(container, ({ name, where }) => {
    if (batches.has(name)) return undefined;
    if (name === layout.names) {
      return new BytesSink((bytes) => {
        classNames = bytes.toString('utf8').split(/\r?\n/).filter(Boolean);
      });
    }
    if (!files.includes(name)) return undefined;
    return new BytesSink((bytes) => batches.set(name, { bytes, where }));
  });
  const take = (names: readonly string[]) =>
    names.map((name) => {
      const batch = batches.get(name);
      if (batch) return batch;
      throw new QrkdRangeError('ERR_QRKD_FILE', `${join(container, name)}: no such file, plain or .gz`);
    });
  const [trainBatches, testBatches] = [take(layout.train), take([layout.test])];
  batches.clear();
  const [train, test] = [toSet(trainBatches, layout), toSet(testBatches, layout)];
  return {
    name: layout.name,
    train,
    test,
    validationRows: rowsOfFold(train.labels, VALIDATION_FOLD),
    ...(classNames?.length === layout.classes && { classNames }),
  };
}

/**
 * The records of files that follow each other. They stay bytes until all have come, since archives have them in another
 * order; the floats are four times as much.
 */
function toSet(batches: Batch[], { labelBytes, label, classes }: Layout): ImageSet {
  const size = labelBytes + PIXELS;
  let n = 0;
  for (const { bytes, where } of batches) {
    if (bytes.length === 0 || bytes.length % size !== 0) {
      const found = `${bytes.length} bytes, ${Math.floor(bytes.length / size)} records and ${bytes.length % size} bytes more`;
      throw new QrkdRangeError('ERR_QRKD_FORMAT', `${where}: ${found}; expected whole records of ${size} bytes`);
    }
    n += bytes.length / size;
  }
  checkMemory(4 * n * PIXELS, batches[0].where);
  const images = new Float32Array(n * PIXELS);
  const labels = new Int32Array(n);
  let row = 0;
  for (const { bytes, where } of batches) {
    for (let start = 0; start < bytes.length; start += size, row++) {
      labels[row] = bytes[start + label];
      if (labels[row] >= classes) {
        const found = `label ${labels[row]} in record ${start / size}`;
        throw new QrkdRangeError('ERR_QRKD_FORMAT', `${where}: ${found}, expected 0 to ${classes - 1}`);
      }
      const pixels = start + labelBytes;
      for (let p = 0; p < PLANE; p++) {
        const to = row * PIXELS + 3 * p;
        images[to] = BYTE_TO_PIXEL[bytes[pixels + p]];
        images[to + 1] = BYTE_TO_PIXEL[bytes[pixels + PLANE + p]];
        images[to + 2] = BYTE_TO_PIXEL[bytes[pixels + 2 * PLANE + p]];
      }
    }
  }
  return { images, labels, shape: [n, SIDE, SIDE, 3], classes };
}
