import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { checkMemory } from '../engine/memory.js';
import { QrkdRangeError, suggest } from '../errors.js';
import { BYTE_TO_PIXEL, checkLabels, countClasses, type ImageData, rowsOfFold, VALIDATION_FOLD } from './imageSet.js';
import { containerOf, type Member, readMembers, type Sink } from './members.js';

/** EMNIST's sets (Cohen et al. 2017, arXiv 1702.05373, table II). In `letters`, labels start at 1. */
export const EMNIST_SPLITS = ['byclass', 'bymerge', 'balanced', 'letters', 'digits', 'mnist'] as const;
export type EmnistSplit = (typeof EMNIST_SPLITS)[number];

/** `train-images-idx3-ubyte` and its like (some mirrors ship a dot), `emnist-letters-test-labels-idx1-ubyte`. */
const FILE = /^(?:emnist-([a-z]+)-)?(train|t10k|test)-(images|labels)[-.]idx[13]-ubyte$/;
/** What EMNIST is downloaded as, and the folder in it. */
const ARCHIVES = ['gzip.zip', 'emnist.zip', 'gzip'];

const DIGITS = '0123456789';
const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
/** Small letters that EMNIST does not merge with their capitals. */
const DISTINCT = 'abdefghnqrt';
const EMNIST_CLASSES: Record<EmnistSplit, string> = {
  byclass: DIGITS + UPPER + UPPER.toLowerCase(),
  bymerge: DIGITS + UPPER + DISTINCT,
  balanced: DIGITS + UPPER + DISTINCT,
  letters: UPPER,
  digits: DIGITS,
  mnist: DIGITS,
};

export interface IdxOptions {
  /** Which of EMNIST's sets; needed where several are there. */
  split?: EmnistSplit;
  /** Number of classes that must be there; by default it is counted in the training labels. */
  classes?: number;
}

/**
 * MNIST, Fashion-MNIST, EMNIST or any data set in their format, from a folder or an archive (`.zip`, `.tar`, `.tar.gz`) with
 * the four standard files, plain or gzipped: `train-images-idx3-ubyte[.gz]`, `train-labels-idx1-ubyte[.gz]`,
 * `t10k-images-idx3-ubyte[.gz]`, `t10k-labels-idx1-ubyte[.gz]` (also with `.idx3-ubyte`), or EMNIST's
 * `emnist-SPLIT-train-images-idx3-ubyte[.gz]` and so on. Pixels become byte / 255; rows stay in file order. EMNIST's images
 * are stored transposed and are turned back; the labels of its `letters`, 1 to 26, become 0 to 25.
 * Format: http://yann.lecun.com/exdb/mnist (big-endian 32-bit header, then bytes).
 *
 * @throws {QrkdRangeError} `ERR_QRKD_FILE` for a missing folder or file, `ERR_QRKD_FORMAT` for a wrong magic number,
 * size, count or label, naming the file, what was found and what was expected.
 */
export function loadIdx(path: string, { split, classes: wanted }: IdxOptions = {}): ImageData {
  if (split !== undefined && !EMNIST_SPLITS.includes(split)) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `loadIdx: split is "${split}"${suggest(split, EMNIST_SPLITS)}`);
  }
  if (!existsSync(path)) {
    throw new QrkdRangeError('ERR_QRKD_FILE', `${path}: no such folder (expected one with IDX files)`);
  }
  const container = containerOf(path, FILE, ARCHIVES);
  const files = readFiles(container, split);
  const emnist = files.split;
  const stem = emnist === undefined ? '' : `emnist-${emnist}-`;
  const part = (name: 'train' | 'test') => {
    const images = files.get(`${name} images`) as IdxImages | undefined;
    const labels = files.get(`${name} labels`) as IdxLabels | undefined;
    const fileName = `${stem}${name === 'train' || emnist ? name : 't10k'}`;
    if (!images) throw missing(container, `${fileName}-images-idx3-ubyte`);
    if (!labels) throw missing(container, `${fileName}-labels-idx1-ubyte`);
    const n = images.dims[0];
    if (labels.dims[0] !== n) {
      const found = `${labels.dims[0]} labels, expected ${n} (one an image)`;
      throw new QrkdRangeError('ERR_QRKD_FORMAT', `${labels.member.where}: ${found}`);
    }
    if (emnist !== undefined) transpose(images);
    return { images, labels };
  };
  const [train, test] = [part('train'), part('test')];
  const sizes = [train, test].map(({ images: { dims } }) => `${dims[1]}x${dims[2]}`);
  if (sizes[0] !== sizes[1]) {
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${path}: training images are ${sizes[0]}, test images ${sizes[1]}`);
  }
  const first = emnist === 'letters' ? 1 : 0;
  const names = emnist && [...EMNIST_CLASSES[emnist]];
  const known = wanted ?? names?.length;
  const classes = known ?? countClasses(train.labels.values, train.labels.member.where);
  const set = ({ images, labels }: ReturnType<typeof part>) => {
    const values = labels.values.map((label) => label - first);
    checkLabels(values, classes, labels.member.where, first);
    const [n, height, width] = images.dims;
    return { images: images.values, labels: values, shape: [n, height, width, 1] as const, classes };
  };
  const data = { train: set(train), test: set(test) };
  return {
    name: emnist === undefined ? basename(resolve(path)) : `emnist-${emnist}`,
    ...data,
    validationRows: rowsOfFold(data.train.labels, VALIDATION_FOLD),
    ...(names && { classNames: names }),
  };
}

type Files = Map<string, IdxFile> & { split?: EmnistSplit };

function readFiles(container: string, wanted: EmnistSplit | undefined): Files {
  const files: Files = new Map();
  files.split = wanted;
  readMembers(container, (member) => {
    const match = FILE.exec(member.name);
    if (!match) return undefined;
    const [, split, part, kind] = match;
    if (split !== files.split) {
      if (wanted !== undefined) return undefined;
      if (files.size > 0 || !EMNIST_SPLITS.includes(split as EmnistSplit)) {
        const found = [...new Set([files.split ?? 'mnist', split ?? 'mnist'])].join(', ');
        throw new QrkdRangeError(
          'ERR_QRKD_FORMAT',
          `${container}: has more than one data set (${found}, ...); name one of EMNIST's with split`,
        );
      }
      files.split = split as EmnistSplit;
    }
    const key = `${part === 'train' ? 'train' : 'test'} ${kind}`;
    // Plain and gzipped side by side: the plain one came first.
    if (files.has(key)) return undefined;
    const file = kind === 'images' ? new IdxImages(member) : new IdxLabels(member);
    files.set(key, file);
    return file;
  });
  return files;
}

