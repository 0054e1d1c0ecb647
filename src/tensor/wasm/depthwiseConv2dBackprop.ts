import type { backend_util as BackendUtil, DepthwiseConv2dNativeBackpropFilterAttrs } from '@tensorflow/tfjs-core';
import { forEachTap } from './convWindow.js';
import type { ArrayKernel } from './kernel.js';

type Shape4D = [number, number, number, number];
type FilterAttrs = DepthwiseConv2dNativeBackpropFilterAttrs;
type InputAttrs = Omit<FilterAttrs, 'filterShape'> & { inputShape: Shape4D };

/** dW[tap, c, m] = sum over pixels of x[pixel + tap, c] dy[pixel, c m]: missing from the stock backend. */
export function depthwiseConv2dBackpropFilter(util: typeof BackendUtil): ArrayKernel<FilterAttrs> {
  return {
    name: 'DepthwiseConv2dNativeBackpropFilter',
    inputs: ['x', 'dy'],
    shape: (_shapes, { filterShape }) => [...filterShape],
    fill(output, [x, dy], [xShape], { filterShape, strides, dilations, pad, dimRoundingMode }) {
      const shape = xShape as Shape4D;
      const info = util.computeConv2DInfo(shape, filterShape, strides, dilations, pad, dimRoundingMode, true);
      const [, , channels, multiplier] = filterShape;
      const sums = new Float64Array(output.length);
      forEachTap(info, (input, pixel, tap) => {
        for (let c = 0; c < channels; c++) {
          const value = x![input * channels + c]!;
          for (let m = 0; m < multiplier; m++) {
            const out = c * multiplier + m;
            sums[tap * channels * multiplier + out]! += value * dy![pixel * channels * multiplier + out]!;
          }
        }
      });
      output.set(sums);
    },
  };
}

/** dx[pixel + tap, c] = sum over taps and m of W[tap, c, m] dy[pixel, c m]: missing from the stock backend. */
export function depthwiseConv2dBackpropInput(util: typeof BackendUtil): ArrayKernel<InputAttrs> {
  return {
    name: 'DepthwiseConv2dNativeBackpropInput',
    inputs: ['dy', 'filter'],
    shape: (_shapes, { inputShape }) => [...inputShape],
    fill(output, [dy, filter], [, filterShape], { inputShape, strides, dilations, pad, dimRoundingMode }) {
      const taps = filterShape as Shape4D;
      const info = util.computeConv2DInfo(inputShape, taps, strides, dilations, pad, dimRoundingMode, true);
      const [, , channels, multiplier] = taps;
      forEachTap(info, (input, pixel, tap) => {
        for (let c = 0; c < channels; c++) {
          let sum = 0;
          for (let m = 0; m < multiplier; m++) {
            const out = c * multiplier + m;
            sum += filter![tap * channels * multiplier + out]! * dy![pixel * channels * multiplier + out]!;
          }
          output[input * channels + c]! += sum;
        }
      });
    },
  };
}
