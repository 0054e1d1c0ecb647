import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { benchCases } from '#dist/bench/cases.js';
import type { BenchReport } from '#dist/bench/measure.js';

const bin = fileURLToPath(new URL('../../../../bin/qrkd.mjs', import.meta.url));

function qrkdBench(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, 'bench', ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

describe('qrkd bench', () => {
  it('runs every job of a quick run for each number of threads', () => {
    const { status, stdout } = qrkdBench('--quick', '--json', '--threads', '1,2');
    assert.equal(status, 0);
    const { runs } = JSON.parse(stdout) as { runs: BenchReport[] };
    assert.deepEqual(
      runs.map(({ simd }) => simd.threads),
      [1, 2],
    );
    const expected = benchCases().filter(({ quick }) => quick);
    for (const { rows, productGflops } of runs) {
      assert.equal(rows.length, expected.length);
      assert.ok(productGflops.float32.low > 0 && productGflops.float64.low > 0);
      for (const [k, { milliseconds, gflops, share, group, subject }] of rows.entries()) {
        assert.deepEqual({ group, subject }, { group: expected[k]!.group, subject: expected[k]!.subject });
        assert.ok(milliseconds.low > 0 && milliseconds.low <= milliseconds.median);
        assert.ok(milliseconds.median <= milliseconds.high);
        assert.equal(gflops === undefined, expected[k]!.flops === undefined);
        assert.equal(share === undefined, gflops === undefined);
      }
    }
  });

  it('prints a table on standard output', () => {
    const { status, stdout } = qrkdBench('--quick');
    assert.equal(status, 0);
    assert.match(stdout, /^\w+, \d+ threads?; matrix products at [\d.]+ \(float32\) and [\d.]+ \(float64\) GFLOP\/s\n/);
    assert.match(stdout, /^gram +zz +1024 +10 +float32 .* %$/m);
  });

  it('has jobs of every group, every map among them, that can be prepared', () => {
    const cases = benchCases();
    assert.deepEqual(new Set(cases.map(({ group }) => group)), new Set(['states', 'gram', 'gradient', 'losses']));
    for (const one of cases.filter(({ group, samples }) => group === 'gram' && samples === 256)) one.prepare()();
  });

  it('exits 2 for numbers of threads that are none', () => {
    for (const threads of ['0', '1,x', '2.5']) {
      const { status, stdout, stderr } = qrkdBench('--threads', threads);
      assert.deepEqual({ status, stdout }, { status: 2, stdout: '' });
      assert.match(stderr, /^qrkd: .*--threads.*\n$/);
    }
  });
});
