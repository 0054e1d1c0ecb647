// OpenQASM in and out: round trips, the language as far as it is read, and errors that name their place.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Angle, Circuit, type ErrorCode, feature, parameter, QrkdRangeError } from 'qrkd';
import { writableCircuit } from '../../golden/qasmCases.js';
import { runCircuit } from '../../oracle.js';

const HEAD = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n';

/** The largest difference of two circuits' amplitudes on the same sample. */
function difference(a: Circuit, b: Circuit, x: number[], parameters: number[]): number {
  const [left, right] = [a, b].map((circuit) => runCircuit(circuit.toJSON(), x, parameters));
  return Math.max(...left.re.map((re, k) => Math.hypot(re - right.re[k], left.im[k] - right.im[k])));
}

function read(lines: string, options?: Parameters<typeof Circuit.fromQasm>[1]): Circuit {
  return Circuit.fromQasm(HEAD + lines, options);
}

/** The operations of a text, shortly: [gate, qubits, angles as text]. */
function gates(circuit: Circuit): [string, number[], ...string[]][] {
  return circuit.operations.map(({ gate, qubits, angles }) => [gate, [...qubits], ...angles.map(String)]);
}

function refused(text: string, code: ErrorCode, place: string, words: RegExp): void {
  assert.throws(
    () => Circuit.fromQasm(text),
    (error) => {
      assert.ok(error instanceof QrkdRangeError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, new RegExp(`^QASM line ${place.replace(':', ', column ')}: `));
      assert.match(error.message, words);
      return true;
    },
  );
}

describe('OpenQASM round trips', () => {
  const x = [0.3, -0.6, 0.9];
  const parameters = [1.2, -2.1];

  it('keep the state of random circuits, symbolic, bound, and in version 2', () => {
    for (let seed = 0; seed < 40; seed++) {
      const circuit = writableCircuit(`round trip ${seed}`, 1 + (seed % 5), 30);
      const symbolic = Circuit.fromQasm(circuit.toQasm());
      assert.deepEqual([symbolic.features, symbolic.parameters], [3, 2]);
      assert.ok(difference(circuit, symbolic, x, parameters) < 1e-13, `symbolic ${seed}`);
      for (const version of [2, 3] as const) {
        const bound = Circuit.fromQasm(circuit.toQasm({ version, x, parameters }));
        assert.deepEqual([bound.features, bound.parameters], [0, 0]);
        assert.ok(difference(circuit.bind(x, parameters), bound, [], []) < 1e-13, `version ${version}, ${seed}`);
      }
    }
  });

  it('keep every gate as it was', () => {
    const circuit = writableCircuit('gates', 4, 200);
    const plain = { ...circuit.toJSON(), operations: circuit.toJSON().operations.filter((o) => o.gate !== 'unitary') };
    const bound = Circuit.fromJSON(plain).bind(x, parameters);
    assert.deepEqual(Circuit.fromQasm(bound.toQasm()).toJSON(), bound.toJSON());
    // Version 2 has no global phase; everything else it keeps.
    const phaseless = { ...bound.toJSON(), operations: bound.toJSON().operations.filter((o) => o.gate !== 'gphase') };
    assert.deepEqual(Circuit.fromQasm(Circuit.fromJSON(phaseless).toQasm({ version: 2 })).toJSON(), phaseless);
  });

  it('keep declared features that no gate uses', () => {
    const again = Circuit.fromQasm(new Circuit(1, { features: 4, parameters: 2 }).rx(feature(1), 0).toQasm());
    assert.deepEqual([again.features, again.parameters], [4, 2]);
  });
});

