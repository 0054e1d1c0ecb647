// Classical kernels against scikit-learn's values and torch's gradients (test/fixtures/make_classical.py).
import { describe, it } from 'node:test';
import { type Kernel, LinearKernel, MaternKernel, type Precision, RbfKernel } from 'qrkd';
import { ARRAYS, assertRelative, readFixture } from './fixtures.js';

interface Case {
  spec: { kernel: string };
  features: number;
  x: number[];
  y: number[];
  k: number[];
  kxy: number[];
  gradient: { dk: number[]; dx: number[] };
  cross: { dk: number[]; dx: number[]; dy: number[] };
}

function make({ kernel, ...options }: { kernel: string }, precision: Precision): Kernel {
  if (kernel === 'linear') return new LinearKernel({ precision });
  if (kernel === 'matern') return new MaternKernel({ ...(options as { length: number }), precision });
  return new RbfKernel({ ...(options as { gamma: number }), precision });
}

const { kernels } = readFixture<{ kernels: Case[] }>('classical.json');

for (const precision of ['float64', 'float32'] as const) {
  // Relative to the largest number: inner products exceed 1.
  const tolerance = precision === 'float64' ? 1e-14 : 2e-7;
  const matrix = (values: number[], columns: number) => ({
    data: ARRAYS[precision].from(values),
    shape: [values.length / columns, columns] as [number, number],
  });
  describe(`golden classical kernels, ${precision}`, () => {
    for (const { spec, features, ...expected } of kernels) {
      it(JSON.stringify(spec), () => {
        const kernel = make(spec, precision);
        const [X, Y] = [matrix(expected.x, features), matrix(expected.y, features)];
        assertRelative(kernel.matrix(X).data, expected.k, tolerance, 'matrix(X)', 1);
        assertRelative(kernel.matrix(X, Y).data, expected.kxy, tolerance, 'matrix(X, Y)', 1);
        const symmetric = kernel.gradient(X, matrix(expected.gradient.dk, X.shape[0]));
        assertRelative(symmetric.dx.data, expected.gradient.dx, tolerance, 'gradient(X, dK).dx', 1);
        const { dx, dy } = kernel.gradient(X, matrix(expected.cross.dk, Y.shape[0]), Y);
        assertRelative(dx.data, expected.cross.dx, tolerance, 'gradient(X, dK, Y).dx', 1);
        assertRelative(dy!.data, expected.cross.dy, tolerance, 'gradient(X, dK, Y).dy', 1);
      });
    }
  });
}
