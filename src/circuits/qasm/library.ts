import type { Angle } from '../angle.js';
import { type FixedGateName, GATES } from '../gates.js';

/** A gate name of OpenQASM's standard libraries as one of ours; without `gate` it is the identity. */
export interface StandardGate {
  angles: number;
  qubits: number;
  gate?: FixedGateName;
  convert(angles: Angle[]): Angle[];
}

const same = (angles: Angle[]) => angles;

function alias(gate: FixedGateName, angles = GATES[gate].angles.length, convert = same): StandardGate {
  return { gate, angles, qubits: GATES[gate].qubits, convert };
}

/** Names in stdgates.inc and qelib1.inc and, for they do no harm, those of our other gates. */
export const STANDARD_GATES: Readonly<Record<string, StandardGate>> = {
  ...Object.fromEntries((Object.keys(GATES) as FixedGateName[]).map((name) => [name, alias(name)])),
  U: alias('u'),
  u3: alias('u'),
  u2: alias('u', 2, ([phi, lambda]) => [Math.PI / 2, phi!, lambda!]),
  u1: alias('p'),
  phase: alias('p'),
  CX: alias('cx'),
  cu1: alias('cp'),
  cphase: alias('cp'),
  cu3: alias('cu', 3, (angles) => [...angles, 0]),
  id: { angles: 0, qubits: 1, convert: same },
  u0: { angles: 1, qubits: 1, convert: same },
};

/** Gates of qelib1.inc, and ccz, that have no entry in the table of gates. */
export const LIBRARY = `
gate csx a, b { ctrl @ sx a, b; }
gate ccz a, b, c { h c; ccx a, b, c; h c; }
gate rccx a, b, c { h c; t c; cx b, c; tdg c; cx a, c; t c; cx b, c; tdg c; h c; }
gate rc3x a, b, c, d {
  h d; t d; cx c, d; tdg d; h d; cx a, d; t d; cx b, d; tdg d; cx a, d; t d; cx b, d; tdg d; h d; t d; cx c, d; tdg d; h d;
}
gate c3x a, b, c, d { ctrl(3) @ x a, b, c, d; }
gate c3sqrtx a, b, c, d { ctrl(3) @ sx a, b, c, d; }
gate c4x a, b, c, d, e { ctrl(4) @ x a, b, c, d, e; }
`;

/** What a gate becomes under one more control, where that is a gate of the table with the same angles. */
export const CONTROLLED: Readonly<Partial<Record<FixedGateName, FixedGateName>>> = {
  gphase: 'p',
  x: 'cx',
  y: 'cy',
  z: 'cz',
  h: 'ch',
  p: 'cp',
  rx: 'crx',
  ry: 'cry',
  rz: 'crz',
  cx: 'ccx',
  swap: 'cswap',
};

/**
 * The other gates in parts, global phase included, so that a control can be put on each part. `u` is missing on purpose:
 * OpenQASM 3.0 gives U a phase e^{i theta / 2} that Qiskit leaves out, and a control makes the difference visible.
 */
export const PARTS = `
gate s a { p(pi / 2) a; }
gate sdg a { p(-pi / 2) a; }
gate t a { p(pi / 4) a; }
gate tdg a { p(-pi / 4) a; }
gate sx a { rx(pi / 2) a; gphase(pi / 4); }
gate sxdg a { rx(-pi / 2) a; gphase(-pi / 4); }
gate cy a, b { sdg b; cx a, b; s b; }
gate cz a, b { h b; cx a, b; h b; }
gate ch a, b { ry(-pi / 4) b; cz a, b; ry(pi / 4) b; }
gate cp(l) a, b { p(l / 2) a; p(l / 2) b; cx a, b; p(-l / 2) b; cx a, b; }
gate crz(t) a, b { rz(t / 2) b; cx a, b; rz(-t / 2) b; cx a, b; }
gate crx(t) a, b { h b; crz(t) a, b; h b; }
gate cry(t) a, b { ry(t / 2) b; cx a, b; ry(-t / 2) b; cx a, b; }
gate cu(t, f, l, g) a, b { p(g) a; cp(l) a, b; cry(t) a, b; cp(f) a, b; }
gate ccx a, b, c { h c; cp(pi / 2) b, c; cx a, b; cp(-pi / 2) b, c; cx a, b; cp(pi / 2) a, c; h c; }
gate cswap a, b, c { cx c, b; ccx a, b, c; cx c, b; }
gate rzz(t) a, b { cx a, b; rz(t) b; cx a, b; }
gate rxx(t) a, b { h a; h b; rzz(t) a, b; h a; h b; }
gate ryy(t) a, b { rx(pi / 2) a; rx(pi / 2) b; rzz(t) a, b; rx(-pi / 2) a; rx(-pi / 2) b; }
`;
