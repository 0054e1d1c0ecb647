// The engine against Qiskit's and PennyLane's numbers (test/fixtures/make_kernels.py), through the public API.
import { describe, it } from 'node:test';
import { FidelityKernel, featureMap } from 'qrkd';
import type { MapSpec } from '../oracle.js';
import { ARRAYS, assertClose, assertRelative, readFixture } from './fixtures.js';

interface Case {
  name: string;
  spec: MapSpec;
  /** [N, features] */
  x: number[];
  /** [M, features] */
  y?: number[];
  /** Symmetric Gram of x. */
  k: number[];
  kxy?: number[];
  /** States of the first rows of x, row by row; each row's global phase is free. */
  states?: { rows: number; real: number[]; imag: number[] };
  /** d sum(dk * k) / dx */
  gradient?: { dk: number[]; dx: number[] };
  /** d sum(dk * kxy) / dx and dy */
  cross?: { dk: number[]; dx: number[]; dy: number[] };
}

const { cases } = readFixture<{ cases: Case[] }>('kernels.json');

/** Turns a row of states by the phase that brings it nearest to the one expected. */
function aligned(real: ArrayLike<number>, imag: ArrayLike<number>, expected: { real: number[]; imag: number[] }) {
  let re = 0;
  let im = 0;
  for (let b = 0; b < real.length; b++) {
    re += real[b]! * expected.real[b]! + imag[b]! * expected.imag[b]!;
    im += real[b]! * expected.imag[b]! - imag[b]! * expected.real[b]!;
  }
  const norm = Math.hypot(re, im);
  const [c, s] = [re / norm, im / norm];
  return {
    real: Array.from(real, (r, b) => r * c - imag[b]! * s),
    imag: Array.from(real, (r, b) => r * s + imag[b]! * c),
  };
}

for (const precision of ['float64', 'float32'] as const) {
  describe(`golden kernels, ${precision}`, () => {
    for (const { name, spec, ...expected } of cases) {
      it(name, () => {
        const features = spec.features;
        const float64 = precision === 'float64';
        const entangling = spec.type === 'zz' || spec.type === 'iqp';
        const tolerance = float64 ? 1e-12 : entangling && features >= 18 ? 3e-5 : 1e-5;
        const gradientTolerance = float64 ? 1e-9 : 1e-5;
        const matrix = (values: number[], columns: number) => ({
          data: ARRAYS[precision].from(values),
          shape: [values.length / columns, columns] as [number, number],
        });
        const kernel = new FidelityKernel(featureMap(spec), { precision });
        const X = matrix(expected.x, features);
        const samples = X.shape[0];
        assertClose(kernel.matrix(X).data, expected.k, tolerance, 'matrix(X)');

        if (expected.states) {
          const psi = kernel.states(X);
          const size = expected.states.real.length / expected.states.rows;
          for (let row = 0; row < expected.states.rows; row++) {
            const part = (values: ArrayLike<number>) => Array.from(values).slice(row * size, (row + 1) * size);
            const reference = { real: part(expected.states.real), imag: part(expected.states.imag) };
            const turned = aligned(part(psi.real), part(psi.imag), reference);
            assertClose(turned.real, reference.real, tolerance, `states, row ${row}, real part`);
            assertClose(turned.imag, reference.imag, tolerance, `states, row ${row}, imaginary part`);
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
          }
          forward.dispose();
        }
      });
    }
  });
}
