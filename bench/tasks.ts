import { FidelityKernel, featureMap, type Matrix, type Precision } from 'qrkd';
import { kernelLossGradient } from '#dist/engine/relational.js';

export { gramFlops } from '#dist/bench/cases.js';

/** The map of all kernel benchmarks: ZZ, 2 repetitions, full entanglement. */
export function benchKernel(features: number, bandwidth: number, precision: Precision = 'float32'): FidelityKernel {
  return new FidelityKernel(featureMap({ type: 'zz', features, reps: 2, entanglement: 'full', bandwidth }), {
    precision,
  });
}

/** Value of the kernel loss and its gradient, through `forward`, with the loss itself in JavaScript. */
export function lossThroughForward(kernel: FidelityKernel, x: Matrix, teacher: Matrix): { value: number; dx: Matrix } {
  const forward = kernel.forward(x);
  const k = forward.matrix.data;
  const dk = new Float32Array(k.length);
  let value = 0;
  for (let i = 0; i < k.length; i++) {
    // Fidelities differ by at most 1: smooth-L1 is half the square everywhere.
    const difference = k[i]! - teacher.data[i]!;
    value += (difference * difference) / 2;
    dk[i] = difference / k.length;
  }
  const { dx } = forward.gradient({ data: dk, shape: forward.matrix.shape });
  forward.dispose();
  return { value: value / k.length, dx };
}

export function fusedLoss(kernel: FidelityKernel, x: Matrix, teacher: Matrix): { value: number; dx: Matrix } {
  const { loss, gradient } = kernelLossGradient(kernel, x, teacher);
  return { value: loss, dx: gradient };
}
