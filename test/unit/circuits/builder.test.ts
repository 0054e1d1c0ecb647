// circuit(qubits): angles, gates, JSON, inverses, and what is refused.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Angle, type AngleExpression, Circuit, type CircuitJson, circuit, feature, GATES, parameter } from 'qrkd';
import { assertClose } from '../../golden/fixtures.js';
import { assertRefused } from '../../matrices.js';
import { type angleOf, gateMatrix, angleOf as oracleAngle, pauliRotation, runCircuit } from '../../oracle.js';
import { FIXED_GATES, randomCircuit } from '../../randomCircuits.js';

const x = feature;
const p = parameter;

describe('angles', () => {
  const values: [expression: AngleExpression, text: string, value: (x: number[], p: number[]) => number][] = [
    [x(0), 'x0', (x) => x[0]],
    [x(1).times(2), '2*x1', (x) => 2 * x[1]],
    [x(1).negate(), '-x1', (x) => -x[1]],
    [x(0).minus(Math.PI), '-π + x0', (x) => x[0] - Math.PI],
    [x(0).plus(1).times(3).minus(2), '1 + 3*x0', (x) => 3 * (x[0] + 1) - 2],
    [x(0).times(x(1)), 'x0*x1', (x) => x[0] * x[1]],
    [x(0).plus(x(1)).minus(x(0)), 'x1', (x) => x[1]],
    [p(0).plus(p(1).times(x(2))), 'p0 + p1*x2', (x, p) => p[0] + p[1] * x[2]],
    [
      x(0).negate().plus(Math.PI).times(x(1).negate().plus(Math.PI)).times(2),
      '2*(π - x0)*(π - x1)',
      (x) => 2 * (Math.PI - x[0]) * (Math.PI - x[1]),
    ],
    [
      x(0).plus(x(1)).plus(1).times(x(2).minus(2)),
      '(1 + x0)*(-2 + x2) + x1*(-2 + x2)',
      (x) => (x[0] + x[1] + 1) * (x[2] - 2),
    ],
    [x(2).times(0.5).acos().times(2), '2*acos(0.5*x2)', (x) => 2 * Math.acos(0.5 * x[2])],
    [x(2).times(-0.5).plus(0.25).acos(), 'acos(0.25 - 0.5*x2)', (x) => Math.acos(0.25 - 0.5 * x[2])],
    [x(0).minus(x(0)), '0', () => 0],
    [
      x(0)
        .times(0)
        .plus(Math.PI / 2),
      'π/2',
      () => Math.PI / 2,
    ],
  ];
  const [sample, parameters] = [
    [0.3, -1.7, 0.6],
    [1.1, 2.3],
  ];
  for (const [expression, text, value] of values) {
    it(text, () => {
      assert.equal(String(expression), text);
      const json = circuit(1).rx(expression, 0).toJSON();
      const read = Circuit.fromJSON(JSON.parse(JSON.stringify(json))).operations[0].angles[0] as AngleExpression;
      const expected = value(sample, parameters);
      assertClose(
        [
          expression.evaluate(sample, parameters),
          read.evaluate(sample, parameters),
          oracleAngle(json.operations[0].angles![0] as Parameters<typeof angleOf>[0], sample, parameters),
        ],
        [expected, expected, expected],
        1e-15,
        text,
      );
    });
  }

  it('keep an affine function of one variable as one factor', () => {
    const { terms } = x(0).times(2).plus(1).times(3).plus(x(0)).times(x(1).minus(1));
    assert.equal(terms.length, 1);
    assert.deepEqual(
      terms[0].factors.map(({ index, offset, scale }) => [index, offset, scale]),
      [
        [0, 3, 7],
        [1, -1, 1],
      ],
    );
  });

  it('do not change when something is made of them', () => {
    const angle = x(0).plus(1);
    angle.times(5).plus(x(1)).negate();
    assert.equal(String(angle), '1 + x0');
  });

  const refused: [string, () => unknown, 'TypeError' | 'RangeError', string, ...string[]][] = [
    ['a negative feature', () => x(-1), 'RangeError', 'VALUE', 'feature: the index', 'got -1'],
    ['half a parameter', () => p(0.5), 'RangeError', 'VALUE', 'parameter: the index', 'got 0.5'],
    ['a feature by name', () => x('0' as never), 'TypeError', 'TYPE', 'feature: the index', 'got "0"'],
    ['a feature too high to be meant', () => x(1e9), 'RangeError', 'VALUE', 'got 1000000000'],
    ['text as a summand', () => x(0).plus('1' as never), 'TypeError', 'TYPE', 'plus', 'got "1"'],
    ['NaN as a factor', () => x(0).times(Number.NaN), 'RangeError', 'VALUE', 'times', 'got NaN'],
    ['acos of a product', () => x(0).times(x(1)).acos(), 'RangeError', 'VALUE', 'acos', 'got x0*x1'],
    ['acos of a sum of two', () => x(0).plus(x(1)).acos(), 'RangeError', 'VALUE', 'acos', 'got x0 + x1'],
    ['acos of acos', () => x(0).acos().acos(), 'RangeError', 'VALUE', 'acos', 'got acos(x0)'],
  ];
  for (const [what, run, ...expected] of refused) it(`refuse ${what}`, () => assertRefused(run, ...expected));
});

