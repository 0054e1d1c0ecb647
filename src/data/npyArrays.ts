import { existsSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { checkMemory } from '../engine/memory.js';
import { QrkdRangeError } from '../errors.js';
import { type NpyArray, parseNpyArray } from '../files/npy.js';
import {
  BYTE_TO_PIXEL,
  checkLabels,
  countClasses,
  type ImageData,
  type ImageSet,
  rowsOfFold,
  splitByClass,
  VALIDATION_FOLD,
} from './imageSet.js';

const FLOATS = ['f2', 'f4', 'f8'];
const INTEGERS = ['i1', 'u1', 'i2', 'u2', 'i4', 'u4', 'i8', 'u8'];

/**
 * A folder with NumPy arrays: `train-images.npy`, `[n, height, width]` or `[n, height, width, channels]`, and
 * `train-labels.npy`, `[n]` whole numbers from 0 on; `test-images.npy` and `test-labels.npy` likewise, or, where both are
 * missing, every fifth image of a class is test (index mod 5 = 4). uint8 becomes byte / 255; floats are taken as they are.
 *
 * @throws {QrkdRangeError} `ERR_QRKD_FILE`, `ERR_QRKD_FORMAT` or `ERR_QRKD_NOT_FINITE`, naming the file, what was found and
 * what was expected.
 */
export function loadNpy(folder: string): ImageData {
  const at = (part: string, what: string) => join(folder, `${part}-${what}.npy`);
  const train = readPart(at('train', 'images'), at('train', 'labels'));
  const classes = countClasses(train.labels, at('train', 'labels'));
  const set = { ...train, classes };
  const name = basename(resolve(folder));
  if (!['images', 'labels'].some((what) => existsSync(at('test', what)))) return { name, ...splitByClass(set) };
  const test = readPart(at('test', 'images'), at('test', 'labels'));
  checkLabels(test.labels, classes, at('test', 'labels'));
  const [trainShape, testShape] = [train, test].map(({ shape }) => shape.slice(1).join('x'));
  if (trainShape !== testShape) {
    const problem = `images are ${testShape}, those of the training part ${trainShape}`;
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${at('test', 'images')}: ${problem}`);
  }
  return { name, train: set, test: { ...test, classes }, validationRows: rowsOfFold(set.labels, VALIDATION_FOLD) };
}

function read(path: string): NpyArray {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new QrkdRangeError('ERR_QRKD_FILE', `${path}: ${code === 'ENOENT' ? 'no such file' : message}`);
  }
  return parseNpyArray(bytes, path);
}

function readPart(imagesPath: string, labelsPath: string): Omit<ImageSet, 'classes'> {
  const images = read(imagesPath);
  const { shape, dtype } = images;
  if ((shape.length !== 3 && shape.length !== 4) || shape.includes(0)) {
    const found = `has shape (${shape.join(', ')})`;
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${imagesPath}: ${found}, expected (n, height, width[, channels])`);
  }
  if (dtype !== 'u1' && !FLOATS.includes(dtype)) {
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${imagesPath}: has dtype ${dtype}, expected uint8 or floats`);
  }
  const [n, height, width, channels = 1] = shape;
  const labels = readLabels(labelsPath);
  if (labels.length !== n) {
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${labelsPath}: ${labels.length} labels, expected ${n} (one an image)`);
  }
  return { images: pixelsOf(images, imagesPath), labels, shape: [n, height, width, channels] };
}

/** Pixels in C order. */
function pixelsOf({ data, dtype, shape, fortranOrder }: NpyArray, path: string): Float32Array {
  checkMemory(4 * data.length, path);
  const values = data as ArrayLike<number>;
  const pixels = new Float32Array(values.length);
  const size = values.length / shape[0];
  const place = fortranOrder ? fortranPlaces(shape) : (index: number) => index;
  for (let i = 0; i < pixels.length; i++) {
    const value = values[place(i)];
    pixels[i] = dtype === 'u1' ? BYTE_TO_PIXEL[value] : value;
    if (!Number.isFinite(pixels[i])) {
      throw new QrkdRangeError('ERR_QRKD_NOT_FINITE', `${path}: image ${Math.floor(i / size)} has a pixel of ${value}`);
    }
  }
  return pixels;
}

/** Where the i-th number in C order stands in Fortran order. */
function fortranPlaces(shape: readonly number[]): (index: number) => number {
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, side) => product * side, 1));
  return (index) => {
    let place = 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      place += (index % shape[axis]) * strides[axis];
      index = Math.floor(index / shape[axis]);
    }
    return place;
  };
}

function readLabels(path: string): Int32Array {
  const { data, dtype, shape } = read(path);
  if (shape.length !== 1 || !INTEGERS.includes(dtype)) {
    const found = `has shape (${shape.join(', ')}) and dtype ${dtype}`;
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${path}: ${found}, expected one dimension of integers`);
  }
  const labels = Array.from(data as ArrayLike<number | bigint>, Number);
  const most = 2 ** 31;
  checkLabels(labels, most, path);
  return Int32Array.from(labels);
}
