// `qrkd kernel` from end to end, as a process: what goes in, what comes out, and how every mistake is told.
import assert from 'node:assert/strict';
import { type SpawnOptions, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  circuit,
  FEATURE_MAPS,
  type FeatureMapSpec,
  FidelityKernel,
  feature,
  featureMap,
  type Matrix,
  type Precision,
  parameter,
} from 'qrkd';
import { readMatrixFile, writeMatrixFile, writeNpzFile } from '#dist/files/index.js';
import { runCommandLines } from '../../commandLines.js';
import { randomMatrices, rowsOf } from '../../matrices.js';

const bin = fileURLToPath(new URL('../../../../bin/qrkd.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'qrkd-kernel-'));
after(() => rmSync(folder, { recursive: true }));

interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

function kernel(args: string[], options: SpawnOptions = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [bin, 'kernel', ...args], { cwd: folder, ...options });
    let [stdout, stderr] = ['', ''];
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    child.on('error', reject).on('close', (status) => resolve({ status, stdout, stderr }));
  });
}

function file(name: string, content: string | Uint8Array): string {
  writeFileSync(join(folder, name), content);
  return name;
}

const X = randomMatrices('cli X')(6, 3);
const Y = randomMatrices('cli Y')(4, 3);
const csv = (matrix: Matrix) =>
  rowsOf(matrix)
    .map((row) => `${row.join(',')}\n`)
    .join('');
file('X.csv', csv(X));
file('Y.csv', csv(Y));
await writeMatrixFile(join(folder, 'X.npy'), X);
const expected = (spec: FeatureMapSpec, precision: Precision = 'float64', second?: Matrix, first: Matrix = X) =>
  new FidelityKernel(featureMap(spec), { precision }).matrix(first, second);

async function gives(args: string[], K: Matrix, out = 'K.npy'): Promise<void> {
  const { status, stdout, stderr } = await kernel([...args, '--out', out]);
  assert.deepEqual({ status, stdout }, { status: 0, stdout: '' }, stderr);
  assert.match(stderr, new RegExp(`^${out}: ${K.shape.join(' x ')} in [\\d.]+ s\\n$`));
  assert.deepEqual(await readMatrixFile(join(folder, out)), K);
}

