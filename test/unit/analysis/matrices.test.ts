// Repair of negative eigenvalues, alignment, geometric difference and concentration against their oracles.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  centerKernel,
  concentration,
  FidelityKernel,
  featureMap,
  geometricDifference,
  kernelAlignment,
  makePsd,
  modelComplexity,
  type PsdMethod,
  RbfKernel,
  sampleShots,
  targetAlignment,
  targetMatrix,
} from 'qrkd';
import { dense, symmetricEigen } from '#dist/analysis/eigen.js';
import { assertClose, readFixture } from '../../golden/fixtures.js';
import { assertRefused, randomMatrices } from '../../matrices.js';

const fixture = readFixture<{
  psd: { n: number; k: number[]; clip: number[]; shift: number[]; nearest: number[]; distance: number }[];
  alignment: {
    n: number;
    k: number[];
    other: number[];
    labels: number[];
    target: { true: number; false: number };
    centered: number[];
    alignment: number;
    centeredAlignment: number;
    centeredTarget: number;
    offDiagonal: number;
    correlation: number;
  };
  geometricDifference: {
    k1: number[];
    k2: number[];
    y: number[];
    results: { regularization: number; difference: number; complexity: number }[];
  };
  concentration: {
    n: number;
    qubits: number;
    k: number[];
    mean: number;
    variance: number;
    haar: { mean: number; variance: number };
    spectrum: number[];
    effectiveRank: number;
  };
}>('analysis.json');

const square = (values: number[]) => {
  const n = Math.sqrt(values.length);
  return { data: Float64Array.from(values), shape: [n, n] as [number, number] };
};
const smallest = (K: ReturnType<typeof makePsd>) => symmetricEigen(dense(K)).values[0]!;

describe('makePsd', () => {
  for (const { n, k, clip, shift, nearest, distance } of fixture.psd) {
    const K = square(k);
    it(`${n} samples: PennyLane's values`, () => {
      assert.ok(smallest(K) < -0.01);
      assertClose(makePsd(K, 'none').data, k, 0, 'none');
      assertClose(makePsd(K, 'clip').data, clip, 1e-13, 'clip');
      assertClose(makePsd(K, 'shift').data, shift, 1e-13, 'shift');
      const own = makePsd(K, 'nearest');
      // The solver behind the fixture stops at 1e-7 of the distance, which leaves the entries some 1e-4 free.
      assertClose(own.data, nearest, 1e-3, 'nearest');
      const ownDistance = Math.sqrt(k.reduce((sum, v, i) => sum + (v - own.data[i]!) ** 2, 0));
      assert.ok(Math.abs(ownDistance - distance) < 1e-6, `distance ${ownDistance}, the solver's ${distance}`);
      for (let i = 0; i < n; i++) assert.equal(own.data[i * n + i], 1);
      for (const method of ['clip', 'shift', 'nearest'] as PsdMethod[]) {
        assert.ok(smallest(makePsd(K, method)) > -1e-12, method);
      }
    });
  }
  it("nearest: Higham's example", () => {
    const K = [
      [1, 1, 0],
      [1, 1, 1],
      [0, 1, 1],
    ];
    const [a, b] = [0.7607, 0.1573];
    assertClose(makePsd(K, 'nearest').data, [1, a, b, a, 1, a, b, a, 1], 5e-5, 'Higham 2002, section 4');
  });
  it('nearest: the dual certificate of optimality', () => {
    // X - A - diag(y) must be semi-definite and orthogonal to X for some y: then no feasible matrix is nearer.
    const random = randomMatrices('nearest');
    const X = random(40, 3);
    const K = sampleShots(new RbfKernel({ gamma: 0.05 }).matrix(X), { shots: 20 });
    const near = makePsd(K, 'nearest');
    const [x, a] = [dense(near), dense(K)];
    const difference = x.clone().sub(a);
    // X (X - A - diag(y)) = 0 has the diagonal (X (X - A))_ii = y_i.
    const product = x.mmul(difference);
    for (let i = 0; i < 40; i++) difference.set(i, i, difference.get(i, i) - product.get(i, i));
    assert.ok(symmetricEigen(difference).values[0]! > -1e-7, 'semi-definite');
    assert.ok(x.mmul(difference).norm() < 1e-6, 'orthogonal');
    assert.ok(difference.norm() > 0.1);
  });
  it('changes nothing where nothing is negative', () => {
    const X = randomMatrices('psd')(10, 2);
    const K = new RbfKernel({ gamma: 2 }).matrix(X);
    for (const method of ['none', 'clip', 'shift'] as const) {
      const result = makePsd(K, method);
      assert.deepEqual(result, K);
      assert.notEqual(result.data, K.data);
    }
    assertClose(makePsd(K, 'nearest').data, K.data, 1e-9, 'nearest');
  });
  it('keeps float32 and refuses what it cannot use', () => {
    const K = { data: Float32Array.from(fixture.psd[0]!.k), shape: square(fixture.psd[0]!.k).shape };
    assert.ok(makePsd(K, 'clip').data instanceof Float32Array);
    assertRefused(() => makePsd(K, 'flip' as never), 'RangeError', 'VALUE', 'clip', 'flip');
    assertRefused(
      () =>
        makePsd(
          [
            [1, 0.5],
            [0.4, 1],
          ],
          'clip',
        ),
      'RangeError',
      'VALUE',
      'symmetric',
    );
  });
});

