// The engine against Qiskit's, PennyLane's and sQUlearn's numbers (test/fixtures/make_kernels.py), through the public API.
import { describe, it } from 'node:test';
import { type FeatureMapSpec, FidelityKernel, featureMap } from 'qrkd';
import { ARRAYS, assertClose, assertRelative, readFixture } from './fixtures.js';

interface Case {
  name: string;
  spec: FeatureMapSpec;
  /** Values of the trainable parameters. */
  parameters?: number[];
  /** [N, features] */
  x: number[];
  /** [M, features] */
  y?: number[];
  /** Symmetric Gram of x. */
  k: number[];
  kxy?: number[];
  /** States of the first rows of x, row by row, global phase included. */
  states?: { rows: number; real: number[]; imag: number[] };
  /** d sum(dk * k) / dx */
  gradient?: { dk: number[]; dx: number[]; dparameters?: number[] };
  /** d sum(dk * kxy) / dx and dy */
  cross?: { dk: number[]; dx: number[]; dy: number[]; dparameters?: number[] };
}

const { cases } = readFixture<{ cases: Case[] }>('kernels.json');

for (const precision of ['float64', 'float32'] as const) {
  describe(`golden kernels, ${precision}`, () => {
    for (const { name, spec, parameters = [], ...expected } of cases) {
      it(name, () => {
        const map = featureMap(spec);
        const { features } = map;
        const float64 = precision === 'float64';
        const entangling = spec.type === 'zz' || spec.type === 'iqp';
        const tolerance = float64 ? 1e-12 : entangling && features >= 18 ? 3e-5 : 1e-5;
        const gradientTolerance = float64 ? 1e-9 : 1e-5;
        const matrix = (values: number[], columns: number) => ({
          data: ARRAYS[precision].from(values),
          shape: [values.length / columns, columns] as [number, number],
        });
        const kernel = new FidelityKernel(map, { precision });
        kernel.parameters.set(parameters);
        const X = matrix(expected.x, features);
        const samples = X.shape[0];
        assertClose(kernel.matrix(X).data, expected.k, tolerance, 'matrix(X)');

        if (expected.states) {
          const psi = kernel.states(X);
          const size = expected.states.real.length / expected.states.rows;
          for (let row = 0; row < expected.states.rows; row++) {
            const part = (values: ArrayLike<number>) => Array.from(values).slice(row * size, (row + 1) * size);
            const reference = { real: part(expected.states.real), imag: part(expected.states.imag) };
            assertClose(part(psi.real), reference.real, tolerance, `states, row ${row}, real part`);
            assertClose(part(psi.imag), reference.imag, tolerance, `states, row ${row}, imaginary part`);
          }
        }
        if (expected.gradient) {
          const dK = matrix(expected.gradient.dk, samples);
          const forward = kernel.forward(X);
          assertClose(forward.matrix.data, expected.k, tolerance, 'forward(X).matrix');
          for (const [how, gradient] of [
            ['gradient(X, dK)', kernel.gradient(X, dK)],
            ['forward(X).gradient(dK)', forward.gradient(dK)],
          ] as const) {
            assertRelative(gradient.dx.data, expected.gradient.dx, gradientTolerance, `${how}.dx`, 1);
            const dparameters = expected.gradient.dparameters ?? [];
            assertRelative(gradient.dparameters, dparameters, gradientTolerance, `${how}.dparameters`, 1);
          }
          forward.dispose();
        }
        if (expected.y && expected.kxy) {
          const Y = matrix(expected.y, features);
          assertClose(kernel.matrix(X, Y).data, expected.kxy, tolerance, 'matrix(X, Y)');
          if (!expected.cross) return;
          const dK = matrix(expected.cross.dk, Y.shape[0]);
          const forward = kernel.forward(X, Y);
          assertClose(forward.matrix.data, expected.kxy, tolerance, 'forward(X, Y).matrix');
          for (const [how, gradient] of [
            ['gradient(X, dK, Y)', kernel.gradient(X, dK, Y)],
            ['forward(X, Y).gradient(dK)', forward.gradient(dK)],
          ] as const) {
            assertRelative(gradient.dx.data, expected.cross.dx, gradientTolerance, `${how}.dx`, 1);
            assertRelative(gradient.dy!.data, expected.cross.dy, gradientTolerance, `${how}.dy`, 1);
            const dparameters = expected.cross.dparameters ?? [];
            assertRelative(gradient.dparameters, dparameters, gradientTolerance, `${how}.dparameters`, 1);
          }
          forward.dispose();
        }
      });
    }
  });
}
