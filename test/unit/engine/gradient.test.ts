// Exact gradients against finite differences of the matrix, for every kernel, symmetric and cross.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  CosineKernel,
  type FeatureMapSpec,
  FidelityKernel,
  featureMap,
  type Kernel,
  type KernelLossForm,
  LinearKernel,
  MaternKernel,
  type Precision,
  ProjectedKernel,
  type ProjectedKernelOptions,
  RbfKernel,
} from 'qrkd';
import { assertRelative } from '../../golden/fixtures.js';
import { fidelityKernel, MAPS, type Matrix64, named, randomMatrices } from '../../matrices.js';

const PROJECTED: [FeatureMapSpec & { features: number }, ProjectedKernelOptions][] = [
  [
    { type: 'zz', features: 4, bandwidth: 0.4 },
    { inner: 'rbf', gamma: 0.8 },
  ],
  [{ type: 'angle', features: 3, axis: 'Y' }, { inner: 'linear' }],
  [
    { type: 'hubregtsen', features: 3, layers: 2 },
    { inner: 'matern', nu: 2.5, length: 0.9 },
  ],
  [{ type: 'dataReuploading', features: 2, qubits: 3, layers: 2, bandwidth: 0.5 }, { inner: 'rbf' }],
];

const CANDIDATES: { name: string; features: number; make: (precision?: Precision) => Kernel }[] = [
  ...[...MAPS, { type: 'angle', features: 2, axis: 'Z' } as const].map((spec) => ({
    name: named(spec),
    features: spec.features,
    make: (precision?: Precision) => fidelityKernel(spec, precision),
  })),
  ...PROJECTED.map(([spec, options]) => ({
    name: `${JSON.stringify(options)} of reduced states, ${named(spec)}`,
    features: spec.features,
    make: (precision?: Precision) => {
      const kernel = new ProjectedKernel(featureMap(spec), { ...options, precision });
      kernel.parameters.set(kernel.map.initialParameters('projected'));
      return kernel;
    },
  })),
  { name: 'RBF', features: 3, make: (precision) => new RbfKernel({ gamma: 0.7, precision }) },
  { name: 'linear', features: 3, make: (precision) => new LinearKernel({ precision }) },
  ...([0.5, 1.5, 2.5] as const).map((nu) => ({
    name: `Matern ${nu}`,
    features: 3,
    make: (precision?: Precision) => new MaternKernel({ nu, length: 1.2, precision }),
  })),
  { name: 'cosine', features: 3, make: (precision) => new CosineKernel({ precision }) },
];

/** Central differences of fourth order of `value` at every entry of x. */
function differences(x: Matrix64, value: (x: Matrix64) => number): Float64Array {
  const h = 2e-3;
  return x.data.map((at, k) => {
    const f = (shift: number) => value({ data: x.data.with(k, at + shift), shape: x.shape });
    return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h);
  });
}