// Two at a time: what takes long is starting the processes.
describe('qrkd kernel', { concurrency: 2 }, () => {
  it('zz by default, .csv in and .npy out', () => gives(['X.csv'], expected({ type: 'zz', features: 3 }), '1.npy'));

  it('.npy in and .csv out, with every digit', () => gives(['X.npy'], expected({ type: 'zz', features: 3 }), '2.csv'));

  it('.npz in, by name where there are several arrays, and out', async () => {
    await writeNpzFile(join(folder, 'both.npz'), { train: X, test: Y });
    const K = expected({ type: 'zz', features: 3 }, 'float64', X, Y);
    await gives(['both.npz:test', 'both.npz:train'], K, 'cross.npz');
    assert.deepEqual(await readMatrixFile(join(folder, 'cross.npz:K')), K);
  });

  it('X against Y', () => {
    return gives(['X.csv', 'Y.csv', '--map', 'iqp'], expected({ type: 'iqp', features: 3 }, 'float64', Y), '3.npy');
  });

  it('every option of zz', () => {
    const spec = { type: 'zz', features: 3, reps: 3, entanglement: 'linear', alpha: 0.5, bandwidth: 0.7 } as const;
    const flags = ['--map', 'zz', '--reps', '3', '--entanglement', 'linear', '--alpha', '0.5', '--bandwidth', '.7'];
    return gives(['X.csv', ...flags], expected(spec), '4.npy');
  });

  it('a list of pairs, and float32 all through', () => {
    const spec = { type: 'zz', features: 3, entanglement: [[0, 2]] } as FeatureMapSpec;
    const flags = ['--entanglement', '[[0, 2]]', '--precision', 'float32'];
    return gives(['X.csv', ...flags], expected(spec, 'float32'), '5.npy');
  });

  it('options of the other maps', async () => {
    await gives(
      ['X.csv', '--map', 'angle', '--axis', 'Y'],
      expected({ type: 'angle', features: 3, axis: 'Y' }),
      '6.npy',
    );
    const repeated = expected({ type: 'iqp', features: 3, repeats: 2 });
    await gives(['X.csv', '--map', 'iqp', '--repeats', '2'], repeated, '7.npy');
    await gives(['X.csv', '--map', 'amplitude'], expected({ type: 'amplitude', features: 3 }), '8.npy');
  });

  it('trainable maps, with parameters from a file and without', async () => {
    const spec = { type: 'qaoa', features: 3, qubits: 4, layers: 2, localField: 'X' } as const;
    const flags = ['X.csv', '--map', 'qaoa', '--qubits', '4', '--layers', '2', '--local-field', 'X'];
    await gives(flags, expected(spec), 'zeros.npy');
    const trained = new FidelityKernel(featureMap(spec));
    trained.parameters.set(trained.map.initialParameters(1));
    file('row.csv', `${trained.parameters.join(',')}\n`);
    file('column.csv', trained.parameters.join('\n'));
    for (const values of ['row.csv', 'column.csv']) {
      await gives([...flags, '--parameters', values], trained.matrix(X), `${values}.npy`);
    }
  });

  it('Pauli strings and blocks, towers, layers', async () => {
    const spec = {
      type: 'pauli',
      features: 3,
      paulis: ['Y', 'ZXZ'],
      entanglement: [[2, 0, 1]],
      bandwidth: 0.3,
    } as FeatureMapSpec;
    const flags = ['--map', 'pauli', '--paulis', 'Y,ZXZ', '--entanglement', '[[2,0,1]]', '--bandwidth', '0.3'];
    await gives(['X.csv', ...flags], expected(spec), 'pauli.npy');
    const tower = { type: 'chebyshev', features: 3, degree: 1, layers: 3 } as const;
    await gives(['X.csv', '--map', 'chebyshev', '--degree', '1', '--layers', '3'], expected(tower), 'tower.npy');
  });

  it('in tiles, and in shards that are merged: the same bytes', async () => {
    await writeMatrixFile(join(folder, 'many.npy'), randomMatrices('cli many')(600, 3));
    await kernel(['many.npy', '--out', 'whole.npy']);
    const whole = readFileSync(join(folder, 'whole.npy'));
    const tiled = await kernel(['many.npy', '--out', 'tiled.npy', '--memory', '1MiB', '--json']);
    assert.equal(tiled.status, 0, tiled.stderr);
    const { out, shape, tiles, resumed, bytes } = JSON.parse(tiled.stdout);
    assert.deepEqual([out, shape, resumed, bytes], ['tiled.npy', [600, 600], 0, whole.length]);
    assert.ok(tiles > 3);
    assert.ok(readFileSync(join(folder, 'tiled.npy')).equals(whole));

    const parts: string[] = [];
    for (const i of [2, 1]) {
      const { status, stderr } = await kernel([
        'many.npy',
        '--out',
        'parts.npy',
        '--memory',
        '1MiB',
        '--shard',
        `${i}/2`,
      ]);
      assert.equal(status, 0, stderr);
      parts.push(`parts.npy.${i}of2.part`);
      assert.match(stderr, new RegExp(`^${parts.at(-1)}: shard ${i}/2 of 600 x 600 in [\\d.]+ s\\n$`));
    }
    const missing = await kernel(['merge', 'parts.npy', parts[0]!]);
    assert.deepEqual([missing.status, missing.stderr], [2, 'qrkd: the parts are not complete: shard 1/2 missing\n']);
    const merged = await kernel(['merge', 'parts.npy', ...parts]);
    assert.equal(merged.status, 0, merged.stderr);
    assert.match(merged.stderr, /^parts\.npy: 600 x 600 of 2 parts in [\d.]+ s\n$/);
    assert.ok(readFileSync(join(folder, 'parts.npy')).equals(whole));
  });

  it('a circuit from JSON, from a specification around it, and from OpenQASM', async () => {
    const own = circuit(2)
      .h(0)
      .rz(feature(2).times(feature(0)), 0)
      .cx(0, 1)
      .ry(feature(1).plus(parameter(0)), 1);
    const kernelOf = (bandwidth: number) => {
      const result = new FidelityKernel(featureMap({ type: 'circuit', circuit: own, bandwidth }));
      result.parameters[0] = 0.8;
      return result.matrix(X);
    };
    file('circuit.json', JSON.stringify(own));
    file('spec.json', JSON.stringify(featureMap({ type: 'circuit', circuit: own, bandwidth: 0.5 })));
    file('circuit.qasm', own.toQasm());
    file('parameter.csv', '0.8\n');
    const flags = ['X.csv', '--parameters', 'parameter.csv', '--map'];
    await gives([...flags, 'circuit.json'], kernelOf(1), 'c1.npy');
    await gives([...flags, 'spec.json'], kernelOf(0.5), 'c2.npy');
    await gives([...flags, 'circuit.qasm', '--bandwidth', '0.5'], kernelOf(0.5), 'c3.npy');
  });

  it('a map from a JSON file, with or without features, and options over it', async () => {
    file('map.json', '{"type": "zz", "reps": 1, "bandwidth": 0.3}');
    file('full.json', JSON.stringify(featureMap({ type: 'z', features: 3 })));
    await gives(
      ['X.csv', '--map', 'map.json'],
      expected({ type: 'zz', features: 3, reps: 1, bandwidth: 0.3 }),
      '9.npy',
    );
    const over = expected({ type: 'z', features: 3, bandwidth: -2 });
    await gives(['X.csv', '--map', 'full.json', '--bandwidth', '-2'], over, '10.npy');
  });

  it('Fortran order, float32 and integers in .npy', async () => {
    const array = (descr: string, fortran: string, data: ArrayBufferView) => {
      const text = `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': (2, 3), }`.padEnd(117);
      const start = Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1');
      return Buffer.concat([start, Buffer.from(`${text}\n`), Buffer.from(data.buffer)]);
    };
    const rows = { data: Float64Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] as [number, number] };
    const K = expected({ type: 'zz', features: 3 }, 'float64', undefined, rows);
    file('c4.npy', array('<f4', 'False', Float32Array.from(rows.data)));
    file('i8.npy', array('<i8', 'False', BigInt64Array.of(1n, 2n, 3n, 4n, 5n, 6n)));
    file('f8.npy', array('<f8', 'True', Float64Array.of(1, 4, 2, 5, 3, 6)));
    for (const name of ['c4', 'i8', 'f8']) await gives([`${name}.npy`], K, `out-${name}.npy`);
  });

  it('--out - writes CSV to standard output and nothing else there', async () => {
    const { status, stdout, stderr } = await kernel(['X.csv', 'Y.csv', '--out', '-']);
    assert.equal(status, 0);
    assert.equal(stdout, csv(expected({ type: 'zz', features: 3 }, 'float64', Y)));
    assert.match(stderr, /^standard output: 6 x 4 in /);
  });

  it('--out - into a pipe that is closed early is no error', async () => {
    // More than a pipe holds.
    file('many.csv', csv(randomMatrices('many')(300, 2)));
    const child = spawn(process.execPath, [bin, 'kernel', 'many.csv', '--out', '-'], { cwd: folder });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    child.stdout.once('data', () => child.stdout.destroy());
    const status = await new Promise((resolve) => child.on('close', resolve));
    assert.equal(status, 0, stderr);
    assert.doesNotMatch(stderr, /EPIPE|Error/);
  });

  it('--json prints exactly one document', async () => {
    const flags = ['--map', 'z', '--precision', 'float32', '--out', 'j.npy', '--json'];
    const { status, stdout, stderr } = await kernel(['X.csv', 'Y.csv', ...flags]);
    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
    const { seconds, active, supported, threads, ...rest } = JSON.parse(stdout);
    assert.deepEqual(rest, {
      out: 'j.npy',
      shape: [6, 4],
      precision: 'float32',
      map: { type: 'z', features: 3, reps: 2, alpha: 2, bandwidth: 1 },
    });
    assert.ok(seconds >= 0 && threads >= 1 && supported.includes(active));
  });

  it('explains every map in its help', async () => {
    const { status, stdout } = await kernel(['--help']);
    assert.equal(status, 0);
    for (const { type, formula, source, defaults } of FEATURE_MAPS) {
      for (const text of [type, formula, source]) assert.ok(stdout.includes(text), text);
      for (const key of Object.keys(defaults)) {
        const flag = `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} `;
        assert.ok(['features', 'circuit'].includes(key) || stdout.includes(flag), flag);
      }
    }
  });
});

