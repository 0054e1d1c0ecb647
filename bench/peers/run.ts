// Ours and the peers in alternation, in one tree of processes, after a check that all give the same numbers.
//   node dist-test/bench/peers/run.js [gram|gradient|training ...] [--python python3] [--threads 2] [--rounds 7]
// Tables go to standard error, one JSON document to standard output.
import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: 'string', default: process.env.QRKD_PYTHON ?? 'python3' },
    threads: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '7' },
  },
});
const threads = Number(values.threads);
const rounds = Number(values.rounds);
// Before the engine and TensorFlow are loaded: both read it once.
process.env.QRKD_THREADS = values.threads;
process.env.TF_NUM_INTRAOP_THREADS = values.threads;

const { simdInfo } = await import('qrkd');
const { samples } = await import('../inputs.js');
const { alternate, printTable, turnOf } = await import('../turns.js');
const { benchKernel, fusedLoss, lossThroughForward } = await import('../tasks.js');
const { startPeer } = await import('./peer.js');
type Times = Record<string, number>;

const ms = (value: number) => (value < 10 ? value.toFixed(3) : value.toFixed(1));

async function gram(rows: number, qubits: number) {
  interface Facts {
    bandwidth: number;
    gramFlops: number;
    sgemmFlops: number;
    firstRow: number[];
  }
  const { facts, turns, stop } = await startPeer<Facts>(values.python, 'gram.py', { samples: rows, qubits, threads });
  const kernel = benchKernel(qubits, facts.bandwidth);
  const x = samples(rows, qubits, 1);
  const k = kernel.matrix(x).data;
  facts.firstRow.forEach((expected, j) => {
    assert.ok(Math.abs(k[j]! - expected) < 1e-5, `K[0, ${j}] is ${k[j]}, NumPy has ${expected}`);
  });
  const times = await alternate(
    { qrkd: turnOf(() => kernel.matrix(x)), 'qrkd states only': turnOf(() => kernel.states(x)), ...turns },
    rounds,
  );
  stop();
  const rate = facts.gramFlops / times.qrkd! / 1e6;
  const sgemm = facts.sgemmFlops / times.sgemm! / 1e6;
  const table = Object.entries(times).map(([name, time]) =>
    name === 'sgemm'
      ? [name, '', `${sgemm.toFixed(0)} GFLOP/s`]
      : [name, ms(time), `${(time / times.qrkd!).toFixed(2)} x`],
  );
  const share = rate / sgemm;
  printTable(
    `Gram, ZZ 2 reps, N = ${rows}, ${qubits} qubits, float32, ${threads} threads`,
    ['', 'ms', 'to qrkd'],
    [
      ...table,
      ['qrkd, at 4 N^2 2^n flops', '', `${rate.toFixed(0)} GFLOP/s`],
      ['  of the rate of sgemm', '', `${(100 * share).toFixed(0)} %`],
    ],
  );
  return { task: 'gram', rows, qubits, milliseconds: times, gflops: rate, sgemmGflops: sgemm, shareOfSgemm: share };
}

async function gradient(rows: number, qubits: number) {
  interface Facts {
    bandwidth: number;
    value: number;
    gradient: number[];
  }
  const options = { samples: rows, qubits, threads };
  const { facts, turns, stop } = await startPeer<Facts>(values.python, 'gradient.py', options);
  const kernel = benchKernel(qubits, facts.bandwidth);
  const x = samples(rows, qubits, 1);
  const teacher = kernel.matrix(samples(rows, qubits, 2));
  const largest = Math.max(...facts.gradient.map(Math.abs));
  for (const run of [lossThroughForward, fusedLoss]) {
    const { value, dx } = run(kernel, x, teacher);
    assert.ok(Math.abs(value - facts.value) < 1e-5 * facts.value, `value ${value}, PyTorch has ${facts.value}`);
    facts.gradient.forEach((expected, i) => {
      assert.ok(
        Math.abs(dx.data[i]! - expected) < 1e-3 * largest,
        `dx[${i}] is ${dx.data[i]}, PyTorch has ${expected}`,
      );
    });
  }
  const times = await alternate(
    {
      'qrkd value alone': turnOf(() => kernel.matrix(x)),
      'qrkd through forward': turnOf(() => lossThroughForward(kernel, x, teacher)),
      'qrkd fused': turnOf(() => fusedLoss(kernel, x, teacher)),
      ...turns,
    },
    rounds,
  );
  stop();
  const ours = times['qrkd through forward']!;
  printTable(
    `Value and gradient of the kernel loss, ZZ 2 reps, N = ${rows}, ${qubits} qubits, float32, ${threads} threads`,
    ['', 'ms', 'to qrkd'],
    Object.entries(times).map(([name, time]) => [name, ms(time), `${(time / ours).toFixed(2)} x`]),
  );
  const fastest = Math.min(...Object.keys(turns).map((name) => times[name]!));
  const toValue = ours / times['qrkd value alone']!;
  return {
    task: 'gradient',
    rows,
    qubits,
    milliseconds: times,
    toValueAlone: toValue,
    fastestPeerToOurs: fastest / ours,
  };
}

async function training(batch: number) {
  const { trainingTurns } = await import('../steps.js');
  const { facts, turns, stop } = await startPeer<{ batch: number }>(values.python, 'training.py', { batch, threads });
  const times: Times = await alternate({ ...(await trainingTurns(facts.batch)), ...turns }, rounds);
  stop();
  const ours = times['qrkd step, zz']!;
  printTable(
    `Training step of the paper's MNIST pair, batch ${batch}, ${threads} threads`,
    ['', 'ms', 'to qrkd, zz'],
    Object.entries(times).map(([name, time]) => [name, ms(time), `${(time / ours).toFixed(2)} x`]),
  );
  return { task: 'training', batch, milliseconds: times };
}

const wanted = positionals.length > 0 ? positionals : ['gram', 'gradient', 'training'];
const results: object[] = [];
for (const suite of wanted) {
  if (suite === 'gram') {
    for (const [rows, qubits] of [
      [64, 8],
      [256, 10],
      [1024, 10],
      [1024, 12],
    ] as const)
      results.push(await gram(rows, qubits));
  } else if (suite === 'gradient') {
    for (const [rows, qubits] of [
      [64, 8],
      [256, 10],
    ] as const)
      results.push(await gradient(rows, qubits));
  } else if (suite === 'training') {
    results.push(await training(64));
  } else {
    console.error(`unknown suite "${suite}" (known: gram, gradient, training)`);
    process.exit(2);
  }
}
console.log(JSON.stringify({ simd: simdInfo(), threads, rounds, results }));