/** As `differences`, of a value that depends on numbers set in place. */
function slopes(at: Float64Array, value: () => number): Float64Array {
  const start = at.slice();
  const result = differences({ data: start, shape: [1, start.length] }, ({ data }) => {
    at.set(data);
    return value();
  });
  at.set(start);
  return result;
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((sum, v, k) => sum + v * b[k], 0);

for (const { name, features, make } of CANDIDATES) {
  const kernel = make();
  const random = randomMatrices(`gradient of ${name}`);

  describe(`gradient of ${name}`, () => {
    // 11 rows: a full panel of 8 lanes and a padded one.
    const [X, Y] = [random(11, features), random(9, features)];
    // Not symmetric: both halves of dK must count.
    const [dK, dKxy] = [random(11, 11), random(11, 9)];

    it('symmetric, against finite differences', () => {
      const { dx, dy, dparameters } = kernel.gradient(X, dK);
      assert.deepEqual(dx.shape, X.shape);
      assert.equal(dy, undefined);
      const parameters = kernel.parameters ?? new Float64Array(0);
      assertRelative(
        dparameters,
        slopes(parameters, () => dot(kernel.matrix(X).data, dK.data)),
        1e-7,
        'dparameters',
        1e-3,
      );
      const expected = differences(X, (x) => dot(kernel.matrix(x).data, dK.data));
      assertRelative(dx.data, expected, 1e-7, 'dx', 1e-3);
    });

    it('cross, against finite differences on both sides', () => {
      const { dx, dy, dparameters } = kernel.gradient(X, dKxy, Y);
      assert.deepEqual([dx.shape, dy!.shape], [X.shape, Y.shape]);
      const expectedX = differences(X, (x) => dot(kernel.matrix(x, Y).data, dKxy.data));
      const expectedY = differences(Y, (y) => dot(kernel.matrix(X, y).data, dKxy.data));
      assertRelative(dx.data, expectedX, 1e-7, 'dx', 1e-3);
      assertRelative(dy!.data, expectedY, 1e-7, 'dy', 1e-3);
      const parameters = kernel.parameters ?? new Float64Array(0);
      assertRelative(
        dparameters,
        slopes(parameters, () => dot(kernel.matrix(X, Y).data, dKxy.data)),
        1e-7,
        'dparameters',
        1e-3,
      );
    });

    it('cross with itself has two sides, whose sum is the symmetric gradient', () => {
      const { dx, dy } = kernel.gradient(X, dK, X);
      const sum = dx.data.map((v, k) => v + dy!.data[k]);
      assertRelative(sum, kernel.gradient(X, dK).dx.data, 1e-12, 'dx + dy', 1e-3);
    });

    it('float32 is near float64', () => {
      const [single, double] = [make('float32').gradient(X, dKxy, Y), kernel.gradient(X, dKxy, Y)];
      assert.ok(single.dx.data instanceof Float32Array && single.dy!.data instanceof Float32Array);
      assertRelative(single.dx.data, double.dx.data, 1e-5, 'dx', 1e-2);
      assertRelative(single.dy!.data, double.dy!.data, 1e-5, 'dy', 1e-2);
    });

    it('a forward pass gives the matrix and any number of gradients, whatever happens to its inputs', () => {
      for (const second of [undefined, Y]) {
        const x = { data: Float64Array.from(X.data), shape: X.shape };
        const y = second && { data: Float64Array.from(second.data), shape: second.shape };
        const pass = kernel.forward(x, y);
        assert.deepEqual(pass.matrix, kernel.matrix(X, second));
        x.data.fill(Number.NaN);
        y?.data.fill(Number.NaN);
        pass.matrix.data.fill(Number.NaN);
        const weights = second ? [dKxy, random(11, 9)] : [dK, random(11, 11)];
        for (const w of [...weights, weights[0]]) {
          assert.deepEqual(pass.gradient(w), kernel.gradient(X, w, second));
        }
        pass.dispose();
      }
    });

    for (const form of ['smooth-l1', 'smooth-l1-off-diagonal', 'squared', 'alignment'] as KernelLossForm[]) {
      it(`loss ${form}, against finite differences`, () => {
        // Targets beyond 1 reach the straight part of smooth-L1; differences must not straddle its kink.
        const target = random(11, 11, 3);
        const K = kernel.matrix(X).data;
        target.data.forEach((t, k) => {
          if (Math.abs(Math.abs(K[k] - t) - 1) < 0.1) target.data[k] = K[k];
        });
        const { loss, gradient } = kernel.lossGradient(X, target, form);
        assert.deepEqual(gradient.shape, X.shape);
        assert.ok(Number.isFinite(loss));
        const expected = differences(X, (x) => kernel.lossGradient(x, target, form).loss);
        assertRelative(gradient.data, expected, 1e-7, form, 1e-3);
      });
    }
  });
}

describe('gradients at special points', () => {
  it('of equal samples are 0 along the diagonal, never NaN', () => {
    const X = [
      [0.3, 0.4, 0.5],
      [0.3, 0.4, 0.5],
    ];
    const ones = [
      [1, 1],
      [1, 1],
    ];
    for (const { name, features, make } of CANDIDATES) {
      // The linear kernel grows along its diagonal, the others are 1 there.
      if (features !== 3 || name.includes('linear')) continue;
      for (const value of make().gradient(X, ones).dx.data) assert.ok(Math.abs(value) < 1e-13, `${name}: ${value}`);
    }
  });

  it('Matern: finite for samples that nearly coincide and for samples at any distance', () => {
    for (const nu of [0.5, 1.5, 2.5] as const) {
      for (const precision of ['float32', 'float64'] as const) {
        const matern = new MaternKernel({ nu, length: 1e-3, precision });
        for (const gap of [1e-170, 1e-155, 1e-20, 1, 1e30, 1e160, 1e200]) {
          const X = { data: Float64Array.of(0, gap), shape: [2, 1] };
          const K = matern.matrix(X).data;
          assert.equal(K[0], 1);
          assert.ok(Math.abs(K[1] - (gap < 1e-3 ? 1 : 0)) < 1e-12, `nu ${nu}, gap ${gap}: ${K[1]}`);
          const dx = matern.gradient(X, { data: Float64Array.of(1, 1, 1, 1), shape: [2, 2] }).dx.data;
          const slope = nu === 0.5 && gap > 1e-150 && gap < 1 ? 2000 : 0;
          assert.ok(Math.abs(dx[0] - slope) < 1e-3 && dx[1] === -dx[0], `nu ${nu}, gap ${gap}: ${dx}`);
        }
      }
    }
  });

  it('cosine: 0 at vectors of zeros, finite at vectors that are nearly zero', () => {
    const cosine = new CosineKernel();
    const dx = cosine.gradient(
      [
        [0, 0],
        [1, 2],
        [5e-324, 0],
      ],
      [
        [1, 1, 1],
        [1, 1, 1],
        [1, 1, 1],
      ],
    ).dx.data;
    assert.deepEqual(Array.from(dx.subarray(0, 2)), [0, 0]);
    for (const value of dx) assert.ok(Number.isFinite(value), String(value));
  });

  it('angle: right where a factor of the product is 0', () => {
    const kernel = new FidelityKernel(featureMap({ type: 'angle', features: 2 }));
    const X = { data: Float64Array.of(0, 0, Math.PI, 0.4), shape: [2, 2] as [number, number] };
    const dK = { data: Float64Array.of(0, 1, 1, 0), shape: [2, 2] as [number, number] };
    const expected = differences(X, (x) => dot(kernel.matrix(x).data, dK.data));
    assertRelative(kernel.gradient(X, dK).dx.data, expected, 1e-7, 'dx', 1e-3);
  });

  it('large angles: the chain rule uses the features as they are', () => {
    const kernel = new FidelityKernel(featureMap({ type: 'zz', features: 2, bandwidth: 1e-3 }));
    const X = randomMatrices('large')(4, 2, 1e6);
    const dK = randomMatrices('large weights')(4, 4);
    const expected = differences(X, (x) => dot(kernel.matrix(x).data, dK.data));
    assertRelative(kernel.gradient(X, dK).dx.data, expected, 1e-5, 'dx');
  });
});