describe('qrkd kernel refuses, with exit code 2, one line and no output', { concurrency: 2 }, () => {
  file('nan.csv', '1,2\n3,nan\n');
  file('tall.csv', '0.5,0.1\n'.repeat(24_000));
  file('words.csv', 'a,b\n1,2\n');
  file('empty.csv', '');
  file('wide.csv', '1,2,3,4\n');
  file('one.csv', '1\n2\n');
  file('zeros.csv', '1,2\n0,0\n');
  file('qubits.csv', `${Array(30).fill('0.1').join(',')}\n`.repeat(17));
  file('data.txt', '1,2');
  file('cut.npy', readFileSync(join(folder, 'X.npy')).subarray(0, 200));
  file('broken.json', '{"type": "zz",');
  file('other.json', '{"type": "zz", "features": 5}');
  file('null.json', 'null');
  file('key.json', '{"type": "zz", "bandwith": 1}');
  file('broken.qasm', 'OPENQASM 3.0;\nqubit[2 q;\n');
  file('gate.json', '{"qubits": 1, "operations": [{"gate": "hh", "qubits": [0]}]}');
  mkdirSync(join(folder, 'folder.csv'));
  const out = ['--out', 'bad.npy'];
  const cases: [what: string, args: string[], ...parts: string[]][] = [
    ['no file', out, "missing required argument 'X'"],
    ['no --out', ['X.csv'], "required option '--out"],
    ['three files', ['X.csv', 'Y.csv', 'X.csv', ...out], 'too many arguments'],
    ['an unknown option', ['X.csv', ...out, '--rep', '2'], "unknown option '--rep'"],
    ['a missing file', ['none.npy', ...out], 'none.npy: no such file'],
    ['a missing second file', ['X.csv', 'none.csv', ...out], 'none.csv: no such file'],
    ['a folder', ['folder.csv', ...out], 'folder.csv: is a folder'],
    ['an unknown ending', ['data.txt', ...out], 'data.txt: unknown ending', '.npy, .npz or .csv'],
    [
      'an unknown ending of the output',
      ['X.csv', '--out', 'bad.txt'],
      '--out bad.txt: unknown ending',
      '.npy, .npz, .csv or -',
    ],
    ['an input as output', ['X.npy', '--out', './X.npy'], '--out ./X.npy is an input'],
    ['an archive as input and output', ['both.npz:x', '--out', './both.npz'], '--out ./both.npz is an input'],
    ['more than a .npz file holds', ['tall.csv', '--map', 'angle', '--out', 'K.npz'], 'less than 4 GiB'],
    ['a truncated file', ['cut.npy', ...out], 'cut.npy:', 'truncated'],
    ['NaN', ['nan.csv', ...out], 'nan.csv: has NaN at row 1, column 1'],
    ['a header', ['words.csv', ...out], 'words.csv: line 1, column 1 is "a"'],
    ['an empty file', ['empty.csv', ...out], 'empty.csv: has 0 rows'],
    ['different widths', ['X.csv', 'wide.csv', ...out], 'wide.csv: has 4 columns, the feature map takes 3'],
    ['another width than the map has', ['X.csv', '--map', 'other.json', ...out], 'X.csv: has 3 columns', 'takes 5'],
    ['zz of one feature', ['one.csv', ...out], 'zz: needs at least 2 features', '"z"'],
    ['a row of zeros', ['zeros.csv', '--map', 'amplitude', ...out], 'X: row 1 is all zeros'],
    ['an unknown map', ['X.csv', '--map', 'zzz', ...out], '--map zzz: no such feature map', 'did you mean "zz"'],
    ['a missing map file', ['X.csv', '--map', 'no.json', ...out], '--map no.json: no such file'],
    ['a folder for a map', ['X.csv', '--map', 'folder.csv', ...out], '--map folder.csv'],
    ['a broken map file', ['X.csv', '--map', 'broken.json', ...out], '--map broken.json', 'JSON'],
    ['an empty map file', ['X.csv', '--map', 'null.json', ...out], 'holds neither a feature map nor a circuit'],
    ['an unknown key in a map file', ['X.csv', '--map', 'key.json', ...out], '"bandwith"', 'did you mean "bandwidth"'],
    ['an option of another map', ['X.csv', '--axis', 'X', ...out], 'unknown key "axis"'],
    ['a circuit by name', ['X.csv', '--map', 'circuit', ...out], '--map circuit', 'name a JSON or .qasm file'],
    ['a missing .qasm file', ['X.csv', '--map', 'no.qasm', ...out], '--map no.qasm: no such file'],
    ['a broken .qasm file', ['X.csv', '--map', 'broken.qasm', ...out], '--map broken.qasm', 'line 2'],
    ['a broken circuit', ['X.csv', '--map', 'gate.json', ...out], '--map gate.json', 'unknown gate "hh"'],
    ['parameters of a map without', ['X.csv', '--parameters', 'one.csv', ...out], 'one.csv: has 2 numbers', 'takes 0'],
    [
      'too few parameters',
      ['X.csv', '--map', 'yzcx', '--parameters', 'one.csv', ...out],
      '--parameters one.csv: has 2 numbers, the feature map takes 12',
    ],
    ['features beyond arccos', ['wide.csv', '--map', 'chebyshev', ...out], 'X: row 0', 'column 1', 'outside [-1, 1]'],
    ['a word for a number', ['X.csv', '--reps', 'two', ...out], '--reps', 'two', 'number'],
    ['half a repetition', ['X.csv', '--reps', '1.5', ...out], 'reps must be a whole number', '1.5'],
    ['an infinite bandwidth', ['X.csv', '--bandwidth', 'Infinity', ...out], '--bandwidth', 'Infinity'],
    ['an unknown entanglement', ['X.csv', '--entanglement', 'ring', ...out], 'unknown entanglement "ring"'],
    ['a broken list of pairs', ['X.csv', '--entanglement', '[[0,1]', ...out], '--entanglement', '[[0,1]'],
    ['a pair out of range', ['X.csv', '--entanglement', '[[0,9]]', ...out], 'from 0 to 2', '[0,9]'],
    ['an unknown precision', ['X.csv', '--precision', 'float16', ...out], '--precision', 'float16', 'float32'],
    ['states beyond any memory', ['qubits.csv', ...out], 'zz, 30 qubits', 'GiB of memory', 'are available'],
    ['two documents on standard output', ['X.csv', '--out', '-', '--json'], '--json and --out -'],
    ['big trouble with --json', ['nan.csv', '--json', ...out], 'nan.csv: has NaN'],
  ];
  const refused = ([what, , ...parts]: (typeof cases)[number], { status, stdout, stderr }: Ended) => {
    assert.deepEqual({ status, stdout }, { status: 2, stdout: '' }, `${what}: ${stderr}`);
    assert.match(stderr, /^qrkd: [^\n]+\n$/);
    for (const part of parts) assert.ok(stderr.includes(part), `"${stderr.trim()}" lacks ${part}`);
  };
  const ended = runCommandLines(
    cases.map(([, args]) => ['kernel', ...args]),
    folder,
  );
  for (const [c, refusal] of cases.entries()) it(refusal[0], () => refused(refusal, ended[c]!));

  it('as a process of its own', async () => {
    for (const what of ['no file', 'NaN', 'an unknown precision']) {
      const refusal = cases.find(([name]) => name === what)!;
      refused(refusal, await kernel(refusal[1]));
    }
  });

  it('an unknown instruction set or number of threads in the environment', async () => {
    for (const variable of ['QRKD_FORCE_ISA', 'QRKD_THREADS']) {
      const { status, stderr } = await kernel(['X.csv', '--out', 'bad.npy'], {
        env: { ...process.env, [variable]: 'sse' },
      });
      assert.equal(status, 2);
      assert.match(stderr, new RegExp(`^qrkd: ${variable}="sse" [^\\n]+\\n$`));
    }
  });
});

