// States and kernels against the slow simulator of test/oracle.ts, gate by gate.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Entanglement, type FeatureMapSpec, FidelityKernel, featureMap } from 'qrkd';
import { assertClose } from '../../golden/fixtures.js';
import { fidelityKernel, MAPS, named, randomMatrices } from '../../matrices.js';
import { entanglerMap, fidelity, kernelMatrix, type MapSpec, simulate } from '../../oracle.js';

const TOLERANCE = { float64: 2e-14, float32: 2e-6 };

function compare(spec: MapSpec, size: number, rows = 5): void {
  const random = randomMatrices(JSON.stringify(spec) + size);
  const X = random(rows, spec.features, size);
  const Y = random(3, spec.features, size);
  for (const precision of ['float64', 'float32'] as const) {
    const kernel = fidelityKernel(spec, precision);
    assertClose(kernel.matrix(X).data, kernelMatrix(spec, X.data), TOLERANCE[precision], `${precision} K(X)`);
    assertClose(
      kernel.matrix(X, Y).data,
      kernelMatrix(spec, X.data, Y.data),
      TOLERANCE[precision],
      `${precision} K(X, Y)`,
    );
  }
}

describe('the oracle itself', () => {
  it('knows two circuits that are easily done by hand', () => {
    // RX(pi / 2)|0> = (|0> - i|1>) / sqrt 2
    const angle = simulate({ type: 'angle', features: 1 }, [Math.PI / 2]);
    assertClose(angle.re, [Math.SQRT1_2, 0], 1e-15, 're');
    assertClose(angle.im, [0, -Math.SQRT1_2], 1e-15, 'im');
    // One repetition of zz at x = (pi, 0): P(2 pi) on qubit 0, P(0) on qubit 1, the pair's angle 0: all plus.
    const zz = simulate({ type: 'zz', features: 2, reps: 1 }, [Math.PI, 0]);
    assertClose(zz.re, [0.5, 0.5, 0.5, 0.5], 1e-15, 're');
    // One qubit of the z map after one repetition: |<+(a)|+(b)>|^2 = cos^2(a - b).
    const z = (x: number) => simulate({ type: 'z', features: 1, reps: 1 }, [x]);
    assert.ok(Math.abs(fidelity(z(0.3), z(1)) - Math.cos(0.7) ** 2) < 1e-15);
  });
});

describe('kernels against the oracle', () => {
  for (const spec of MAPS) it(named(spec), () => compare(spec, 1.5));

  for (const entanglement of ['full', 'linear', 'reverse_linear', 'circular', 'sca', 'pairwise'] as const) {
    it(`zz, entanglement ${entanglement}`, () => {
      for (const features of [2, 3, 5]) compare({ type: 'zz', features, entanglement, bandwidth: 0.7 }, 1, 3);
    });
  }

  it('zz, lists of pairs: in any order, named twice, none at all', () => {
    const lists: Entanglement[] = [
      [[2, 0]],
      [
        [0, 1],
        [3, 2],
        [1, 0],
      ],
      [
        [1, 3],
        [1, 3],
      ],
      [],
    ];
    for (const entanglement of lists) compare({ type: 'zz', features: 4, entanglement }, 1, 3);
  });

  it('zz without pairs is the z map', () => {
    const X = randomMatrices('no pairs')(4, 3);
    const K = (spec: FeatureMapSpec) => new FidelityKernel(featureMap(spec)).matrix(X).data;
    assertClose(K({ type: 'zz', features: 3, entanglement: [] }), K({ type: 'z', features: 3 }), 1e-14, 'K');
  });

  it('from 1 to 11 qubits', () => {
    for (let features = 1; features <= 11; features++) {
      compare({ type: 'iqp', features, repeats: 2 }, 0.8, 2);
      if (features > 1) compare({ type: 'zz', features, bandwidth: 0.2 }, 1, 2);
    }
  });

  it('amplitude, from 1 to 9 features', () => {
    for (let features = 1; features <= 9; features++) compare({ type: 'amplitude', features }, 1);
  });

  // The angles themselves reach 1e14; what counts is that they are taken modulo 2 pi without loss.
  for (const size of [1e3, 1e5, 1e7]) {
    it(`features of ${size}`, () => {
      for (const type of ['zz', 'z', 'iqp', 'angle', 'amplitude'] as const) compare({ type, features: 3 }, size);
      compare({ type: 'zz', features: 5, reps: 3, entanglement: 'circular' }, size);
      compare({ type: 'iqp', features: 5, repeats: 2 }, size);
    });
  }
});

describe('states', () => {
  for (const spec of MAPS) {
    it(`${named(spec)}: amplitudes as the circuit defines them, normalised`, () => {
      const X = randomMatrices(named(spec))(9, spec.features, 2);
      for (const precision of ['float64', 'float32'] as const) {
        const { real, imag, shape } = fidelityKernel(spec, precision).states(X);
        const expected = simulate(spec, X.data.subarray(0, spec.features));
        assert.deepEqual(shape, [9, expected.re.length]);
        assert.ok(real instanceof (precision === 'float32' ? Float32Array : Float64Array));
        for (let row = 0; row < 9; row++) {
          const state = simulate(spec, X.data.subarray(row * spec.features, (row + 1) * spec.features));
          const part = (values: typeof real) => values.subarray(row * shape[1], (row + 1) * shape[1]);
          assertClose(part(real), state.re, TOLERANCE[precision], `${precision} row ${row}, real part`);
          assertClose(part(imag), state.im, TOLERANCE[precision], `${precision} row ${row}, imaginary part`);
          const norm = Math.hypot(...part(real), ...part(imag));
          assert.ok(Math.abs(norm - 1) < TOLERANCE[precision], `${precision} row ${row}: norm ${norm}`);
        }
      }
    });
  }

  it('give the kernel', () => {
    const X = randomMatrices('states to kernel')(3, 6);
    const kernel = new FidelityKernel(featureMap({ type: 'zz', features: 6 }));
    const { real, imag } = kernel.states(X);
    const K = kernel.matrix(X).data;
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 3; j++) {
        let [re, im] = [0, 0];
        for (let b = 0; b < 64; b++) {
          const [u, v] = [i * 64 + b, j * 64 + b];
          re += real[u] * real[v] + imag[u] * imag[v];
          im += real[u] * imag[v] - imag[u] * real[v];
        }
        assert.ok(Math.abs(K[i * 3 + j] - (re * re + im * im)) < 1e-14);
      }
    }
  });

  it('qubit 0 is the least significant bit', () => {
    const { real, imag } = new FidelityKernel(featureMap({ type: 'angle', features: 3 })).states([[Math.PI, 0, 0]]);
    const largest = Array.from(real, (r, b) => Math.hypot(r, imag[b])).findIndex((size) => size > 0.99);
    assert.equal(largest, 1);
  });
});

describe('entangler maps of the oracle', () => {
  it('are those of Qiskit', () => {
    assert.deepEqual(entanglerMap('circular', 4, 0), [
      [3, 0],
      [0, 1],
      [1, 2],
      [2, 3],
    ]);
    assert.deepEqual(entanglerMap('sca', 4, 1), [
      [3, 2],
      [0, 3],
      [1, 0],
      [2, 1],
    ]);
    assert.deepEqual(entanglerMap('pairwise', 5, 0), [
      [0, 1],
      [2, 3],
      [1, 2],
      [3, 4],
    ]);
    assert.deepEqual(entanglerMap('circular', 2, 0), [[0, 1]]);
  });
});
