import type { UnsortedSegmentSumAttrs } from '@tensorflow/tfjs-core';
import type { ArrayKernel } from './kernel.js';

/** output[s] = sum of the rows i of x with segmentIds[i] = s; ids outside 0..numSegments-1 are dropped. The gradient of gather. */
export function unsortedSegmentSum(): ArrayKernel<UnsortedSegmentSumAttrs> {
  return {
    name: 'UnsortedSegmentSum',
    inputs: ['x', 'segmentIds'],
    shape: ([xShape, idShape], { numSegments }) => [numSegments, ...xShape!.slice(idShape!.length)],
    fill(output, [x, segmentIds], _shapes, { numSegments }) {
      const width = numSegments === 0 ? 0 : output.length / numSegments;
      segmentIds!.forEach((segment, row) => {
        if (segment < 0 || segment >= numSegments) return;
        for (let j = 0; j < width; j++) output[segment * width + j]! += x![row * width + j]!;
      });
    },
  };
}
