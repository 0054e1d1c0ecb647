import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, extname, join, resolve } from 'node:path';
import { decode } from 'jpeg-js';
import { PNG } from 'pngjs';
import { checkMemory } from '../engine/memory.js';
import { excerpt, QrkdRangeError, suggest } from '../errors.js';
import {
  alternateClasses,
  BYTE_TO_PIXEL,
  type ImageData,
  type ImageSet,
  rowsOfFold,
  splitByClass,
  VALIDATION_FOLD,
} from './imageSet.js';
import { type ByteImage, resize } from './resize.js';

const ENDINGS = ['.png', '.jpg', '.jpeg'];
/** What desktops leave in folders. */
const NOT_MEANT = ['thumbs.db', 'desktop.ini'];
const RGB = 3;

export interface ImageFolderOptions {
  /** Side of square images, or `[height, width]`, that all are brought to; without it they must have one size. */
  size?: number | readonly [height: number, width: number];
}

/**
 * Images in PNG or JPEG, a folder for each class: `train/<class>/*.png` and `test/<class>/*.png`, or only `<class>/*.png`, of
 * which every fifth is test (index mod 5 = 4 within its class, files in the order of their names). Classes are in the order
 * of their names, and alternate. Images have one channel if all of them are grey, else three; pixels become byte / 255 (16
 * bits are cut to 8).
 *
 * @throws {QrkdRangeError} `ERR_QRKD_FILE` for what is missing, `ERR_QRKD_FORMAT` for what is no image or has another
 * size or transparent pixels, naming the file, what was found and what was expected.
 */