describe('Circuit.toQasm', () => {
  it('writes inputs, exact fractions of pi and all digits', () => {
    const circuit = new Circuit(2)
      .rx(feature(0).minus(Math.PI).times(feature(1).times(2)).plus(0.1), 0)
      .p((3 * Math.PI) / 4, 1)
      .ry(parameter(0).negate(), 1)
      .rz(0.1 + 0.2, 0)
      .ry(feature(1).times(0.5).acos(), 0);
    assert.equal(
      circuit.toQasm(),
      `${HEAD}${[
        'input float[64] x0;',
        'input float[64] x1;',
        'input float[64] theta0;',
        'qubit[2] q;',
        'rx((-pi + x0)*(2.0*x1) + 0.1) q[0];',
        'p(3*pi/4) q[1];',
        'ry(-theta0) q[1];',
        'rz(0.30000000000000004) q[0];',
        'ry(arccos(0.5*x1)) q[0];',
        '',
      ].join('\n')}`,
    );
  });

  it('refuses what it cannot say', () => {
    const one = new Circuit(1).rx(feature(0), 0);
    const swap = new Circuit(2).swap(0, 1);
    const matrix = [0, 2, 1, 3].map((k) => [0, 1, 2, 3].map((j): [number, number] => [j === k ? 1 : 0, 0]));
    const cases: [() => string, RegExp][] = [
      [() => one.toQasm({ version: 2 }), /version 2 has no inputs; give values for the 1 features \(x\)/],
      [() => one.toQasm({ version: 4 as 3 }), /version must be 2 or 3, got 4/],
      [() => one.toQasm({ x: [1, 2] }), /takes 1 features, got 2/],
      [() => swap.unitary(matrix, [0, 1]).toQasm(), /operation 1 is a unitary on 2 qubits/],
      [() => one.toQasm({ verison: 2 } as object), /unknown key "verison" \(did you mean "version"\?\)/],
    ];
    for (const [call, words] of cases) assert.throws(call, words);
  });
});

