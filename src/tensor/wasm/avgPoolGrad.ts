import type { AvgPoolGradAttrs, backend_util as BackendUtil } from '@tensorflow/tfjs-core';
import { forEachTap } from './convWindow.js';
import type { ArrayKernel } from './kernel.js';

type Shape4D = [number, number, number, number];

/**
 * Spreads each output's gradient evenly over the pixels that its window averaged. The stock kernel (as tfjs's own cpu
 * backend) divides by the whole window's size where padding 'same' lets windows reach over the border, although the
 * forward pass averages over the pixels inside only.
 */
export function avgPoolGrad(util: typeof BackendUtil): ArrayKernel<AvgPoolGradAttrs> {
  return {
    name: 'AvgPoolGrad',
    inputs: ['input', 'dy'],
    shape: ([inputShape]) => [...inputShape!],
    fill(output, [, dy], [inputShape], { filterSize, strides, pad }) {
      const info = util.computePool2DInfo(inputShape as Shape4D, filterSize, strides, 1, pad);
      const channels = info.outChannels;
      const averaged = new Int32Array(dy!.length / channels);
      forEachTap(info, (_input, pixel) => averaged[pixel]!++);
      forEachTap(info, (input, pixel) => {
        for (let c = 0; c < channels; c++)
          output[input * channels + c]! += dy![pixel * channels + c]! / averaged[pixel]!;
      });
    },
  };
}
