// QRKD_FORCE_ISA and QRKD_THREADS, in processes of their own: what they may be, and that results do not depend on them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { simdInfo } from 'qrkd';
import { assertRelative } from '../../golden/fixtures.js';
import { numbers, type Results } from './tasks.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

function run(args: string[], environment: Record<string, string>) {
  const { QRKD_FORCE_ISA: _isa, QRKD_THREADS: _threads, ...rest } = process.env;
  return spawnSync(process.execPath, args, {
    cwd: ROOT,
    env: { ...rest, ...environment },
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
}

function results(environment: Record<string, string>): Results {
  const { status, stdout, stderr } = run([fileURLToPath(new URL('tasks.js', import.meta.url))], environment);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Results;
}

/** What the first use of the engine throws; loading it alone must not. */
function refusal(environment: Record<string, string>): { name: string; code: string; message: string } {
  const script = `
    import { FidelityKernel, featureMap, simdInfo } from 'qrkd';
    const kernel = new FidelityKernel(featureMap({ type: 'zz', features: 2 }));
    const errors = [() => kernel.matrix([[1, 2]]), simdInfo].map((use) => {
      try { use(); } catch ({ name, code, message }) { return { name, code, message }; }
    });
    console.log(JSON.stringify(errors));`;
  const { status, stdout, stderr } = run(['--input-type=module', '-e', script], environment);
  assert.equal(status, 0, stderr);
  const [first, second] = JSON.parse(stdout);
  assert.deepEqual(first, second, 'every use says the same');
  return first;
}

const { supported } = simdInfo();

describe('QRKD_FORCE_ISA', () => {
  it('simdInfo tells what is in use, and that is the best by default', () => {
    const free = results({});
    assert.ok(supported.includes('scalar'));
    assert.equal(free.active, supported.at(-1));
    assert.ok(free.threads >= 1);
  });

  it('every instruction set agrees with scalar, in values and gradients', () => {
    const scalar = results({ QRKD_FORCE_ISA: 'scalar' });
    assert.equal(scalar.active, 'scalar');
    for (const isa of supported.filter((name) => name !== 'scalar')) {
      const other = results({ QRKD_FORCE_ISA: isa });
      assert.equal(other.active, isa);
      assert.deepEqual(Object.keys(other.values), Object.keys(scalar.values));
      for (const [name, expected] of Object.entries(scalar.values)) {
        const tolerance = name.includes('float64') ? 1e-12 : 2e-5;
        assertRelative(numbers(other.values[name]), numbers(expected), tolerance, `${isa}, ${name}`);
      }
    }
  });

  it('refuses what is no instruction set, with the nearest one', () => {
    const { name, code, message } = refusal({ QRKD_FORCE_ISA: 'avx-512' });
    assert.deepEqual({ name, code }, { name: 'RangeError', code: 'ERR_QRKD_ISA' });
    assert.match(message, /^QRKD_FORCE_ISA="avx-512".*did you mean "avx512"\?/);
    assert.match(refusal({ QRKD_FORCE_ISA: 'sve' }).message, /QRKD_FORCE_ISA="sve".*scalar, avx2, avx512, neon/);
  });

  it('refuses what this machine lacks, with what it has', () => {
    const lacking = ['avx2', 'avx512', 'neon'].filter((name) => !supported.includes(name));
    assert.ok(lacking.length > 0, 'no machine has all of them');
    for (const isa of lacking) {
      const { name, code, message } = refusal({ QRKD_FORCE_ISA: isa });
      assert.deepEqual({ name, code }, { name: 'RangeError', code: 'ERR_QRKD_ISA' });
      assert.ok(message.includes(`QRKD_FORCE_ISA="${isa}"`) && message.includes(supported.join(', ')), message);
    }
  });
});

describe('QRKD_THREADS', () => {
  it('changes no bit of any result', () => {
    const one = results({ QRKD_THREADS: '1' });
    assert.equal(one.threads, 1);
    for (const threads of ['2', '3', '7']) {
      const other = results({ QRKD_THREADS: threads });
      assert.equal(other.threads, Number(threads));
      for (const [name, expected] of Object.entries(one.values)) {
        assert.equal(other.values[name].bytes, expected.bytes, `${threads} threads, ${name}`);
      }
    }
  });

  it('refuses what is no number of threads', () => {
    for (const threads of ['0', '-1', '1.5', 'all', '1025']) {
      const { name, code, message } = refusal({ QRKD_THREADS: threads });
      assert.deepEqual({ name, code }, { name: 'RangeError', code: 'ERR_QRKD_VALUE' });
      assert.equal(message, `QRKD_THREADS="${threads}" must be a whole number from 1 to 1024`);
    }
  });

  it('empty is the default', () => {
    const { status, stdout } = run(
      ['--input-type=module', '-e', "import { simdInfo } from 'qrkd'; console.log(simdInfo().threads)"],
      {
        QRKD_THREADS: '',
        QRKD_FORCE_ISA: '',
      },
    );
    assert.deepEqual({ status, stdout }, { status: 0, stdout: `${simdInfo().threads}\n` });
  });
});