export function loadImages(folder: string, { size }: ImageFolderOptions = {}): ImageData {
  const sides = typeof size === 'number' ? [size, size] : size;
  if (sides?.some((side) => !Number.isInteger(side) || side < 1) || (sides && sides.length !== 2)) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `loadImages: size is ${JSON.stringify(size)}; expected a whole number or [height, width]`,
    );
  }
  const top = foldersIn(folder);
  const name = basename(resolve(folder));
  const parts = top.includes('train') ? { train: join(folder, 'train') } : { train: folder };
  const classNames = foldersIn(parts.train);
  if (classNames.length < 2) {
    const found = classNames.length === 0 ? 'no folders' : `only the folder "${classNames[0]}"`;
    throw new QrkdRangeError('ERR_QRKD_FILE', `${parts.train}: has ${found}, expected one for each class`);
  }
  const files = { train: filesOf(parts.train, classNames) };
  const first = decodeImage(files.train[0][0]);
  const [height, width] = sides ?? [first.height, first.width];
  const read = (lists: string[][]) => readPart(lists, { height, width, resized: sides !== undefined });
  const train = read(files.train);
  if (parts.train === folder || !top.includes('test')) {
    return { name, ...splitByClass(train.toSet(train.grey)), classNames };
  }
  const testFolder = join(folder, 'test');
  const unknown = foldersIn(testFolder).find((entry) => !classNames.includes(entry));
  if (unknown !== undefined) {
    const problem = `no class of the training part is called "${unknown}"${suggest(unknown, classNames)}`;
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${join(testFolder, unknown)}: ${problem}`);
  }
  const test = read(filesOf(testFolder, classNames));
  const grey = train.grey && test.grey;
  const set = train.toSet(grey);
  return {
    name,
    train: set,
    test: test.toSet(grey),
    validationRows: rowsOfFold(set.labels, VALIDATION_FOLD),
    classNames,
  };
}

function entriesIn(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !name.startsWith('.'));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'no such folder' : code === 'ENOTDIR' ? 'is a file, expected a folder' : message;
    throw new QrkdRangeError('ERR_QRKD_FILE', `${folder}: ${why}`);
  }
}

function foldersIn(folder: string): string[] {
  return entriesIn(folder)
    .filter(
      (entry) => entry.isDirectory() || (entry.isSymbolicLink() && statSync(join(folder, entry.name)).isDirectory()),
    )
    .map(({ name }) => name)
    .sort();
}

/** The image files of every class, in the order of their names. */
function filesOf(folder: string, classNames: readonly string[]): string[][] {
  return classNames.map((className) => {
    const inside = join(folder, className);
    const names = entriesIn(inside)
      .map(({ name }) => name)
      .filter((name) => !NOT_MEANT.includes(name.toLowerCase()))
      .sort();
    const other = names.find((name) => !ENDINGS.includes(extname(name).toLowerCase()));
    if (other !== undefined) {
      throw new QrkdRangeError('ERR_QRKD_FORMAT', `${join(inside, other)}: expected images only, .png, .jpg or .jpeg`);
    }
    if (names.length === 0)
      throw new QrkdRangeError('ERR_QRKD_FILE', `${inside}: has no images, expected at least one`);
    return names.map((name) => join(inside, name));
  });
}

/** The images of one part, as bytes in three channels until it is known whether all of them are grey. */
function readPart(
  files: string[][],
  { height, width, resized }: { height: number; width: number; resized: boolean },
): { grey: boolean; toSet(grey: boolean): ImageSet } {
  const order = alternateClasses(files.map((list) => list.length));
  const pixels = height * width;
  checkMemory(order.length * pixels * RGB * 5, 'the set of images');
  const bytes = new Uint8Array(order.length * pixels * RGB);
  order.forEach(({ label, index }, row) => {
    const path = files[label][index];
    const image = decodeImage(path);
    if (!resized && (image.height !== height || image.width !== width)) {
      const found = `is ${image.height}x${image.width}, the first image ${height}x${width} (height x width)`;
      throw new QrkdRangeError('ERR_QRKD_FORMAT', `${path}: ${found}; give a size that all are brought to`);
    }
    bytes.set(resize(image, height, width).bytes, row * pixels * RGB);
  });
  let grey = true;
  for (let i = 0; i < bytes.length && grey; i += RGB) {
    grey = bytes[i] === bytes[i + 1] && bytes[i] === bytes[i + 2];
  }
  return {
    grey,
    toSet(asGrey) {
      const channels = asGrey ? 1 : RGB;
      const images = new Float32Array(order.length * pixels * channels);
      for (let i = 0; i < images.length; i++) images[i] = BYTE_TO_PIXEL[bytes[asGrey ? RGB * i : i]];
      const labels = Int32Array.from(order, ({ label }) => label);
      return { images, labels, shape: [order.length, height, width, channels], classes: files.length };
    },
  };
}

/** A PNG or JPEG file as red, green and blue. */
function decodeImage(path: string): ByteImage {
  const file = readFileSync(path);
  const isPng = file.subarray(1, 4).equals(Buffer.from('PNG'));
  const isJpeg = file[0] === 0xff && file[1] === 0xd8;
  if (!isPng && !isJpeg) throw new QrkdRangeError('ERR_QRKD_FORMAT', `${path}: is neither a PNG nor a JPEG image`);
  try {
    return isPng
      ? withoutAlpha(path, PNG.sync.read(file))
      : toRgb(decode(file, { useTArray: true, formatAsRGBA: false, tolerantDecoding: false }));
  } catch (error) {
    if (error instanceof QrkdRangeError) throw error;
    const why = excerpt((error as Error).message, 120).replace(/\.$/, '');
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${path}: is not a complete ${isPng ? 'PNG' : 'JPEG'} image (${why})`);
  }
}

function toRgb({ data, width, height }: { data: Uint8Array; width: number; height: number }): ByteImage {
  return { bytes: data, height, width, channels: RGB };
}

function withoutAlpha(
  path: string,
  { data, width, height }: { data: Buffer; width: number; height: number },
): ByteImage {
  const bytes = new Uint8Array(width * height * RGB);
  for (let pixel = 0; pixel < width * height; pixel++) {
    if (data[4 * pixel + 3] !== 255) {
      const where = `row ${Math.floor(pixel / width)}, column ${pixel % width}`;
      throw new QrkdRangeError('ERR_QRKD_FORMAT', `${path}: has transparent pixels (${where}); put it on a background`);
    }
    bytes.set(data.subarray(4 * pixel, 4 * pixel + RGB), RGB * pixel);
  }
  return { bytes, height, width, channels: RGB };
}
