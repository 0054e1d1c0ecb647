import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { QrkdRangeError } from '../errors.js';
import { type ImageData, type ImageSet, rowsOfFold, VALIDATION_FOLD } from './imageSet.js';

const CLASSES = 10;

/** Parts of a file's name: the middle dot instead of a dash is what some mirrors ship. */
const PARTS = { train: 'train', test: 't10k' } as const;

/**
 * MNIST, Fashion-MNIST or any data set in their format, from a folder with the four standard files, plain or gzipped:
 * `train-images-idx3-ubyte[.gz]`, `train-labels-idx1-ubyte[.gz]`, `t10k-images-idx3-ubyte[.gz]`,
 * `t10k-labels-idx1-ubyte[.gz]` (also with `.idx3-ubyte`). Pixels become byte / 255; rows stay in file order.
 * Format: http://yann.lecun.com/exdb/mnist (big-endian 32-bit header, then bytes).
 *
 * @throws {QrkdRangeError} `ERR_QRKD_FILE` for a missing folder or file, `ERR_QRKD_FORMAT` for a wrong magic number,
 * size, count or label, naming the file, what was found and what was expected.
 */
export function loadIdx(folder: string): ImageData {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    throw new QrkdRangeError('ERR_QRKD_FILE', `${folder}: no such folder (expected one with IDX files)`);
  }
  const train = readPart(folder, PARTS.train);
  const test = readPart(folder, PARTS.test);
  if (train.shape[1] !== test.shape[1] || train.shape[2] !== test.shape[2]) {
    const sizes = [train, test].map(({ shape }) => `${shape[1]}x${shape[2]}`);
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${folder}: training images are ${sizes[0]}, test images ${sizes[1]}`);
  }
  const validationRows = rowsOfFold(train.labels, VALIDATION_FOLD);
  return { name: basename(resolve(folder)), train, test, validationRows };
}

function readPart(folder: string, part: string): ImageSet {
  const images = readIdx(findFile(folder, `${part}-images`, 'idx3-ubyte'), 3);
  const labels = readIdx(findFile(folder, `${part}-labels`, 'idx1-ubyte'), 1);
  const [n, height, width] = images.dims;
  if (labels.dims[0] !== n) {
    throw new QrkdRangeError(
      'ERR_QRKD_FORMAT',
      `${labels.path}: ${labels.dims[0]} labels, expected ${n} (one an image)`,
    );
  }
  const wrong = labels.bytes.findIndex((label) => label >= CLASSES);
  if (wrong >= 0) {
    const found = `label ${labels.bytes[wrong]} at index ${wrong}`;
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${labels.path}: ${found}, expected 0 to ${CLASSES - 1}`);
  }
  const pixels = new Float32Array(images.bytes.length);
  for (let i = 0; i < pixels.length; i++) pixels[i] = images.bytes[i] / 255;
  return { images: pixels, labels: Int32Array.from(labels.bytes), shape: [n, height, width, 1], classes: CLASSES };
}

function findFile(folder: string, stem: string, ending: string): string {
  const names = [`${stem}-${ending}`, `${stem}.${ending}`].flatMap((name) => [name, `${name}.gz`]);
  const name = names.find((candidate) => existsSync(join(folder, candidate)));
  if (name === undefined) {
    throw new QrkdRangeError('ERR_QRKD_FILE', `${join(folder, names[0])}: no such file, plain or .gz`);
  }
  return join(folder, name);
}

/** One IDX file of unsigned bytes with `rank` dimensions. */
function readIdx(path: string, rank: number): { path: string; dims: number[]; bytes: Uint8Array } {
  const fail = (problem: string): never => {
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${path}: ${problem}`);
  };
  const file = readBytes(path);
  const header = 4 + 4 * rank;
  if (file.length < header) fail(`${file.length} bytes, expected at least the ${header} of the header`);
  // Two zero bytes, 0x08 for unsigned bytes, then the number of dimensions.
  const magic = 0x0800 + rank;
  if (file.readUInt32BE(0) !== magic) {
    fail(`magic number 0x${file.readUInt32BE(0).toString(16).padStart(8, '0')}, expected 0x0000080${rank}`);
  }
  const dims = Array.from({ length: rank }, (_, axis) => file.readUInt32BE(4 + 4 * axis));
  if (dims.includes(0)) fail(`dimensions ${dims.join(' x ')}, expected all above 0`);
  const expected = dims.reduce((product, dim) => product * dim, 1);
  if (file.length - header !== expected) {
    fail(`${file.length - header} bytes of data, expected ${expected} (${dims.join(' x ')})`);
  }
  return { path, dims, bytes: file.subarray(header) };
}

function readBytes(path: string): Buffer {
  try {
    const file = readFileSync(path);
    return path.endsWith('.gz') ? gunzipSync(file) : file;
  } catch (error) {
    const code = path.endsWith('.gz') && !('syscall' in (error as object)) ? 'ERR_QRKD_FORMAT' : 'ERR_QRKD_FILE';
    throw new QrkdRangeError(code, `${path}: cannot be read (${(error as Error).message})`);
  }
}
