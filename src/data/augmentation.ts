import { philox4x32 } from '../analysis/philox.js';
import { QrkdRangeError, rejectUnknownKeys } from '../errors.js';

/** What is done to a training image each time it is used; plain JSON. Nothing is done that is not given. */
export interface AugmentationOptions {
  /** Moves by up to so many pixels each way, in whole pixels, every place alike; 0 comes in from outside. */
  shift?: number;
  /** The same under CIFAR's name for it: pad by so many zeros on every side, then crop the old size (He et al. 2015, 4.2). */
  crop?: number;
  /** Left and right are exchanged in half of the cases. */
  flip?: boolean;
  /**
   * Side of a square that is set to 0 around a pixel, every pixel alike; it may stick out (DeVries and Taylor 2017,
   * arXiv 1708.04552). From an even side, the pixel is the first one right of and below the middle.
   */
  cutout?: number;
}

const KEYS = ['shift', 'crop', 'flip', 'cutout'] as const;
const WHERE = 'augment';
/** Philox's second key word: these numbers are nobody else's. */
const STREAM = 0x61756766;

/**
 * A function for the option `augment` of `distill` and `train`: moves, then flips, then cuts out, each image of a batch by
 * itself. Its random numbers depend on seed, step and place in the batch alone, so a resumed run sees the same images.
 *
 * @param options may be empty: then images stay as they are.
 * @param shape `[height, width, channels]` of an image, or the `shape` of a set, `[n, height, width, channels]`.
 * @param seed of the run, a whole number from 0 to 2^32 - 1.
 * @returns changes a batch `[batch, height, width, channels]` in place, at a step counted over all epochs; its `toJSON` tells
 *   options and seed.
 * @throws {QrkdTypeError} `ERR_QRKD_UNKNOWN_KEY`, or {QrkdRangeError} `ERR_QRKD_VALUE` naming the option.
 */
export function augmentation(
  options: AugmentationOptions,
  shape: readonly number[],
  seed: number,
): { (images: Float32Array, place: { readonly step: number }): void; toJSON(): unknown } {
  const [height, width, channels] = shape.slice(-3);
  const { reach, flip, side } = checked(options, Math.min(height, width));
  const size = height * width * channels;
  const random = new Uint32Array(4);
  const cut = new Uint32Array(4);
  const augment = (images: Float32Array, { step }: { readonly step: number }): void => {
    const moved = new Float32Array(size);
    for (let i = 0; i * size < images.length; i++) {
      const image = images.subarray(i * size, (i + 1) * size);
      // One block of random words for the move and the flip, one for the square: options do not change each other's.
      philox4x32(step, Math.floor(step / 2 ** 32), i, 0, seed, STREAM, random);
      philox4x32(step, Math.floor(step / 2 ** 32), i, 1, seed, STREAM, cut);
      if (reach > 0) {
        const down = below(2 * reach + 1, random[0]) - reach;
        const right = below(2 * reach + 1, random[1]) - reach;
        move(image, moved, { height, width, channels }, down, right);
        image.set(moved);
      }
      if (flip && random[2] >= 2 ** 31) mirror(image, { height, width, channels });
      if (side > 0) {
        const top = below(height, cut[0]) - Math.floor(side / 2);
        const left = below(width, cut[1]) - Math.floor(side / 2);
        for (let y = Math.max(0, top); y < Math.min(height, top + side); y++) {
          const row = y * width;
          image.fill(0, (row + Math.max(0, left)) * channels, (row + Math.min(width, left + side)) * channels);
        }
      }
    }
  };
  return Object.assign(augment, { toJSON: () => ({ ...options, seed }) });
}

interface Sides {
  height: number;
  width: number;
  channels: number;
}

/** A whole number in `[0, n)` from 32 random bits; probabilities differ by less than n / 2^32. */
function below(n: number, word: number): number {
  return Math.floor((word * n) / 2 ** 32);
}

function move(image: Float32Array, to: Float32Array, { height, width, channels }: Sides, down: number, right: number) {
  to.fill(0);
  const [first, last] = [Math.max(0, -right), width - Math.max(0, right)];
  for (let y = Math.max(0, -down); y < height - Math.max(0, down); y++) {
    const row = image.subarray((y * width + first) * channels, (y * width + last) * channels);
    to.set(row, ((y + down) * width + first + right) * channels);
  }
}

function mirror(image: Float32Array, { height, width, channels }: Sides): void {
  for (let y = 0; y < height; y++) {
    for (let x = 0; 2 * x < width - 1; x++) {
      const [left, right] = [(y * width + x) * channels, (y * width + width - 1 - x) * channels];
      for (let c = 0; c < channels; c++) {
        [image[left + c], image[right + c]] = [image[right + c], image[left + c]];
      }
    }
  }
}

function checked(options: AugmentationOptions, shortest: number): { reach: number; flip: boolean; side: number } {
  rejectUnknownKeys(options, KEYS, WHERE);
  const { shift = 0, crop = 0, flip = false, cutout = 0 } = options;
  const limits = { shift: shortest - 1, crop: shortest - 1, cutout: shortest };
  for (const [key, value] of Object.entries({ shift, crop, cutout })) {
    const most = limits[key as keyof typeof limits];
    if (Number.isInteger(value) && value >= 0 && value <= most) continue;
    const expected = `expected a whole number of pixels from 0 to ${most}, for these images`;
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${WHERE}: ${key} is ${value}; ${expected}`);
  }
  if (typeof flip !== 'boolean') {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${WHERE}: flip is ${JSON.stringify(flip)}; expected true or false`);
  }
  if (shift > 0 && crop > 0) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${WHERE}: shift and crop are two names of the same; give one of them`);
  }
  return { reach: shift || crop, flip, side: cutout };
}