describe('Circuit.fromQasm', () => {
  it('numbers registers in order and calls gates on whole registers', () => {
    const circuit = read('qubit[2] a;\nqubit b;\nqreg c[2];\nh a;\ncx a, c;\nccx a, b, c;');
    assert.equal(circuit.qubits, 5);
    const expected = ['h 0', 'h 1', 'cx 0,3', 'cx 1,4', 'ccx 0,2,3', 'ccx 1,2,4'];
    assert.deepEqual(
      gates(circuit).map(([gate, qubits]) => `${gate} ${qubits}`),
      expected,
    );
  });

  it('reads inputs under every name that they have', () => {
    const forms: [string, string, string][] = [
      ['input float x0; input float theta1;', 'x0', 'theta1'],
      ['input float[64] _x_0_; input float[64] _θ_1_;', '_x_0_', '_θ_1_'],
      ['input angle x_0; input angle[32] θ1;', 'x_0', 'θ1'],
      ['input array[float[64], 1] x; input array[float, 2] theta;', 'x[0]', 'theta[1]'],
    ];
    for (const [declared, x, theta] of forms) {
      const circuit = read(`${declared} qubit q; rx(2*${x} - pi) q; ry(${theta}*${x}/4) q; rz(${x}**2) q;`);
      const expected: Angle[] = [
        feature(0).times(2).minus(Math.PI),
        parameter(1).times(feature(0)).times(0.25),
        feature(0).times(feature(0)),
      ];
      assert.deepEqual(
        circuit.operations.map(({ angles }) => angles[0]),
        expected,
      );
      assert.deepEqual([circuit.features, circuit.parameters], [1, 2]);
    }
  });

  it('takes other inputs as the options say', () => {
    const lines = 'input float phi; input array[float, 2] data; qubit q; rx(phi*2) q; ry(data[1]) q;';
    const inputs = { phi: parameter(0), data: [0.5, feature(3).times(0.1)] };
    assert.deepEqual(gates(read(lines, { inputs })), [
      ['rx', [0], '2*p0'],
      ['ry', [0], '0.1*x3'],
    ]);
    assert.throws(() => read(lines, { inputs: { phi: 1 } }), /line 3, column 40: input "data"/);
    assert.throws(
      () => read(lines, { inputs: { ...inputs, data: [1] } }),
      /must have an array with element 1 for "data"/,
    );
    assert.throws(
      () => read(lines, { inputs: { ...inputs, phi: 'a' as never } }),
      /"phi" must be a number, feature\(i\)/,
    );
    assert.throws(() => read(lines, { inputs: { ...inputs, phi: [1] } }), /has 1 angles for "phi", which is one/);
  });

  it('ignores barriers and measurements at the end', () => {
    const text =
      'qubit[2] q; bit[2] c; h q[0]; barrier q; c[0] = measure q[0]; x q[1]; measure q[1] -> c[1]; barrier q[0];';
    assert.deepEqual(gates(read(text)), [
      ['h', [0]],
      ['x', [1]],
    ]);
    const two = 'OPENQASM 2.0;include "qelib1.inc";qreg q[1];creg c[1];h q[0];measure q->c;';
    assert.equal(Circuit.fromQasm(two).operations.length, 1);
    assert.equal(read('qubit q; bit a = measure q;').operations.length, 0);
  });

  it('carries out constants and functions', () => {
    const circuit = read(
      'const float a = cos(pi) + sqrt(4.0)*ln(exp(2.0)); const uint[8] n = 7 - 2**2; qubit[n] q; rx(-a**2) q[n - 1]; ry(mod(7.5, 2)) q[0];',
    );
    assert.equal(circuit.qubits, 3);
    assert.deepEqual(gates(circuit), [
      ['rx', [2], '-9'],
      ['ry', [0], '1.5'],
    ]);
  });

  it('lets a definition mean what the names meant at its place, and win over a standard name', () => {
    const circuit = read('gate twice a { h a; s a; }\ngate h a { x a; }\nqubit q;\ntwice q;\nh q;');
    assert.deepEqual(
      gates(circuit).map(([gate]) => gate),
      ['h', 's', 'x'],
    );
  });

  it('does not mistake another definition for its own', () => {
    const own = new Circuit(2).rzz(0.5, 0, 1).toQasm();
    assert.deepEqual(gates(Circuit.fromQasm(own)), [['rzz', [0, 1], '0.5']]);
    const other = own.replace('rz(theta) b', 'rz(-theta) b');
    assert.deepEqual(
      gates(Circuit.fromQasm(other)).map(([gate]) => gate),
      ['cx', 'rz', 'cx'],
    );
  });

  it('puts controls on Pauli rotations part by part', () => {
    const text = new Circuit(3).pauliRotation('XY', 0.7, [0, 1]).h(2).toQasm();
    const circuit = Circuit.fromQasm(text.replace('h q[2];', 'h q[2]; ctrl @ pauli_xy(0.9) q[2], q[0], q[1];'));
    // A controlled rotation is half of it and half of it conjugated by Z on the control's partner: here by two rotations.
    const expected = new Circuit(3).pauliRotation('XY', 0.7, [0, 1]).h(2);
    expected.pauliRotation('XY', 0.45, [0, 1]).pauliRotation('ZXY', -0.45, [0, 1, 2]);
    assert.ok(difference(circuit, expected, [], []) < 1e-14);
  });

  it('names line, column and construct of what it does not read', () => {
    const cases: [string, ErrorCode, string, RegExp][] = [
      ['', 'ERR_QRKD_FORMAT', '1:1', /declares no qubits/],
      ['OPENQASM 4.0;', 'ERR_QRKD_UNSUPPORTED', '1:10', /version 2.0 or 3.0, found "4.0"/],
      [`${HEAD}qubit q;\nrx(pi q;`, 'ERR_QRKD_FORMAT', '4:7', /expected "\)", found "q"/],
      [`${HEAD}qubit q;\nh q`, 'ERR_QRKD_FORMAT', '4:4', /expected ";", found the end of the text/],
      [`${HEAD}qubit q;\n  foo q;`, 'ERR_QRKD_UNSUPPORTED', '4:3', /unknown gate "foo"/],
      [`${HEAD}qubit q;\nfor int i in [0:3] { h q; }`, 'ERR_QRKD_UNSUPPORTED', '4:1', /"for" \(classical control\)/],
      [`${HEAD}bit c;\nif (c) { h q; }`, 'ERR_QRKD_UNSUPPORTED', '4:1', /"if" \(classical control\)/],
      [`${HEAD}qubit q;\nreset q;`, 'ERR_QRKD_UNSUPPORTED', '4:1', /"reset" \(a reset\)/],
      [`${HEAD}def f(qubit q) { }`, 'ERR_QRKD_UNSUPPORTED', '3:1', /"def" \(a subroutine\)/],
      [`${HEAD}float a = 1;`, 'ERR_QRKD_UNSUPPORTED', '3:1', /"float" \(a classical variable/],
      [`${HEAD}let a = q[0];`, 'ERR_QRKD_UNSUPPORTED', '3:1', /"let" \(an alias\)/],
      [`${HEAD}qubit[2] q;\nh q[0:1];`, 'ERR_QRKD_UNSUPPORTED', '4:6', /slices/],
      [`${HEAD}h $0;`, 'ERR_QRKD_UNSUPPORTED', '3:3', /physical qubits such as \$0/],
      [
        `${HEAD}qubit[2] q;\nbit c;\nc = measure q[0];\nh q[0];`,
        'ERR_QRKD_UNSUPPORTED',
        '6:1',
        /after its measurement \(line 5\)/,
      ],
      [`${HEAD}qubit[2] q;\ncx q[0], q[2];`, 'ERR_QRKD_VALUE', '4:10', /register q has qubits 0 to 1, got 2/],
      [`${HEAD}qubit[2] q;\ncx q[0], q;`, 'ERR_QRKD_FORMAT', '4:1', /needs different qubits/],
      [`${HEAD}qubit[2] a; qubit[3] b;\ncx a, b;`, 'ERR_QRKD_FORMAT', '4:1', /same size, got 2 and 3/],
      [`${HEAD}qubit q;\nrx q;`, 'ERR_QRKD_FORMAT', '4:1', /rx takes 1 angles and 1 qubits, got 0 and 1/],
      [`${HEAD}qubit q; qubit q;`, 'ERR_QRKD_FORMAT', '3:16', /"q" is declared twice/],
      [`${HEAD}input float phi;`, 'ERR_QRKD_UNSUPPORTED', '3:13', /input "phi": features are called x0/],
      [`${HEAD}input int x0;`, 'ERR_QRKD_UNSUPPORTED', '3:7', /an input of type float, angle or array, found "int"/],
      [`${HEAD}input float x0; qubit q;\nrx(sin(x0)) q;`, 'ERR_QRKD_UNSUPPORTED', '4:4', /sin of an input/],
      [`${HEAD}input float x0; qubit q;\nrx(1/x0) q;`, 'ERR_QRKD_UNSUPPORTED', '4:5', /cannot be divided by/],
      [`${HEAD}input float x0; qubit q;\nrx(arccos(x0*x0)) q;`, 'ERR_QRKD_VALUE', '4:4', /affine function of one/],
      [`${HEAD}qubit q;\nrx(pi/0) q;`, 'ERR_QRKD_VALUE', '4:6', /division by zero/],
      [`${HEAD}qubit q;\nrx(1/2) q;`, 'ERR_QRKD_VALUE', '4:5', /1\/2 is 0; write 1.0\/2/],
      [`${HEAD}qubit q;\nrx(ln(-1)) q;`, 'ERR_QRKD_VALUE', '4:4', /not finite/],
      [`${HEAD}qubit q;\nrx(7 % 2) q;`, 'ERR_QRKD_UNSUPPORTED', '4:6', /operator %/],
      [`${HEAD}qubit q;\npow(0.5) @ x q;`, 'ERR_QRKD_VALUE', '4:5', /the power must be a whole number, got 0.5/],
      [`${HEAD}qubit[2] q;\nctrl @ U(1, 2, 3) q[0], q[1];`, 'ERR_QRKD_UNSUPPORTED', '4:1', /a control on U/],
      [`${HEAD}include "mine.inc";`, 'ERR_QRKD_UNSUPPORTED', '3:9', /include "mine.inc"/],
      [`${HEAD}gate g(a, a) q { }`, 'ERR_QRKD_FORMAT', '3:6', /two arguments named a/],
      [`${HEAD}gate g q { g q; }`, 'ERR_QRKD_UNSUPPORTED', '3:12', /unknown gate "g"/],
      [`${HEAD}gate g q { x r; }`, 'ERR_QRKD_FORMAT', '3:14', /"r" is no qubit of gate g/],
      [`${HEAD}qubit q; /* oops`, 'ERR_QRKD_FORMAT', '3:10', /a comment that does not end/],
      [`${HEAD}qubit q;\r\nh q;\r\n€`, 'ERR_QRKD_FORMAT', '5:1', /unexpected character "€"/],
      ['OPENQASM 2.0;\nqreg q[1];\nqubit r;', 'ERR_QRKD_UNSUPPORTED', '3:1', /unknown gate "qubit"/],
      ['OPENQASM 2.0;\nopaque g q;', 'ERR_QRKD_UNSUPPORTED', '2:1', /"opaque"/],
      ['OPENQASM 2.0;\nqreg q[1];\ncreg c[1];\nif (c==1) x q[0];', 'ERR_QRKD_UNSUPPORTED', '4:1', /"if"/],
    ];
    for (const [text, code, place, words] of cases) refused(text, code, place, words);
    assert.throws(() => Circuit.fromQasm(3 as unknown as string), /the text must be a string, got 3/);
  });

  it('ends on texts that grow without end', () => {
    const doubling = Array.from({ length: 60 }, (_, k) => `gate g${k + 1} q { g${k} q; g${k} q; }`).join('\n');
    const nested = Array.from({ length: 500 }, (_, k) => `gate g${k + 1} q { g${k} q; }`).join('\n');
    const squares = Array.from({ length: 20 }, (_, k) => `gate g${k + 1}(a) q { g${k}(a*a) q; }`).join('\n');
    const x = 'input float x0; input float x1; qubit q;';
    const cases: [string, RegExp][] = [
      [`gate g0 q { }\n${doubling}\nqubit q; g60 q;`, /too many gates/],
      [`gate g0 q { }\n${nested}\nqubit q; g500 q;`, /at most 100 levels/],
      [`${x} gate g0(a) q { rx(a) q; }\n${squares}\ng20(x0 + x1*x1) q;`, /more than 4096 terms/],
      ['qubit q; pow(1e15) @ x q;', /too many gates/],
      ['qubit[32] q; ctrl(31) @ ry(1.0) q[0]', /expected ";"/],
      [
        `qubit[32] q; ctrl(31) @ ry(1.0) ${Array.from({ length: 32 }, (_, k) => `q[${k}]`).join(', ')};`,
        /too many gates/,
      ],
      [`qubit q; rx(${'('.repeat(1e5)}1${')'.repeat(1e5)}) q;`, /nest at most 400 levels/],
      [`qubit q; rx(${'-'.repeat(1e5)}1) q;`, /nest at most 400 levels/],
      [`qubit q; rx(${'1 + '.repeat(1e5)}1) q;`, /at most 400 levels/],
      [`qubit q; ${'inv @ '.repeat(1e5)} x q;`, /at most 100 modifiers/],
      [`qubit q; rx(sin(${'1, '.repeat(2e5)}1)) q;`, /sin takes 1 arguments, got 200001/],
      [`qubit[1048576] q; ${'measure q;'.repeat(1e3)}`, /too many gates/],
      ['qubit[9007199254740991] q;', /at most 1048576/],
      [`qubit[1048576] q; ${'h q;'.repeat(3)}`, /too many gates/],
    ];
    for (const [lines, words] of cases) assert.throws(() => read(lines), words);
  });
});