describe('qrkd kernel fails, with exit code 1 and one line, for what lies outside', { concurrency: 2 }, () => {
  const cases: [what: string, args: string[], ...parts: string[]][] = [
    ['a folder that does not exist', ['--out', 'no/such/K.npy'], '--out no/such/K.npy', 'does not exist'],
    ['a folder in the place of the file', ['--out', 'taken.npy'], 'taken.npy'],
    ['a file in the place of the folder', ['--out', 'X.csv/K.npy'], 'X.csv/K.npy: a part of the path is a file'],
  ];
  mkdirSync(join(folder, 'taken.npy'));
  for (const [what, args, ...parts] of cases) {
    it(what, async () => {
      const { status, stdout, stderr } = await kernel(['X.csv', ...args]);
      assert.deepEqual({ status, stdout }, { status: 1, stdout: '' }, stderr);
      assert.match(stderr, /^qrkd: [^\n]+\n$/);
      for (const part of parts) assert.ok(stderr.includes(part), `"${stderr.trim()}" lacks ${part}`);
    });
  }

  it('a full disk', { skip: process.platform !== 'linux' && 'needs /dev/full' }, async () => {
    const full = openSync('/dev/full', 'w');
    const { status, stderr } = await kernel(['X.csv', '--out', '-'], { stdio: ['ignore', full, 'pipe'] });
    assert.equal(status, 1, stderr);
    assert.match(stderr, /ENOSPC/);
  });
});

it('a refusal leaves nothing behind', () => {
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('bad')),
    [],
  );
});
