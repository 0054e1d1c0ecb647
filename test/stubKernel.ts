/** A kernel with trainable parameters of which everything is known: what uses kernels is tested apart from the engine. */
import type { ForwardPass, Gradient, Kernel, KernelLossGradient, Matrix } from 'qrkd';

/** exp(-sum_f w_f (x_f - y_f)^2), the parameters w_f >= 0 being one weight for each feature. */
export class WeightedGaussian implements Kernel {
  readonly precision = 'float64';
  readonly parameters: Float64Array;
  /** Passes not yet disposed of. */
  open = 0;

  constructor(weights: number[]) {
    this.parameters = Float64Array.from(weights);
  }

  matrix(x: Matrix, y: Matrix = x): Matrix {
    const width = x.shape[1];
    const shape: [number, number] = [x.shape[0], y.shape[0]];
    const data = Float64Array.from({ length: shape[0] * shape[1] }, (_, k) => {
      const [i, j] = [Math.floor(k / shape[1]) * width, (k % shape[1]) * width];
      return Math.exp(-this.parameters.reduce((sum, w, f) => sum + w * (x.data[i + f] - y.data[j + f]) ** 2, 0));
    });
    return { data, shape };
  }

  gradient(x: Matrix, dK: Matrix, y?: Matrix): Gradient {
    const { data: k, shape } = this.matrix(x, y);
    const other = y ?? x;
    const width = x.shape[1];
    const dx = { data: new Float64Array(x.data.length), shape: x.shape };
    const dy = y ? { data: new Float64Array(y.data.length), shape: y.shape } : undefined;
    const dparameters = new Float64Array(width);
    for (let i = 0; i < shape[0]; i++) {
      for (let j = 0; j < shape[1]; j++) {
        const g = dK.data[i * shape[1] + j] * k[i * shape[1] + j];
        for (let f = 0; f < width; f++) {
          const d = x.data[i * width + f] - other.data[j * width + f];
          dparameters[f] -= g * d * d;
          dx.data[i * width + f] -= 2 * g * this.parameters[f] * d;
          (dy ?? dx).data[j * width + f] += 2 * g * this.parameters[f] * d;
        }
      }
    }
    return { dx, ...(dy && { dy }), dparameters };
  }

  forward(x: Matrix, y?: Matrix): ForwardPass {
    this.open++;
    return {
      matrix: this.matrix(x, y),
      gradient: (dK) => this.gradient(x, dK as Matrix, y),
      dispose: () => void this.open--,
    };
  }

  async matrixAsync(x: Matrix, y?: Matrix): Promise<Matrix> {
    return this.matrix(x, y);
  }

  lossGradient(): KernelLossGradient {
    throw new Error('not needed');
  }

  toJSON(): Record<string, unknown> {
    return { kernel: 'stub' };
  }
}
