import type { backend_util as BackendUtil, Conv2DBackpropFilterAttrs } from '@tensorflow/tfjs-core';
import { forEachTap } from './convWindow.js';
import type { ArrayKernel } from './kernel.js';

type Shape4D = [number, number, number, number];

/** dW[tap, ci, co] = sum over pixels of x[pixel + tap, ci] dy[pixel, co]: missing from the stock backend. */
export function conv2dBackpropFilter(util: typeof BackendUtil): ArrayKernel<Conv2DBackpropFilterAttrs> {
  return {
    name: 'Conv2DBackpropFilter',
    inputs: ['x', 'dy'],
    shape: (_shapes, { filterShape }) => [...filterShape],
    fill(output, [x, dy], [xShape], { filterShape, strides, pad, dimRoundingMode }) {
      const info = util.computeConv2DInfo(xShape as Shape4D, filterShape, strides, 1, pad, dimRoundingMode);
      const [, , channelsIn, channelsOut] = filterShape;
      // Sums over all pixels of a batch: kept in double until the end.
      const sums = new Float64Array(output.length);
      forEachTap(info, (input, pixel, tap) => {
        const from = pixel * channelsOut;
        let to = tap * channelsIn * channelsOut;
        for (let ci = 0; ci < channelsIn; ci++) {
          const value = x![input * channelsIn + ci]!;
          for (let co = 0; co < channelsOut; co++) sums[to++]! += value * dy![from + co]!;
        }
      });
      output.set(sums);
    },
  };
}