function missing(container: string, name: string): QrkdRangeError {
  return new QrkdRangeError('ERR_QRKD_FILE', `${join(container, name)}: no such file, plain or .gz`);
}

/** One IDX file of unsigned bytes, read piece by piece straight into its array. */
abstract class IdxFile implements Sink {
  abstract readonly rank: number;
  dims: number[] = [];
  #header = Buffer.alloc(0);
  #count = 0;
  #expected = 0;

  constructor(readonly member: Member) {}

  abstract allocate(count: number): void;
  abstract store(bytes: Uint8Array, at: number): void;

  write(chunk: Uint8Array): void {
    let bytes = chunk;
    if (this.dims.length === 0) {
      const missing = this.headerBytes - this.#header.length;
      this.#header = Buffer.concat([this.#header, chunk.subarray(0, missing)]);
      if (this.#header.length < this.headerBytes) return;
      this.readHeader();
      bytes = chunk.subarray(missing);
    }
    // What is too much is counted for the message, but has no place.
    const room = this.#expected - this.#count;
    if (room > 0) this.store(bytes.subarray(0, room), this.#count);
    this.#count += bytes.length;
  }

  end(): void {
    if (this.dims.length === 0) {
      this.fail(`${this.#header.length} bytes, expected at least the ${this.headerBytes} of the header`);
    }
    if (this.#count !== this.#expected) {
      this.fail(`${this.#count} bytes of data, expected ${this.#expected} (${this.dims.join(' x ')})`);
    }
  }

  private get headerBytes(): number {
    return 4 + 4 * this.rank;
  }

  private fail(problem: string): never {
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${this.member.where}: ${problem}`);
  }

  private readHeader(): void {
    // Two zero bytes, 0x08 for unsigned bytes, then the number of dimensions.
    const magic = this.#header.readUInt32BE(0);
    if (magic !== 0x0800 + this.rank) {
      this.fail(`magic number 0x${magic.toString(16).padStart(8, '0')}, expected 0x0000080${this.rank}`);
    }
    const dims = Array.from({ length: this.rank }, (_, axis) => this.#header.readUInt32BE(4 + 4 * axis));
    if (dims.includes(0)) this.fail(`dimensions ${dims.join(' x ')}, expected all above 0`);
    this.#expected = dims.reduce((product, dim) => product * dim, 1);
    const { capacity } = this.member;
    // Nothing is allocated on the word of a header alone.
    if (this.#expected > capacity) {
      const most = Math.max(0, capacity - this.headerBytes);
      this.fail(`${most} bytes of data at most, expected ${this.#expected} (${dims.join(' x ')})`);
    }
    this.allocate(this.#expected);
    this.dims = dims;
  }
}

class IdxImages extends IdxFile {
  readonly rank = 3;
  values = new Float32Array(0);
  allocate(count: number): void {
    checkMemory(4 * count, this.member.where);
    this.values = new Float32Array(count);
  }
  store(bytes: Uint8Array, at: number): void {
    for (let i = 0; i < bytes.length; i++) this.values[at + i] = BYTE_TO_PIXEL[bytes[i]];
  }
}

class IdxLabels extends IdxFile {
  readonly rank = 1;
  values = new Int32Array(0);
  allocate(count: number): void {
    this.values = new Int32Array(count);
  }
  store(bytes: Uint8Array, at: number): void {
    this.values.set(bytes, at);
  }
}

/** Turns images `[n][x][y]` into `[n][y][x]`, one after the other in place. */
function transpose(file: IdxImages): void {
  const [n, width, height] = file.dims;
  const size = width * height;
  const turned = new Float32Array(size);
  for (let row = 0; row < n; row++) {
    const image = file.values.subarray(row * size, (row + 1) * size);
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) turned[y * width + x] = image[x * height + y];
    image.set(turned);
  }
  file.dims = [n, height, width];
}