describe('the table of gates', () => {
  it('has the gates that the tests know', () => {
    assert.deepEqual(Object.keys(GATES).sort(), Object.keys(FIXED_GATES).sort());
  });
  for (const [gate, { matrix, qubits, angles, summary }] of Object.entries(GATES)) {
    it(`${gate}: its matrix`, () => {
      assert.deepEqual([angles.length, qubits], FIXED_GATES[gate]);
      assert.match(summary, /^[^\n]{3,80}$/);
      const values = [0.7, -1.9, 2.6, 0.4].slice(0, angles.length);
      const flat = (m: readonly (readonly (readonly number[])[])[]) => m.flat(2);
      assertClose(flat(matrix(values)), flat(gateMatrix(gate, values)), 1e-15, gate);
    });
  }
});

describe('circuit', () => {
  it('has a method for every gate of the table, angles first and qubits last', () => {
    for (const [gate, [angles, qubits]] of Object.entries(FIXED_GATES)) {
      const [values, operands] = [[0.1, 0.2, 0.3, 0.4].slice(0, angles), [2, 0, 1].slice(0, qubits)];
      const method = (circuit(3) as unknown as Record<string, (...args: number[]) => Circuit>)[gate];
      const built = method.call(circuit(3), ...values, ...operands);
      assert.deepEqual(built.operations, [{ gate, qubits: operands, angles: values }]);
      assert.deepEqual(circuit(3).add(gate as 'h', values, operands).operations, built.operations);
    }
  });

  it('counts features and parameters', () => {
    const c = circuit(2).rx(x(3).plus(p(1)), 0);
    assert.deepEqual([c.features, c.parameters], [4, 2]);
    assert.deepEqual([circuit(2, { features: 6 }).append(c).features, circuit(1).features], [6, 0]);
  });

  it('goes through JSON and back', () => {
    for (let k = 0; k < 30; k++) {
      const c = randomCircuit(`json ${k}`, { qubits: 1 + (k % 4), gates: 20 });
      const json = JSON.parse(JSON.stringify(c)) as CircuitJson;
      assert.deepEqual(Circuit.fromJSON(json).toJSON(), c.toJSON());
      assert.deepEqual(json, c.toJSON());
    }
  });

  it('followed by its inverse does nothing', () => {
    for (let k = 0; k < 50; k++) {
      const c = randomCircuit(`inverse ${k}`, { qubits: 1 + (k % 4), gates: 15 });
      const both = circuit(c.qubits).append(c).append(c.inverse());
      const { re, im } = runCircuit(both.toJSON(), [0.2, -0.5, 0.9], [1, -2]);
      assertClose(
        re,
        Array.from(re, (_, b) => (b === 0 ? 1 : 0)),
        1e-13,
        `circuit ${k}, real part`,
      );
      assertClose(im, new Float64Array(im.length), 1e-13, `circuit ${k}, imaginary part`);
    }
  });

  it('binds features and parameters to numbers', () => {
    const [sample, parameters] = [
      [0.2, -0.5, 0.9],
      [1, -2],
    ];
    for (let k = 0; k < 20; k++) {
      const c = randomCircuit(`bind ${k}`, { qubits: 3, gates: 15 });
      const bound = c.bind(sample, parameters);
      assert.deepEqual([bound.features, bound.parameters], [0, 0]);
      assert.ok(bound.operations.every(({ angles }) => angles.every((angle: Angle) => typeof angle === 'number')));
      const [a, b] = [runCircuit(bound.toJSON(), []), runCircuit(c.toJSON(), sample, parameters)];
      assertClose(a.re, b.re, 1e-13, `circuit ${k}`);
    }
    assertRefused(() => circuit(1).rx(x(1), 0).bind([1]), 'RangeError', 'SHAPE', 'bind: takes 2 features, got 1');
    assertRefused(() => circuit(1).rx(p(0), 0).bind([]), 'RangeError', 'SHAPE', 'bind: takes 1 parameters, got 0');
  });

  it('keeps copies of what it was given', () => {
    const [matrix, qubits] = [pauliRotation('X', 1).map((row) => row.map((v) => [...v] as [number, number])), [0]];
    const c = circuit(2).unitary(matrix, qubits);
    const before = JSON.stringify(c);
    matrix[0][0][0] = 5;
    qubits[0] = 1;
    assert.equal(JSON.stringify(c), before);
    c.toJSON().operations.length = 0;
    assert.equal(c.operations.length, 1);
  });

  it('has at most a million gates or so', () => {
    const c = circuit(1).h(0);
    for (let k = 0; k < 20; k++) c.append(c);
    for (const more of [() => c.h(0), () => c.append(circuit(1).h(0))]) {
      assertRefused(more, 'RangeError', 'VALUE', 'more than 1048576 gates');
    }
    assert.equal(c.operations.length, 2 ** 20);
  });

  it('appends itself once', () => {
    const c = circuit(1).h(0).t(0);
    assert.deepEqual(
      c.append(c).operations.map(({ gate }) => gate),
      ['h', 't', 'h', 't'],
    );
  });

  const I2 = [
    [
      [1, 0],
      [0, 0],
    ],
    [
      [0, 0],
      [1, 0],
    ],
  ] as [number, number][][];
  const json = (operation: object) => () => Circuit.fromJSON({ qubits: 2, operations: [operation] } as CircuitJson);
  const refused: [string, () => unknown, 'TypeError' | 'RangeError', string, ...string[]][] = [
    ['no qubits', () => circuit(0), 'RangeError', 'VALUE', 'circuit: qubits', 'got 0'],
    ['qubits as text', () => circuit('2' as never), 'TypeError', 'TYPE', 'circuit: qubits', 'got "2"'],
    ['more qubits than any machine', () => circuit(1e9), 'RangeError', 'VALUE', 'circuit: qubits'],
    ['an unknown option', () => circuit(2, { feature: 2 } as never), 'TypeError', 'UNKNOWN_KEY', '"features"'],
    ['a qubit that is not there', () => circuit(2).h(2), 'RangeError', 'VALUE', 'h: qubit', 'from 0 to 1', 'got 2'],
    ['a qubit as text', () => circuit(2).h('0' as never), 'TypeError', 'TYPE', 'h: qubit', 'got "0"'],
    ['no qubit', () => circuit(2).rx(1, undefined as never), 'TypeError', 'TYPE', 'rx: qubit', 'got undefined'],
    ['a qubit twice', () => circuit(2).cx(1, 1), 'RangeError', 'VALUE', 'cx: needs different qubits, got 1, 1'],
    ['a NaN angle', () => circuit(2).rx(Number.NaN, 0), 'RangeError', 'VALUE', 'rx: the angle must be finite', 'NaN'],
    ['an angle as text', () => circuit(2).rx('x0' as never, 0), 'TypeError', 'TYPE', 'rx: the angle', 'feature(i)'],
    ['an unknown gate', () => circuit(2).add('crxx' as never, [], []), 'RangeError', 'VALUE', 'did you mean "crx"'],
    ['a name of Object', () => circuit(2).add('toString' as never, [], []), 'RangeError', 'VALUE', '"toString"'],
    [
      'too few angles',
      () => circuit(2).add('u', [1, 2], [0]),
      'TypeError',
      'TYPE',
      'u: takes 3 angles and 1 qubits, got 2 and 1',
    ],
    ['a wider circuit', () => circuit(2).append(circuit(3)), 'RangeError', 'VALUE', 'has 3 qubits, this one 2'],
    ['no circuit to append', () => circuit(2).append({} as never), 'TypeError', 'TYPE', 'append', 'got Object'],
    ['letters that are no Paulis', () => circuit(2).pauliRotation('XA', 1, [0, 1]), 'RangeError', 'VALUE', '"XA"'],
    ['letters without qubits', () => circuit(2).pauliRotation('XX', 1, [0]), 'RangeError', 'VALUE', 'takes 2', 'got 1'],
    ['qubits that are no list', () => circuit(2).pauliRotation('X', 1, 0 as never), 'TypeError', 'TYPE', 'array'],
    [
      'a matrix that is not unitary',
      () => circuit(2).unitary([I2[0], I2[0]], [0]),
      'RangeError',
      'VALUE',
      'not unitary',
    ],
    ['a matrix of the wrong size', () => circuit(2).unitary(I2, [0, 1]), 'TypeError', 'TYPE', '4 rows of 4'],
    ['a matrix of real numbers', () => circuit(2).unitary([[1, 0]] as never, [0]), 'TypeError', 'TYPE', '[re, im]'],
    ['a unitary on no qubit', () => circuit(2).unitary(I2, []), 'RangeError', 'VALUE', '1 to 3 qubits, got 0'],
    ['a unitary on four', () => circuit(4).unitary(I2, [0, 1, 2, 3]), 'RangeError', 'VALUE', '1 to 3 qubits, got 4'],
    ['JSON that is none', () => Circuit.fromJSON(null as never), 'TypeError', 'TYPE', 'circuit', 'got null'],
    ['JSON without operations', () => Circuit.fromJSON({ qubits: 1 } as never), 'TypeError', 'TYPE', 'operations'],
    [
      'an operation with a stray key',
      json({ gate: 'h', qubit: [0] }),
      'TypeError',
      'UNKNOWN_KEY',
      'operation 0',
      '"qubits"',
    ],
    ['an operation without qubits', json({ gate: 'h' }), 'TypeError', 'TYPE', 'operation 0: qubits must be an array'],
    ['an operation without a gate', json({ qubits: [0] }), 'RangeError', 'VALUE', 'unknown gate "undefined"'],
    [
      'an angle of neither feature nor parameter',
      json({ gate: 'rx', qubits: [0], angles: [[{ factors: [{ scale: 2 }] }]] }),
      'TypeError',
      'TYPE',
      'operation 0: angle 0, term 0',
      'feature or parameter',
    ],
    [
      'an angle of an unknown function',
      json({ gate: 'rx', qubits: [0], angles: [[{ factors: [{ feature: 0, function: 'sin' }] }]] }),
      'RangeError',
      'VALUE',
      'identity, acos',
      'got "sin"',
    ],
    [
      'an angle with a stray key',
      json({ gate: 'rx', qubits: [0], angles: [[{ coeficient: 2 }]] }),
      'TypeError',
      'UNKNOWN_KEY',
      'did you mean "coefficient"',
    ],
  ];
  for (const [what, run, ...expected] of refused) it(`refuses ${what}`, () => assertRefused(run, ...expected));
});
