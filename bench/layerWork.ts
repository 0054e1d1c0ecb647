import type { NativeNode } from '#dist/engine/native.js';

type Shape = readonly [height: number, width: number, channels: number];

/** Additions and multiplications, and bytes of float32 activations read and written, of a whole batch. */
export interface Work {
  operations: number;
  bytes: number;
}

export interface LayerWork {
  name: string;
  forward: Work;
  backward: Work;
}

/** What each node of a network has to do for a batch, backward: both gradients, but for the images' own. */
export function layerWork(input: Shape, nodes: readonly NativeNode[], batch: number): LayerWork[] {
  const shapes: Shape[] = [input];
  return nodes.map((node) => {
    const inputs = node.inputs.map((n) => shapes[n]!);
    const output = outputShape(node, inputs);
    shapes.push(output);
    const forward = batch * operations(node, inputs[0]!, output);
    const read = inputs.reduce((sum, shape) => sum + sizeOf(shape), 0);
    const alias = node.kind === 'reshape';
    // The images need no gradient: products with weights are done once then, for the weights, else twice.
    const first = node.inputs[0] === 0;
    const products = (node.weights.length > 0 && !first) || node.kind === 'causalAttention' ? 2 : 1;
    return {
      name: nameOf(node, inputs[0]!, output),
      forward: { operations: forward, bytes: alias ? 0 : 4 * batch * (read + sizeOf(output)) },
      backward: {
        operations: products * forward,
        bytes: alias ? 0 : 4 * batch * (read + sizeOf(output) + (first ? 0 : read)),
      },
    };
  });
}

const sizeOf = ([height, width, channels]: Shape) => height * width * channels;

function outputShape({ kind, inputs: _, numbers: n }: NativeNode, inputs: readonly Shape[]): Shape {
  const [height, width, channels] = inputs[0]!;
  switch (kind) {
    case 'conv2d':
      return [n.outHeight!, n.outWidth!, n.filters!];
    case 'depthwiseConv2d':
      return [n.outHeight!, n.outWidth!, channels * n.multiplier!];
    case 'dense':
      return [1, 1, n.units!];
    case 'pointwise':
    case 'tokenProjection':
      return [height, width, n.units!];
    case 'tokenEmbedding':
      return [height, width, n.width!];
    case 'causalAttention':
      return [height, width, channels / 3];
    case 'reshape':
      return [n.height!, n.width!, n.channels!];
    case 'zeroPadding2d':
      return [height + n.top! + n.bottom!, width + n.left! + n.right!, channels];
    case 'concatenate':
      return [height, width, inputs.reduce((sum, shape) => sum + shape[2], 0)];
    default:
      return [n.outHeight ?? height, n.outWidth ?? width, channels];
  }
}

/** Of one sample, forward. Other layers than these count one operation for every number that they read. */
function operations({ kind, inputs, numbers: n }: NativeNode, input: Shape, output: Shape): number {
  const taps = () =>
    validTaps(n.kernelHeight!, n.strideY!, n.dilationY!, n.padTop!, input[0], output[0]) *
    validTaps(n.kernelWidth!, n.strideX!, n.dilationX!, n.padLeft!, input[1], output[1]);
  switch (kind) {
    case 'conv2d':
      return 2 * taps() * input[2] * output[2];
    case 'depthwiseConv2d':
      return 2 * taps() * output[2];
    case 'dense':
      return 2 * sizeOf(input) * sizeOf(output);
    case 'pointwise':
    case 'tokenProjection':
      return 2 * sizeOf(input) * n.units!;
    case 'causalAttention': // scores and their products with values, each of half of all pairs of tokens
      return 2 * sizeOf(output) * input[1];
    case 'reshape':
      return 0;
    default:
      return inputs.length * sizeOf(input);
  }
}

/** Pairs of an output and a tap along one axis that meet the image and not its padding. */
function validTaps(kernel: number, stride: number, dilation: number, pad: number, input: number, output: number) {
  let count = 0;
  for (let y = 0; y < output; y++) {
    for (let k = 0; k < kernel; k++) {
      const at = y * stride - pad + k * dilation;
      if (at >= 0 && at < input) count++;
    }
  }
  return count;
}

function nameOf({ kind, numbers: n }: NativeNode, input: Shape, output: Shape): string {
  const window = n.kernelHeight ?? n.poolHeight;
  const size = window === undefined ? '' : ` ${window}x${n.kernelWidth ?? n.poolWidth}`;
  const strided = (n.strideY ?? 1) > 1 ? `/${n.strideY}` : '';
  return `${kind}${size}${strided}${n.relu ? ' + relu' : ''} ${input.join('x')} -> ${output.join('x')}`;
}
