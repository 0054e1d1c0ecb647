// Circuits in the engine's gates and arrays, run by the oracle, against the same circuits matrix by matrix.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Circuit, circuit, feature, featureMap, parameter } from 'qrkd';
import seedrandom from 'seedrandom';
import { lowerCircuit } from '#dist/circuits/lower.js';
import { gateMatrix, pauliRotation, runCircuit, State } from '../../oracle.js';
import { FIXED_GATES, randomCircuit } from '../../randomCircuits.js';

type Native = ReturnType<typeof lowerCircuit>;

function angles({ features, map }: Native, x: ArrayLike<number>, parameters: ArrayLike<number>): number[] {
  return Array.from({ length: map.starts.length - 1 }, (_, k) => {
    let sum = 0;
    for (let t = map.starts[k]; t < map.starts[k + 1]; t++) {
      let product = map.coefficients[t];
      for (let f = map.factorStarts[t]; f < map.factorStarts[t + 1]; f++) {
        const v = map.variables[f] < features ? x[map.variables[f]] : parameters[map.variables[f] - features];
        const affine = map.offsets[f] + map.scales[f] * v;
        product *= map.functions[f] === 1 ? Math.acos(affine) : affine;
      }
      sum += product;
    }
    return sum;
  });
}

/** The state that the arrays describe, by the meaning that native.ts gives them. */
function runNative(native: Native, x: ArrayLike<number>, parameters: ArrayLike<number>): State {
  const state = new State(native.qubits);
  const values = angles(native, x, parameters);
  let matrices = 0;
  for (let g = 0; g < native.kinds.length; g++) {
    const qubits = Array.from(native.gateQubits.subarray(native.qubitStarts[g], native.qubitStarts[g + 1]));
    const angle = native.scales[g] * (native.angles[g] < 0 ? 1 : values[native.angles[g]]);
    const names = ['h', 'rx', 'ry', 'phase', 'gphase', 'x', 'cx', 'swap', 'unitary'];
    const name = names[native.kinds[g]];
    if (name === 'phase') {
      for (let b = 0; b < state.re.length; b++) {
        if (qubits.reduce((parity, q) => parity ^ ((b >> q) & 1), 0) === 0) continue;
        const [re, im] = [state.re[b], state.im[b]];
        state.re[b] = re * Math.cos(angle) - im * Math.sin(angle);
        state.im[b] = re * Math.sin(angle) + im * Math.cos(angle);
      }
    } else if (name === 'unitary') {
      const size = 2 ** qubits.length;
      const entry = (k: number) => [native.matrices[matrices + 2 * k], native.matrices[matrices + 2 * k + 1]] as const;
      const matrix = Array.from({ length: size }, (_, i) =>
        Array.from({ length: size }, (_, j) => entry(i * size + j)),
      );
      matrices += 2 * size * size;
      state.apply(matrix, qubits);
    } else {
      state.gate(name, ['rx', 'ry', 'gphase'].includes(name) ? [angle] : [], qubits);
    }
  }
  assert.equal(matrices, native.matrices.length);
  return state;
}

function largestDifference(a: State, b: State): number {
  return Math.max(...Array.from(a.re, (re, k) => Math.hypot(re - b.re[k], a.im[k] - b.im[k])));
}

function assertSame(subject: Circuit, x: number[], parameters: number[], what: string): void {
  const difference = largestDifference(
    runNative(lowerCircuit(subject), x, parameters),
    runCircuit(subject.toJSON(), x, parameters),
  );
  assert.ok(difference <= 1e-13, `${what}: states differ by ${difference}`);
}

/** A circuit that makes every amplitude of three qubits different, so that a wrong gate shows. */
function mixed(): Circuit {
  const result = circuit(3, { features: 3, parameters: 2 });
  for (const q of [0, 1, 2]) result.u(0.7 + q, 0.3 * q, 1.1 - q, q);
  return result.cx(0, 1).cx(1, 2).ry(0.4, 0).rx(1.9, 2);
}

