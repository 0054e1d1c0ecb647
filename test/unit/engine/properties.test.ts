// What every kernel matrix must be, whatever the map, the precision and the number of samples.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Matrix as Dense, EigenvalueDecomposition } from 'ml-matrix';
import { CosineKernel, FidelityKernel, featureMap, type Kernel, type Precision, RbfKernel } from 'qrkd';
import seedrandom from 'seedrandom';
import { assertClose } from '../../golden/fixtures.js';
import { fidelityKernel, MAPS, type Matrix64, named, randomMatrices, transposed } from '../../matrices.js';

const TOLERANCE = { float64: 2e-14, float32: 2e-6 };
// Around the lanes of a panel (8 and 16) and the blocks of panels.
const COUNTS = [1, 2, 7, 8, 9, 16, 17, 33, 70];

interface Candidate {
  name: string;
  features: number;
  make: (precision: Precision) => Kernel;
}

const CANDIDATES: Candidate[] = [
  ...MAPS.map((spec) => ({
    name: named(spec),
    features: spec.features,
    make: (precision: Precision) => fidelityKernel(spec, precision),
  })),
  { name: 'RBF', features: 3, make: (precision) => new RbfKernel({ gamma: 0.7, precision }) },
  { name: 'cosine', features: 3, make: (precision) => new CosineKernel({ precision }) },
];