describe('alignment', () => {
  const { k, other, labels, target, ...expected } = fixture.alignment;
  const close = (actual: number, wanted: number, what: string) => assertClose([actual], [wanted], 1e-13, what);
  it("is that of PennyLane, and centred that of scikit-learn's matrices", () => {
    assertClose(centerKernel(square(k)).data, expected.centered, 1e-14, 'centred');
    close(kernelAlignment(square(k), square(other)), expected.alignment, 'alignment');
    close(kernelAlignment(square(k), square(other), { centered: true }), expected.centeredAlignment, 'centred');
    close(targetAlignment(square(k), labels), target.true, 'target');
    close(targetAlignment(square(k), labels, { rescale: false }), target.false, 'not rescaled');
    close(targetAlignment(square(k), labels, { centered: true }), expected.centeredTarget, 'centred target');
  });
  it('leaves the diagonal out on request', () => {
    const [a, b] = [square(k), square(other)];
    close(kernelAlignment(a, b, { diagonal: false }), expected.offDiagonal, 'alignment');
    close(kernelAlignment(a, b, { diagonal: false, centered: true }), expected.correlation, 'correlation');
    const identity = square(k.map((_, i) => (i % 10 === 0 ? 1 : 0)));
    assert.equal(targetAlignment(identity, labels, { diagonal: false, centered: true }), 0);
  });
  it('takes labels of any name, and several classes', () => {
    const words = labels.map((y) => (y === 1 ? 'yes' : 'no'));
    assert.equal(targetAlignment(square(k), words), targetAlignment(square(k), labels));
    assert.deepEqual(Array.from(targetMatrix(Int32Array.of(4, 7, 9), { rescale: false }).data), [
      ...[1, -0.5, -0.5],
      ...[-0.5, 1, -0.5],
      ...[-0.5, -0.5, 1],
    ]);
    assert.deepEqual(Array.from(targetMatrix([0, 0, 1]).data), [0.25, 0.25, -0.5, 0.25, 0.25, -0.5, -0.5, -0.5, 1]);
  });
  it('of a constant matrix with anything is 0 when centred', () => {
    const constant = square(new Array(9).fill(0.7));
    assert.equal(kernelAlignment(constant, square([1, 0, 0, 0, 1, 0, 0, 0, 1]), { centered: true }), 0);
    assert.equal(kernelAlignment(square([1, 0, 0, 0, 1, 0, 0, 0, 1]), constant, { centered: true }), 0);
  });
  it('refuses what it cannot use', () => {
    assertRefused(() => targetAlignment(square(k), [1, 2]), 'RangeError', 'SHAPE', '2 entries', '9 rows');
    assertRefused(() => targetMatrix([1, 1]), 'RangeError', 'VALUE', 'at least 2 classes');
    assertRefused(() => targetMatrix([1, Number.NaN]), 'TypeError', 'TYPE', 'labels[1]');
    assertRefused(() => targetMatrix(null as never), 'TypeError', 'TYPE', 'labels');
    assertRefused(() => kernelAlignment(square(k), [[1]]), 'RangeError', 'SHAPE', 'K2');
    assertRefused(() => kernelAlignment([[1, 2]], [[1, 2]]), 'RangeError', 'SHAPE', 'K1');
  });
});

