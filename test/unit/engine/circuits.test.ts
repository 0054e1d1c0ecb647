// Random circuits of every gate through the whole engine: states against the oracle, gradients against finite differences.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Circuit, circuit, FidelityKernel, feature, featureMap, parameter } from 'qrkd';
import { assertClose, assertRelative } from '../../golden/fixtures.js';
import { randomMatrices } from '../../matrices.js';
import { runCircuit } from '../../oracle.js';
import { randomCircuit } from '../../randomCircuits.js';

const PARAMETERS = [0.7, -1.9];

function kernelOf(subject: Circuit, precision: 'float64' | 'float32' = 'float64'): FidelityKernel {
  const kernel = new FidelityKernel(featureMap(subject), { precision });
  kernel.parameters.set(PARAMETERS.slice(0, kernel.parameters.length));
  return kernel;
}

/** States of `rows` random samples in [-1, 1], amplitude by amplitude. */
function compare(subject: Circuit, rows: number, seed: string): void {
  const X = randomMatrices(seed)(rows, subject.features);
  const json = subject.toJSON();
  for (const [precision, tolerance] of [
    ['float64', 1e-13],
    ['float32', 5e-6],
  ] as const) {
    const { real, imag } = kernelOf(subject, precision).states(X);
    const size = 2 ** subject.qubits;
    for (let row = 0; row < rows; row++) {
      const x = X.data.subarray(row * subject.features, (row + 1) * subject.features);
      const { re, im } = runCircuit(json, x, PARAMETERS);
      assertClose(
        real.subarray(row * size, (row + 1) * size),
        re,
        tolerance,
        `${seed}, ${precision}, row ${row}, real`,
      );
      assertClose(
        imag.subarray(row * size, (row + 1) * size),
        im,
        tolerance,
        `${seed}, ${precision}, row ${row}, imag`,
      );
    }
  }
}

describe('random circuits', () => {
  it('states of 300, of one to six qubits', () => {
    for (let k = 0; k < 300; k++) {
      const subject = randomCircuit(`engine ${k}`, { qubits: 1 + (k % 6), gates: 5 + (k % 40) });
      compare(subject, 1 + (k % 19), `circuit ${k}`);
    }
  });

  it('states of a few samples of many qubits, and of many gates', () => {
    for (const [qubits, gates, rows] of [
      [8, 60, 17],
      [9, 100, 3],
      [11, 60, 2],
      [14, 40, 1],
    ]) {
      compare(randomCircuit(`wide ${qubits}`, { qubits, gates }), rows, `${qubits} qubits`);
    }
  });

  it('kernel matrices of circuits without entanglement on some qubits, or on all', () => {
    const idle = circuit(5, { features: 2 }).rx(feature(0), 1).cx(1, 3).h(4);
    const apart = circuit(4)
      .rx(feature(0), 0)
      .u(feature(1), 0.3, parameter(0), 1)
      .h(2)
      .gphase(feature(0))
      .rz(feature(1), 3);
    const permuted = circuit(3).ry(feature(0), 0).swap(0, 2).x(1).cx(2, 1).swap(1, 2).p(feature(1), 0);
    for (const subject of [idle, apart, permuted]) compare(subject, 9, 'special');
  });

  it('gradients of 40 with respect to features and parameters', () => {
    for (let k = 0; k < 40; k++) {
      const subject = randomCircuit(`gradient ${k}`, { qubits: 1 + (k % 4), gates: 12 + (k % 20) });
      const random = randomMatrices(`gradient ${k}`);
      const [X, Y] = [random(5, subject.features, 0.9), random(4, subject.features, 0.9)];
      const dK = random(5, 4);
      const kernel = kernelOf(subject);
      const value = (x: Float64Array, y: Float64Array, p: Float64Array) => {
        kernel.parameters.set(p);
        const K = Array.from(kernel.matrix({ data: x, shape: X.shape }, { data: y, shape: Y.shape }).data);
        return K.reduce((sum, entry, i) => sum + entry * dK.data[i], 0);
      };
      const start = kernel.parameters.slice();
      const { dx, dy, dparameters } = kernel.gradient(X, dK, Y);
      const slopes = (at: Float64Array, f: (moved: Float64Array) => number) =>
        at.map((v, i) => {
          const h = 2e-4;
          const g = (step: number) => f(at.with(i, v + step));
          return (8 * (g(h) - g(-h)) - (g(2 * h) - g(-2 * h))) / (12 * h);
        });
      const what = `circuit ${k}`;
      assertRelative(
        dx.data,
        slopes(X.data, (x) => value(x, Y.data, start)),
        1e-7,
        `${what}: dx`,
        1e-2,
      );
      assertRelative(
        dy!.data,
        slopes(Y.data, (y) => value(X.data, y, start)),
        1e-7,
        `${what}: dy`,
        1e-2,
      );
      assertRelative(
        dparameters,
        slopes(start, (p) => value(X.data, Y.data, p)),
        1e-7,
        `${what}: dparameters`,
        1e-2,
      );
    }
  });

  it('an angle that no gate of the state depends on has no gradient', () => {
    const subject = circuit(2, { features: 3, parameters: 2 }).rx(feature(1), 0).cx(0, 1).gphase(parameter(0));
    const { dx, dparameters } = kernelOf(subject).gradient([[1, 2, 3]], [[1]], [[0.1, 0.2, 0.3]]);
    assert.deepEqual([dx.data[0], dx.data[2]], [0, 0]);
    assert.ok(Math.abs(dx.data[1]) > 0.1);
    assertClose(dparameters, [0, 0], 1e-15, 'dparameters');
  });
});