function shuffled(n: number): number[] {
  const random = seedrandom(`order of ${n}`);
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

for (const { name, features, make } of CANDIDATES) {
  for (const precision of ['float64', 'float32'] as const) {
    const kernel = make(precision);
    const tolerance = TOLERANCE[precision];
    const random = randomMatrices(name);
    describe(`${name}, ${precision}`, () => {
      it('is symmetric to the bit, 1 on its diagonal, between 0 and 1, and positive semi-definite', () => {
        for (const n of COUNTS) {
          const { data, shape } = kernel.matrix(random(n, features, 2));
          assert.deepEqual(shape, [n, n]);
          assert.ok(data instanceof (precision === 'float32' ? Float32Array : Float64Array));
          for (let i = 0; i < n; i++) {
            assert.ok(Math.abs(data[i * n + i] - 1) <= tolerance, `K[${i}][${i}] of ${n} is ${data[i * n + i]}`);
            for (let j = 0; j < n; j++) {
              const value = data[i * n + j];
              assert.equal(value, data[j * n + i], `K[${i}][${j}] of ${n}`);
              assert.ok(value >= 0 && value <= 1 + tolerance, `K[${i}][${j}] of ${n} is ${value}`);
            }
          }
          const { realEigenvalues } = new EigenvalueDecomposition(Dense.from1DArray(n, n, data), {
            assumeSymmetric: true,
          });
          const smallest = Math.min(...realEigenvalues);
          assert.ok(smallest > -tolerance * n, `smallest eigenvalue of ${n} samples: ${smallest}`);
        }
      });

      it('follows a relabelling of its samples', () => {
        for (const n of [9, 33]) {
          const X = random(n, features, 2);
          const order = shuffled(n);
          const moved: Matrix64 = { data: new Float64Array(n * features), shape: [n, features] };
          order.forEach((from, to) => {
            moved.data.set(X.data.subarray(from * features, (from + 1) * features), to * features);
          });
          const K = kernel.matrix(X).data;
          const expected = Float64Array.from(K, (_, k) => K[order[Math.floor(k / n)] * n + order[k % n]]);
          assertClose(kernel.matrix(moved).data, expected, tolerance, `${n} samples`);
        }
      });

      it('is the same as a cross matrix with itself, and K(X, Y) = K(Y, X)^T', () => {
        for (const [n, m] of [
          [1, 1],
          [3, 20],
          [17, 8],
          [33, 5],
        ]) {
          const [X, Y] = [random(n, features, 2), random(m, features, 2)];
          assertClose(kernel.matrix(X, X).data, kernel.matrix(X).data, tolerance, `K(X, X), ${n}`);
          const cross = kernel.matrix(X, Y);
          assert.deepEqual(cross.shape, [n, m]);
          assertClose(cross.data, transposed(kernel.matrix(Y, X)).data, tolerance, `K(X, Y), ${n} x ${m}`);
          const both = kernel.matrix({ data: Float64Array.of(...X.data, ...Y.data), shape: [n + m, features] }).data;
          const corner = Array.from(cross.data, (_, k) => both[Math.floor(k / m) * (n + m) + n + (k % m)]);
          assertClose(cross.data, corner, tolerance, 'corner of the joint matrix');
        }
      });

      it('gives the same bits every time', () => {
        const X = random(40, features);
        assert.deepEqual(kernel.matrix(X), kernel.matrix(X));
        assert.deepEqual(make(precision).matrix(X), kernel.matrix(X));
      });
    });
  }

  it(`${name}: float32 is near float64`, () => {
    const random = randomMatrices(`${name} precision`);
    const [X, Y] = [random(25, features, 2), random(9, features, 2)];
    const [single, double] = [make('float32'), make('float64')];
    assertClose(single.matrix(X).data, double.matrix(X).data, 2e-6, 'K(X)');
    assertClose(single.matrix(X, Y).data, double.matrix(X, Y).data, 2e-6, 'K(X, Y)');
  });
}

describe('at the edges', () => {
  it('float32 keeps 1e-5 where many amplitudes are added', () => {
    const X = randomMatrices('wide')(3, 15, 0.5);
    const map = featureMap({ type: 'zz', features: 15, reps: 1 });
    const K = (precision: Precision) => new FidelityKernel(map, { precision }).matrix(X).data;
    assertClose(K('float32'), K('float64'), 1e-5, 'K');
  });

  it('amplitude vectors of any size are normalised', () => {
    const amplitude = new FidelityKernel(featureMap({ type: 'amplitude', features: 3 }));
    const K = amplitude.matrix([
      [1.7e308, 1.7e308, 0],
      [5e-324, 5e-324, 0],
      [1, 1, 0],
      [0, 0, 1e-200],
    ]);
    assertClose(K.data, [1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0, 1], 1e-15, 'K');
  });

  it('cosine: a vector of zeros is like nothing, itself included', () => {
    assert.deepEqual(
      Array.from(
        new CosineKernel().matrix([
          [0, 0],
          [2, 0],
        ]).data,
      ),
      [0, 0, 0, 1],
    );
  });

  it('RBF of samples beyond the range of their distance is 0', () => {
    const rbf = new RbfKernel({ gamma: 1 });
    const X = [[1e308], [-1e308]];
    assert.deepEqual(Array.from(rbf.matrix(X).data), [1, 0, 0, 1]);
    assert.deepEqual(
      Array.from(
        rbf.gradient(X, [
          [1, 1],
          [1, 1],
        ]).dx.data,
        Math.abs,
      ),
      [0, 0],
    );
  });

  it('product states need no statevector: thousands of qubits', () => {
    const X = randomMatrices('product')(3, 5000, 0.02);
    for (const type of ['angle', 'z'] as const) {
      const spec = type === 'z' ? ({ type, features: 5000, reps: 1 } as const) : ({ type, features: 5000 } as const);
      const K = new FidelityKernel(featureMap(spec)).matrix(X).data;
      // RX(x): overlap cos((x - y) / 2) a qubit; H P(2 x): |1 + e^{2i(x - y)}| / 2 = |cos(x - y)|.
      const factor = (d: number) => Math.cos(type === 'z' ? d : d / 2) ** 2;
      let expected = 1;
      for (let q = 0; q < 5000; q++) expected *= factor(X.data[q] - X.data[5000 + q]);
      assert.ok(Math.abs(K[1] - expected) < 1e-12, `${type}: ${K[1]}, expected ${expected}`);
    }
  });
});
