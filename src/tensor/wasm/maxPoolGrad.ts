import type { backend_util as BackendUtil, MaxPoolGradAttrs } from '@tensorflow/tfjs-core';
import { forEachTap } from './convWindow.js';
import type { ArrayKernel } from './kernel.js';

type Shape4D = [number, number, number, number];

/**
 * Sends each output's gradient to the first maximum of its window, in row-major order, as TensorFlow does. The stock
 * kernel starts its search at 0 and so loses the gradient wherever a window's maximum is not positive.
 */
export function maxPoolGrad(util: typeof BackendUtil): ArrayKernel<MaxPoolGradAttrs> {
  return {
    name: 'MaxPoolGrad',
    inputs: ['input', 'dy'],
    shape: ([inputShape]) => [...inputShape!],
    fill(output, [x, dy], [inputShape], { filterSize, strides, pad, dimRoundingMode }) {
      const info = util.computePool2DInfo(inputShape as Shape4D, filterSize, strides, 1, pad, dimRoundingMode);
      const channels = info.outChannels;
      // Pixel of the largest value so far, for every output and channel; -1 before the first.
      const best = new Int32Array(dy!.length).fill(-1);
      forEachTap(info, (input, pixel) => {
        for (let c = 0; c < channels; c++) {
          const at = best[pixel * channels + c]!;
          if (at < 0 || x![input * channels + c]! > x![at]!) best[pixel * channels + c] = input * channels + c;
        }
      });
      for (let i = 0; i < best.length; i++) output[best[i]!]! += dy![i]!;
    },
  };
}