describe('lowering', () => {
  for (const [gate, [count, width]] of Object.entries(FIXED_GATES)) {
    it(`${gate}: the lowered gates are its matrix, phase included`, () => {
      for (const qubits of [
        [0, 1, 2],
        [2, 0, 1],
        [1, 2, 0],
      ]) {
        const values = Array.from({ length: count }, (_, k) => 0.6 + 1.3 * k);
        const operands = qubits.slice(0, width);
        const name = gate as Parameters<Circuit['add']>[0];
        assertSame(mixed().add(name, values, operands), [], [], `${gate} of constants`);
        const expressions = values.map((_, k) =>
          feature(k % 3)
            .times(1 + k)
            .plus(parameter(k % 2)),
        );
        assertSame(mixed().add(name, expressions, operands), [0.3, -1.2, 2.5], [0.9, -0.4], `${gate} of features`);
      }
    });
  }

  it('Pauli rotations: every string of up to three letters', () => {
    const letters = ['I', 'X', 'Y', 'Z'];
    const strings = letters.flatMap((a) => [a, ...letters.flatMap((b) => [a + b, ...letters.map((c) => a + b + c)])]);
    for (const pauli of strings) {
      const qubits = [2, 0, 1].slice(0, pauli.length);
      assertSame(mixed().pauliRotation(pauli, feature(0), qubits), [0.8], [], pauli);
    }
  });

  it('reads Pauli strings from right to left', () => {
    const state = runNative(lowerCircuit(circuit(2).pauliRotation('ZX', 0.8, [0, 1])), [], []);
    assert.ok(largestDifference(state, new State(2).apply(pauliRotation('X', 0.8), [0])) < 1e-15);
  });

  it('random circuits', () => {
    for (let k = 0; k < 200; k++) {
      const random = seedrandom(`values ${k}`);
      const x = Array.from({ length: 3 }, () => 2 * random() - 1);
      const parameters = Array.from({ length: 2 }, () => 6 * random() - 3);
      const subject = randomCircuit(`lower ${k}`, { qubits: 1 + (k % 5), gates: 30 });
      assertSame(subject, x, parameters, `circuit ${k}`);
    }
  });

  it('computes an expression once, however often it is used', () => {
    const twice = circuit(2).rx(feature(0).times(2), 0).rx(feature(0).times(2), 1).p(feature(1), 0);
    assert.equal(lowerCircuit(twice).map.starts.length - 1, 2);
    const map = featureMap({ type: 'zz', features: 4, reps: 3 });
    assert.equal(lowerCircuit(map.circuit!).map.starts.length - 1, 4 + 6);
  });

  it('states features and parameters that no gate uses', () => {
    const { features, parameters } = lowerCircuit(circuit(1, { features: 5, parameters: 2 }).rx(feature(1), 0));
    assert.deepEqual([features, parameters], [5, 2]);
  });
});

describe('the oracle of the gates', () => {
  it('agrees with identities of textbooks', () => {
    const same = (a: State, b: State, what: string) => assert.ok(largestDifference(a, b) < 1e-14, what);
    const start = () => runCircuit(mixed().toJSON(), []);
    const run = (...gates: [string, number[], number[]][]) => {
      const state = start();
      for (const [name, values, qubits] of gates) state.gate(name, values, qubits);
      return state;
    };
    same(run(['sx', [], [0]], ['sx', [], [0]]), run(['x', [], [0]]), 'sx sx = x');
    same(run(['sx', [], [1]], ['sxdg', [], [1]]), start(), 'sx sxdg = 1');
    same(run(['h', [], [1]], ['cz', [], [0, 1]], ['h', [], [1]]), run(['cx', [], [0, 1]]), 'H CZ H = CX');
    same(
      run(['s', [], [0]], ['x', [], [0]], ['sdg', [], [0]]),
      run(['gphase', [Math.PI], []], ['y', [], [0]]),
      'S X S^-1',
    );
    same(run(['cx', [], [0, 1]], ['cx', [], [1, 0]], ['cx', [], [0, 1]]), run(['swap', [], [0, 1]]), 'three CX = SWAP');
    const toffoli = gateMatrix('ccx');
    assert.deepEqual(
      [toffoli[3][7], toffoli[7][3], toffoli[5][5]],
      [
        [1, 0],
        [1, 0],
        [1, 0],
      ],
    );
  });
});
