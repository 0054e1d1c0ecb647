import { tokenize } from './tokens.js';

/**
 * Gates that a standard library lacks, as the writer defines them, global phase included. The reader knows these very
 * definitions again, so that a circuit comes back with the gates that it had.
 */
const ROTATIONS: Readonly<Record<string, string>> = {
  rxx: '(theta) a, b { h a; h b; cx a, b; rz(theta) b; cx a, b; h a; h b; }',
  ryy: '(theta) a, b { rx(pi/2) a; rx(pi/2) b; cx a, b; rz(theta) b; cx a, b; rx(-pi/2) a; rx(-pi/2) b; }',
  rzz: '(theta) a, b { cx a, b; rz(theta) b; cx a, b; }',
};
const FIXED: Readonly<Record<2 | 3, Readonly<Record<string, string>>>> = {
  3: { ...ROTATIONS, sxdg: ' a { inv @ sx a; }' },
  // qelib1.inc as it was published; readers that know more of it take these definitions, too.
  2: {
    ...ROTATIONS,
    p: '(theta) a { u1(theta) a; }',
    sx: ' a { rx(pi/2) a; rz(-pi/2) a; u1(pi/2) a; }',
    sxdg: ' a { rx(-pi/2) a; rz(pi/2) a; u1(-pi/2) a; }',
    swap: ' a, b { cx a, b; cx b, a; cx a, b; }',
    cp: '(theta) a, b { cu1(theta) a, b; }',
    crx: '(theta) a, b { h b; crz(theta) a, b; h b; }',
    cry: '(theta) a, b { ry(theta/2) b; cx a, b; ry(-theta/2) b; cx a, b; }',
    cu: '(theta, phi, lambda, gamma) a, b { u1(gamma) a; cu1(lambda) a, b; ry(theta/2) b; cx a, b; ry(-theta/2) b; cx a, b; cu1(phi) a, b; }',
    cswap: ' a, b, c { cx c, b; ccx a, b, c; cx c, b; }',
  },
};

const PAULI = /^pauli_([ixyz]+)$/;

/** The name under which the rotation of a Pauli string is defined: its letters as they are, read from right to left. */
export function pauliGateName(pauli: string): string {
  return `pauli_${pauli.toLowerCase()}`;
}

/** The Pauli string of such a name; undefined for others. */
export function pauliOfName(name: string): string | undefined {
  return PAULI.exec(name)?.[1].toUpperCase();
}

/** `(theta) a, b { ... }` for a gate that has to be defined in a text of this version; undefined for others. */
export function definitionOf(name: string, version: 2 | 3): string | undefined {
  const pauli = pauliOfName(name);
  if (pauli !== undefined) return pauliDefinition(pauli);
  return Object.hasOwn(FIXED[version], name) ? FIXED[version][name] : undefined;
}

/** Whether the tokens of a definition, joined with spaces, are those of ours. */
export function isOwnDefinition(name: string, text: string): boolean {
  return ([2, 3] as const).some((version) => {
    const own = definitionOf(name, version);
    return own !== undefined && text === normalised(own);
  });
}

function normalised(text: string): string {
  return tokenize(text)
    .slice(0, -1)
    .map((token) => token.text)
    .join(' ');
}

/** exp(-i theta / 2 P): letters turned to Z, their parity gathered on the last qubit, RZ, and all of it undone. */
function pauliDefinition(pauli: string): string {
  const letters = [...pauli].reverse();
  const names = letters.map((_, k) => `q${k}`);
  const active = names.filter((_, k) => letters[k] !== 'I');
  const turn = (sign: string) =>
    letters.flatMap((letter, k) => {
      if (letter === 'X') return [`h ${names[k]};`];
      return letter === 'Y' ? [`rx(${sign}pi/2) ${names[k]};`] : [];
    });
  const ladder = active.slice(1).map((name, k) => `cx ${active[k]}, ${name};`);
  const last = active.at(-1);
  // Without letters other than I the rotation is the phase e^{-i theta / 2}.
  const middle = last ? [`rz(theta) ${last};`] : ['rz(theta) q0;', 'u1(-theta) q0;'];
  const steps = [...turn(''), ...ladder, ...middle, ...ladder.toReversed(), ...turn('-')];
  return `(theta) ${names.join(', ')} { ${steps.join(' ')} }`;
}
