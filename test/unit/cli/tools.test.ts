// `qrkd tune` and `qrkd inspect` as processes.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { concentration, type DeviceOptions, FidelityKernel, featureMap, targetAlignment, tuneBandwidth } from 'qrkd';
import { readMatrixFile, writeMatrixFile } from '#dist/files/index.js';
import { randomMatrices } from '../../matrices.js';

const bin = fileURLToPath(new URL('../../../../bin/qrkd.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'qrkd-tools-'));
after(() => rmSync(folder, { recursive: true }));
const qrkd = (...args: string[]) => spawnSync(process.execPath, [bin, ...args], { cwd: folder, encoding: 'utf8' });

const X = randomMatrices('tools')(20, 3);
const labels = Array.from({ length: 20 }, (_, i) => (X.data[3 * i]! > 0 ? 1 : 0));
const spec = { type: 'zz', features: 3, reps: 1 } as const;
const K = new FidelityKernel(featureMap({ ...spec, bandwidth: 0.2 })).matrix(X);
await writeMatrixFile(join(folder, 'X.npy'), X);
await writeMatrixFile(join(folder, 'K.npy'), K);
writeFileSync(join(folder, 'names.csv'), `${labels.map((y) => (y ? 'high' : 'low')).join('\n')}\n`);
// As NumPy saves a vector: np.save('y.npy', y)
const header = `{'descr': '<i8', 'fortran_order': False, 'shape': (20,), }`.padEnd(117);
writeFileSync(
  join(folder, 'y.npy'),
  Buffer.concat([
    Buffer.from('\x93NUMPY\x01\x00v\x00', 'latin1'),
    Buffer.from(`${header}\n`),
    Buffer.from(BigInt64Array.from(labels, BigInt).buffer),
  ]),
);

function fails(args: string[], message: RegExp): void {
  const { status, stdout, stderr } = qrkd(...args);
  assert.deepEqual({ status, stdout }, { status: 2, stdout: '' }, stderr);
  assert.match(stderr, message);
  assert.match(stderr, /^qrkd: [^\n]*\n$/);
}

describe('qrkd tune', () => {
  it('prints the table and the best bandwidth, and draws them', async () => {
    const expected = await tuneBandwidth(spec, X, { labels, bandwidths: [0.05, 0.1, 0.2, 0.4] });
    for (const file of ['y.npy', 'names.csv']) {
      const args = ['X.npy', '--reps', '1', '--bandwidths', '0.05,0.1,0.2,0.4', '--plot', 'tune.svg'];
      const { status, stdout, stderr } = qrkd('tune', ...args, '--labels', file);
      assert.equal(status, 0, stderr);
      const lines = stdout.trimEnd().split('\n');
      assert.equal(lines.length, 6);
      assert.match(lines[0]!, /^ bandwidth +alignment +mean +deviation$/);
      assert.deepEqual(lines[2]!.trim().split(/ +/).slice(0, 2), ['0.1000', expected.table[1]!.score.toFixed(4)]);
      assert.equal(
        lines[5],
        `best bandwidth ${expected.bandwidth.toPrecision(4)} (alignment ${expected.score.toFixed(4)})`,
      );
      assert.match(readFileSync(join(folder, 'tune.svg'), 'utf8'), /^<svg/);
    }
  });
  it('--json: everything as one document', async () => {
    const { plot: _, ...expected } = await tuneBandwidth(spec, X, { method: 'gradient' });
    const { status, stdout } = qrkd('tune', 'X.npy', '--reps', '1', '--method', 'gradient', '--json');
    assert.equal(status, 0);
    assert.deepEqual(JSON.parse(stdout), expected);
  });
  it('says where the best lies at the edge', () => {
    const { status, stderr } = qrkd('tune', 'X.npy', '--bandwidths', '0.001,0.002');
    assert.equal(status, 0);
    assert.match(stderr, /at the edge/);
  });
  it('tells mistakes in one line', () => {
    fails(['tune', 'X.npy', '--bandwidth', '1'], /--bandwidths/);
    fails(['tune', 'X.npy', '--bandwidths', '1,x'], /positive numbers/);
    fails(['tune', 'X.npy', '--by', 'alignment'], /needs labels/);
    fails(['tune', 'X.npy', '--labels', 'X.npy'], /X\.npy: has shape \[20,\d+\], expected one row or column/);
    fails(['tune', 'X.npy', '--labels', 'nowhere.npy'], /no such file/);
    fails(['tune', 'X.npy', '--plot', 'tune.png'], /expected \.svg/);
    fails(['tune', 'X.npy', '--map', 'amplitude'], /normalises/);
    writeFileSync(join(folder, 'few.csv'), '1\n2\n');
    fails(['tune', 'X.npy', '--labels', 'few.csv'], /few\.csv: has 2 labels, X\.npy has 20 rows/);
  });
});

describe('qrkd kernel on a device', () => {
  it('writes what the kernel with these options gives', async () => {
    const flags: [string[], DeviceOptions][] = [
      [['--shots', '100', '--seed', '5', '--psd', 'clip'], { shots: 100, seed: 5, psd: 'clip' }],
      [
        ['--depolarizing', '0.1', '--noise-layers', '2', '--mitigate-depolarizing', 'average', '--shots', '50'],
        { noise: { depolarizing: 0.1, layers: 2 }, mitigation: { depolarizing: 'average' }, shots: 50 },
      ],
      [
        ['--readout', '0.01,0.02', '--mitigate-readout'],
        { noise: { readout: { meas1prep0: 0.01, meas0prep1: 0.02 } }, mitigation: { readout: true } },
      ],
    ];
    for (const [args, options] of flags) {
      const { status, stdout, stderr } = qrkd('kernel', 'X.npy', '--reps', '1', '--out', 'D.npy', '--json', ...args);
      assert.equal(status, 0, stderr);
      const expected = new FidelityKernel(featureMap(spec), options);
      assert.deepEqual(await readMatrixFile(join(folder, 'D.npy')), expected.matrix(X));
      const { shots, seed, noise, mitigation, psd } = JSON.parse(stdout);
      assert.deepEqual(JSON.parse(JSON.stringify({ shots, seed, noise, mitigation, psd })), options);
    }
  });
  it('tells mistakes in one line', () => {
    fails(['kernel', 'X.npy', '--out', 'D.npy', '--shots', '0'], /shots/);
    fails(['kernel', 'X.npy', '--out', 'D.npy', '--readout', '1,2,3'], /probability/);
    fails(['kernel', 'X.npy', '--out', 'D.npy', '--mitigate-readout'], /noise\.readout/);
    fails(['kernel', 'X.npy', '--out', 'D.npy', '--psd', 'flip'], /clip/);
    fails(['kernel', 'X.npy', '--out', 'D.npy', '--psd', 'clip', '--memory', '1GiB'], /block by block/);
  });
});

describe('qrkd inspect', () => {
  it('prints what the matrix can tell, and draws it', () => {
    const report = concentration(K, { qubits: 3 });
    const { status, stdout, stderr } = qrkd(
      'inspect',
      'K.npy',
      '--qubits',
      '3',
      '--labels',
      'y.npy',
      '--plot',
      'k.svg',
    );
    assert.equal(status, 0, stderr);
    for (const text of [
      `mean ${Number(report.mean.toPrecision(3))} (random states 0.125)`,
      `${report.effectiveRank.toFixed(1)} of 20`,
      report.verdict,
      `off the diagonal ${Number(targetAlignment(K, labels, { centered: true, diagonal: false }).toPrecision(3))}`,
    ]) {
      assert.ok(stdout.includes(text), `${text} in ${stdout}`);
    }
    const svg = readFileSync(join(folder, 'k.svg'), 'utf8');
    for (const text of ['Entry off the diagonal', 'Eigenvalue', 'random states']) assert.ok(svg.includes(text), text);
    assert.ok(!svg.includes('NaN'));
  });
  it('--json: everything as one document', () => {
    const { stdout } = qrkd('inspect', 'K.npy', '--json');
    const { spectrum, ...rest } = concentration(K);
    assert.deepEqual(JSON.parse(stdout), { ...rest, spectrum: Array.from(spectrum) });
  });
  it('tells mistakes in one line', () => {
    fails(['inspect', 'X.npy'], /square/);
    fails(['inspect', 'K.npy', '--qubits', '0'], /at least 1/);
    fails(['inspect', 'K.npy', '--plot', 'k.pdf'], /expected \.svg/);
  });
});
