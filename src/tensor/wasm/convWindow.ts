import type { backend_util } from '@tensorflow/tfjs-core';

type Window = Pick<
  backend_util.Conv2DInfo,
  | 'batchSize'
  | 'inHeight'
  | 'inWidth'
  | 'outHeight'
  | 'outWidth'
  | 'filterHeight'
  | 'filterWidth'
  | 'strideHeight'
  | 'strideWidth'
  | 'dilationHeight'
  | 'dilationWidth'
  | 'padInfo'
>;

/**
 * Calls `visit` for every pair of an output position and a filter tap that lies inside the image, output positions
 * outermost, taps in row-major order. `input` and `output` are pixel numbers (channels not counted), `tap` is the
 * filter position's number.
 */
export function forEachTap(info: Window, visit: (input: number, output: number, tap: number) => void): void {
  const { top, left } = info.padInfo;
  for (let b = 0; b < info.batchSize; b++) {
    for (let oy = 0; oy < info.outHeight; oy++) {
      for (let ox = 0; ox < info.outWidth; ox++) {
        const output = (b * info.outHeight + oy) * info.outWidth + ox;
        for (let fy = 0; fy < info.filterHeight; fy++) {
          const y = oy * info.strideHeight - top + fy * info.dilationHeight;
          if (y < 0 || y >= info.inHeight) continue;
          for (let fx = 0; fx < info.filterWidth; fx++) {
            const x = ox * info.strideWidth - left + fx * info.dilationWidth;
            if (x < 0 || x >= info.inWidth) continue;
            visit((b * info.inHeight + y) * info.inWidth + x, output, fy * info.filterWidth + fx);
          }
        }
      }
    }
  }
}
