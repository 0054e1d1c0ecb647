// Gram matrix of the ZZ map on npm's state-vector simulators, states by them and overlaps in plain loops. Speaks as
// contest.py with --serve does: one JSON line of facts, then one of milliseconds for each contender's name on standard input.
//   node simulators.mjs --samples 64 --qubits 8
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import jsqubits from 'jsqubits';
import QuantumCircuit from 'quantum-circuit';

const { values } = parseArgs({
  options: {
    samples: { type: 'string', default: '64' },
    qubits: { type: 'string', default: '8' },
    threads: { type: 'string' },
    serve: { type: 'boolean' },
  },
});
const N = Number(values.samples);
const n = Number(values.qubits);
const BANDWIDTH = 0.25;
const TURN_MILLISECONDS = 200;
const LONG_CALL_MILLISECONDS = 500;

/** The numbers of bench/inputs.ts and contest.py. */
function uniform(count, seed) {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 24) / 256;
  });
}
const numbers = uniform(N * n, 1);
const X = Array.from({ length: N }, (_, i) => numbers.slice(i * n, (i + 1) * n).map((value) => value * BANDWIDTH));

/** Calls back for every gate of the map: a Hadamard, a phase on one qubit, a CNOT. */
function zzMap(x, { hadamard, phase, cnot }) {
  for (let rep = 0; rep < 2; rep++) {
    for (let q = 0; q < n; q++) hadamard(q);
    for (let q = 0; q < n; q++) phase(q, 2 * x[q]);
    for (let i = 0; i < n; i++) {
      for (let j = i + 1; j < n; j++) {
        cnot(i, j);
        phase(j, 2 * (Math.PI - x[i]) * (Math.PI - x[j]));
        cnot(i, j);
      }
    }
  }
}

/** applyGate is the step that `run` takes for each gate; with `run` the circuit is serialised, too. */
function quantumCircuitState(x) {
  const circuit = new QuantumCircuit(n);
  zzMap(x, {
    hadamard: (q) => circuit.applyGate('h', 0, [q], {}),
    phase: (q, lambda) => circuit.applyGate('u1', 0, [q], { params: { lambda } }),
    cnot: (control, target) => circuit.applyGate('cx', 0, [control, target], {}),
  });
  return Array.from({ length: 2 ** n }, (_, b) => circuit.state[b] ?? { re: 0, im: 0 });
}

function jsqubitsState(x) {
  let state = jsqubits(`|${'0'.repeat(n)}>`);
  zzMap(x, {
    hadamard: (q) => {
      state = state.hadamard(q);
    },
    phase: (q, angle) => {
      state = state.r(q, angle);
    },
    cnot: (control, target) => {
      state = state.cnot(control, target);
    },
  });
  return Array.from({ length: 2 ** n }, (_, b) => {
    const { real, imaginary } = state.amplitude(b);
    return { re: real, im: imaginary };
  });
}

function gram(stateOf) {
  const amplitudes = 2 ** n;
  const re = new Float64Array(N * amplitudes);
  const im = new Float64Array(N * amplitudes);
  X.forEach((x, i) => {
    stateOf(x).forEach((amplitude, b) => {
      re[i * amplitudes + b] = amplitude.re;
      im[i * amplitudes + b] = amplitude.im;
    });
  });
  const k = new Float64Array(N * N);
  for (let i = 0; i < N; i++) {
    for (let j = 0; j <= i; j++) {
      let real = 0;
      let imaginary = 0;
      for (let b = 0; b < amplitudes; b++) {
        const p = i * amplitudes + b;
        const q = j * amplitudes + b;
        real += re[p] * re[q] + im[p] * im[q];
        imaginary += re[p] * im[q] - im[p] * re[q];
      }
      k[i * N + j] = k[j * N + i] = real * real + imaginary * imaginary;
    }
  }
  return k;
}

function takeTurn(run) {
  const start = performance.now();
  run();
  const first = performance.now() - start;
  if (first > LONG_CALL_MILLISECONDS) return [first];
  const times = [];
  const end = performance.now() + TURN_MILLISECONDS;
  do {
    const begin = performance.now();
    run();
    times.push(performance.now() - begin);
  } while (performance.now() < end);
  return times;
}

const require = createRequire(import.meta.url);
const version = (name) =>
  JSON.parse(readFileSync(require.resolve(name).replace(/(node_modules\/[^/]+)\/.*/, '$1/package.json'), 'utf8'))
    .version;

const stateOf = { 'npm quantum-circuit': quantumCircuitState, 'npm jsqubits': jsqubitsState };
const contenders = Object.fromEntries(Object.entries(stateOf).map(([name, state]) => [name, () => gram(state)]));
const firstRows = Object.fromEntries(Object.entries(contenders).map(([name, run]) => [name, [...run().slice(0, N)]]));
const facts = {
  bandwidth: BANDWIDTH,
  firstRows,
  contenders: Object.fromEntries(Object.keys(contenders).map((name) => [name, 'float64'])),
  versions: { 'quantum-circuit': version('quantum-circuit'), jsqubits: version('jsqubits') },
};
if (values.serve) {
  console.log(JSON.stringify(facts));
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(takeTurn(contenders[line.trim()])));
  }
} else {
  const milliseconds = Object.entries(contenders).map(([name, run]) => [name, takeTurn(run)]);
  console.log(JSON.stringify({ ...facts, milliseconds: Object.fromEntries(milliseconds) }));
}
