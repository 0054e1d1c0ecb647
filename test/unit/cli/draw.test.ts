// `qrkd draw` as a process: every format, every kind of --map, and how mistakes are told.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { circuit, feature, featureMap, parameter } from 'qrkd';

const bin = fileURLToPath(new URL('../../../../bin/qrkd.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'qrkd-draw-'));
after(() => rmSync(folder, { recursive: true }));

function draw(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, 'draw', ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

function gives(stdout: string, ...args: string[]): void {
  assert.deepEqual(draw(...args), { status: 0, stdout, stderr: '' });
}

function refuses(message: RegExp, ...args: string[]): void {
  const { status, stdout, stderr } = draw(...args);
  assert.deepEqual({ status, stdout }, { status: 2, stdout: '' }, stderr);
  assert.match(stderr, new RegExp(`^qrkd: .*${message.source}.*\n$`));
}

const own = circuit(2)
  .rx(feature(0), 0)
  .cx(0, 1)
  .ry(parameter(0).times(feature(1)), 1);

describe('qrkd draw', () => {
  it('draws named maps with their options', () => {
    const map = featureMap({ type: 'zz', features: 3, reps: 1, bandwidth: 0.5 });
    gives(map.draw(), '--features', '3', '--reps', '1', '--bandwidth', '0.5');
    gives(map.draw({ width: 60 }), '--features', '3', '--reps', '1', '--bandwidth', '0.5', '--width', '60');
  });

  it('writes every format, by the ending or as asked', () => {
    const map = featureMap({ type: 'angle', features: 2 });
    const formats: [string, string, string[]][] = [
      ['map.txt', map.draw(), []],
      ['map.svg', map.svg(), []],
      ['map.qasm', map.toQasm(), []],
      ['map.other', map.toQasm({ version: 2, x: [0.5, -1] }), ['--format', 'qasm2', '--x', '0.5,-1']],
    ];
    for (const [out, content, args] of formats) {
      gives('', '--map', 'angle', '--features', '2', '--out', out, ...args);
      assert.equal(readFileSync(join(folder, out), 'utf8'), content);
    }
  });

  it('reads maps and circuits from files', () => {
    writeFileSync(join(folder, 'map.json'), JSON.stringify({ type: 'iqp', features: 2 }));
    gives(featureMap({ type: 'iqp', features: 2 }).draw(), '--map', 'map.json');
    writeFileSync(join(folder, 'circuit.json'), JSON.stringify(own));
    gives(own.draw(), '--map', 'circuit.json');
    writeFileSync(join(folder, 'circuit.qasm'), own.toQasm());
    gives(own.draw(), '--map', 'circuit.qasm');
    gives(own.toQasm(), '--map', 'circuit.qasm', '--format', 'qasm');
  });

  it('puts numbers in', () => {
    writeFileSync(join(folder, 'p.csv'), '0.3\n');
    writeFileSync(join(folder, 'own.json'), JSON.stringify(featureMap(own)));
    gives(own.bind([0.1, 0.2], [0.3]).draw(), '--map', 'own.json', '--x', '0.1,0.2', '--parameters', 'p.csv');
    gives(own.bind([0.1, 0.2], [0]).draw(), '--map', 'own.json', '--x', '0.1,0.2');
  });

  it('tells mistakes in one line', () => {
    writeFileSync(join(folder, 'bad.qasm'), 'OPENQASM 3.0;\nqubit q;\nreset q;\n');
    refuses(/--map bad.qasm: QASM line 3, column 1: "reset" \(a reset\) is not supported/, '--map', 'bad.qasm');
    refuses(/--map none.qasm: no such file/, '--map', 'none.qasm');
    refuses(/--map zzz: no such feature map \(did you mean "zz"\?\)/, '--map', 'zzz', '--features', '2');
    refuses(/--map zz: needs --features, the number of features/);
    refuses(/--map amplitude: this map has no circuit/, '--map', 'amplitude', '--features', '2');
    refuses(
      /--out map.png: unknown ending; expected .txt, .svg, .qasm, or give --format/,
      '--features',
      '2',
      '--out',
      'map.png',
    );
    refuses(/--features 3: --map circuit.qasm takes 2/, '--map', 'circuit.qasm', '--features', '3');
    refuses(/version 2 has no inputs/, '--features', '2', '--format', 'qasm2');
    refuses(/expected numbers with commas between them/, '--features', '2', '--x', '1,b');
    refuses(/takes 2 features, got 1/, '--features', '2', '--x', '1');
    refuses(/a circuit of 100 qubits is too wide, 64 can be drawn/, '--map', 'angle', '--features', '100');
  });
});
