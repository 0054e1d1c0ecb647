import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = new URL('../../../../', import.meta.url);
const bin = fileURLToPath(new URL('bin/qrkd.mjs', root));
const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string };

function qrkd(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

describe('qrkd command line', () => {
  it('tells its version', () => {
    assert.deepEqual(qrkd('--version'), { status: 0, stdout: `${manifest.version}\n`, stderr: '' });
  });

  it('lists its commands', () => {
    const { status, stdout } = qrkd('--help');
    assert.equal(status, 0);
    for (const command of ['doctor', 'setup']) assert.match(stdout, new RegExp(`^  ${command} `, 'm'));
  });

  it('shows a command’s own options in its help', () => {
    assert.match(qrkd('help', 'doctor').stdout, /--json/);
    assert.equal(qrkd('help', 'doctor').stdout, qrkd('doctor', '--help').stdout);
  });

  for (const [args, line] of [
    [['docter'], 'qrkd: unknown command "docter" (did you mean "doctor"?)'],
    [['doctor', '--jsn'], "qrkd: unknown option '--jsn' (Did you mean --json?)"],
    [['doctor', 'me'], "qrkd: too many arguments for 'doctor'. Expected 0 arguments but got 1."],
    [['setup', 'me'], "qrkd: too many arguments for 'setup'. Expected 0 arguments but got 1."],
  ] as const) {
    it(`exits 2 with one line for: qrkd ${args.join(' ')}`, () => {
      const { status, stdout, stderr } = qrkd(...args);
      assert.deepEqual({ status, stdout }, { status: 2, stdout: '' });
      assert.equal(stderr, `${line}\n`);
    });
  }

  it('ends with its exit code when nobody reads its messages', async () => {
    const child = spawn(process.execPath, [bin, 'docter'], { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.destroy();
    const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
    const [code] = await once(child, 'exit');
    clearTimeout(timer);
    assert.equal(code, 2);
  });

  it('doctor finds everything that this checkout needs, and prints one JSON document', () => {
    const { status, stdout } = qrkd('doctor', '--json');
    const { ok, findings } = JSON.parse(stdout) as {
      ok: boolean;
      findings: { name: string; state: string; found: string }[];
    };
    const missing = findings.filter(({ state }) => state === 'missing');
    assert.deepEqual({ status, ok, missing }, { status: 0, ok: true, missing: [] });
    const backend = findings.find(({ name }) => name === 'Tensor backend');
    assert.match(backend!.found, process.env.QRKD_TENSORFLOW === 'wasm' ? /^WebAssembly/ : /^TensorFlow 2\./);
    for (const name of ['Node', 'Addon', 'Instruction set', 'Threads', 'onnxruntime', 'Data']) {
      assert.ok(
        findings.some((finding) => finding.name === name),
        name,
      );
    }
  });
});