describe('geometricDifference and modelComplexity', () => {
  const { k1, k2, y, results } = fixture.geometricDifference;
  for (const { regularization, difference, complexity } of results) {
    it(`lambda ${regularization}: the formulas of Huang et al. by SciPy`, () => {
      const g = geometricDifference(square(k1), square(k2), { regularization });
      assertClose([g], [difference], 1e-7 * difference, 'difference');
      const s = modelComplexity(square(k1), y, { regularization });
      assertClose([s], [complexity], 1e-7 * complexity, 'complexity');
    });
  }
  it('is 1 between a kernel and itself', () => {
    assertClose([geometricDifference(square(k2), square(k2))], [1], 1e-9, 'difference');
  });
  it('needs regularisation for a singular reference', () => {
    const X = [
      [0.1, 0.2],
      [0.1, 0.2],
      [0.5, -0.3],
    ];
    const K = new RbfKernel({ gamma: 1 }).matrix(X);
    const other = new RbfKernel({ gamma: 3 }).matrix(X);
    assertRefused(() => geometricDifference(K, other), 'RangeError', 'VALUE', 'K1 is singular', 'regularization');
    assertRefused(() => modelComplexity(K, [1, 1, -1]), 'RangeError', 'VALUE', 'K is singular');
    assert.ok(geometricDifference(K, other, { regularization: 0.1 }) > 0);
    assertRefused(() => geometricDifference(K, other, { regularization: -1 }), 'RangeError', 'VALUE', 'regularization');
    assertRefused(() => geometricDifference(K, [[1]]), 'RangeError', 'SHAPE', 'K2');
    assertRefused(() => modelComplexity(K, [1, 1]), 'RangeError', 'SHAPE', 'y has 2');
    assertRefused(() => modelComplexity([[0]], [1]), 'RangeError', 'VALUE', 'trace');
  });
});

describe('concentration', () => {
  const { k, qubits, ...expected } = fixture.concentration;
  it('has the moments, the spectrum and the rank that NumPy and SciPy find', () => {
    const report = concentration(square(k), { qubits });
    assertClose([report.mean, report.variance], [expected.mean, expected.variance], 1e-15, 'moments');
    assertClose(
      [report.haar!.mean, report.haar!.variance],
      [expected.haar.mean, expected.haar.variance],
      1e-15,
      'Haar',
    );
    assertClose(report.spectrum, expected.spectrum, 1e-12, 'spectrum');
    assertClose([report.effectiveRank], [expected.effectiveRank], 1e-10, 'rank');
    assert.equal(report.shape, 'concentrated');
  });
  it('counts 2^n shots for random states', () => {
    const { haar } = concentration(square(k), { qubits });
    // The mean of k (1 - k) over Haar-random states is mean - mean^2 - variance.
    const perShot = haar!.mean - haar!.mean ** 2 - haar!.variance;
    assertClose([perShot / haar!.variance], [2 ** qubits], 1e-9, 'E[k (1 - k)] / Var');
  });
  it('tells the shapes of kernels apart', () => {
    const X = randomMatrices('concentration')(48, 6, 2);
    const shape = (bandwidth: number, shots?: number) => {
      const K = new FidelityKernel(featureMap({ type: 'zz', features: 6, reps: 1, bandwidth })).matrix(X);
      return concentration(shots ? sampleShots(K, { shots }) : K, { qubits: 6 });
    };
    assert.equal(shape(1.5).shape, 'concentrated');
    assert.equal(shape(0.06).shape, 'spread');
    assert.equal(shape(0.001).shape, 'nearly constant');
    const ranks = [0.001, 0.06, 1.5].map((bandwidth) => shape(bandwidth).effectiveRank);
    assert.ok(ranks[0]! < ranks[1]! && ranks[1]! < ranks[2]!);
    const identity = concentration([
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ]);
    assert.equal(identity.shape, 'nearly diagonal');
    assert.equal(identity.haar, undefined);
    assert.equal(identity.shots.toSeparate, Number.POSITIVE_INFINITY);
    assert.match(identity.verdict, /no number of shots/);
  });
  it('so many shots separate the entries as it says', () => {
    const X = randomMatrices('enough shots')(64, 5, 2);
    const K = new FidelityKernel(featureMap({ type: 'iqp', features: 5 })).matrix(X);
    const { shots, variance } = concentration(K, { qubits: 5 });
    const measured = sampleShots(K, { shots: shots.toSeparate, seed: 3 });
    let error = 0;
    for (let i = 0; i < K.data.length; i++) error += (measured.data[i]! - K.data[i]!) ** 2 / (64 * 63);
    assert.ok(Math.abs(error / variance - 1) < 0.15, `error ${error}, variance ${variance}`);
  });
  it('refuses what it cannot use', () => {
    assertRefused(() => concentration([[1]]), 'RangeError', 'SHAPE', 'at least 2');
    assertRefused(() => concentration(square(k), { qubits: 0 }), 'RangeError', 'VALUE', 'qubits');
    assertRefused(() => concentration(square(k), { qbits: 2 } as never), 'TypeError', 'UNKNOWN_KEY', '"qubits"');
  });
});
