// `qrkd kernel` killed at random moments: the same command finishes the file, which is the one of an undisturbed run.
// A few times in `npm test`; with more: npm run test:killed
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import seedrandom from 'seedrandom';
import { writeMatrixFile } from '#dist/files/index.js';
import { randomMatrices } from '../matrices.js';

const ROWS = 1200;
const MATRIX_KILLS = Number(process.env.KILLS ?? 5);
const bin = fileURLToPath(new URL('../../../bin/qrkd.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'qrkd-killed-'));
after(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);
await writeMatrixFile(at('X.npy'), randomMatrices('killed')(ROWS, 8));

function start(
  out: string,
  flags: string[],
): { child: ChildProcess; ended: Promise<{ code: number; stdout: string }> } {
  const args = [bin, 'kernel', 'X.npy', '--out', out, '--bandwidth', '0.4', '--memory', '1MiB', '--json', ...flags];
  const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout!.on('data', (text) => {
    stdout += text;
  });
  return { child, ended: once(child, 'close').then(([code]) => ({ code, stdout })) };
}

for (const [what, KILLS, flags, out] of [
  ['a matrix', MATRIX_KILLS, [], 'K.npy'],
  ["a shard's part", Math.ceil(MATRIX_KILLS / 2), ['--shard', '2/2'], 'K.npy.2of2.part'],
] as const) {
  it(`${what}, ${KILLS} times`, { timeout: 300_000 }, async () => {
    const begin = performance.now();
    const undisturbed = start('K.npy', [...flags]);
    while (!existsSync(at(`${out}.journal`)) && undisturbed.child.exitCode === null) await setTimeout(1);
    const boot = performance.now() - begin;
    assert.equal((await undisturbed.ended).code, 0);
    const end = performance.now() - begin;
    const expected = readFileSync(at(out));
    rmSync(at(out));

    const random = seedrandom(`moments of ${what}`);
    let [kills, resumed] = [0, 0];
    // Machines have other work, at times more than when the undisturbed run was timed: the killer learns to be in time.
    let pace = 1;
    for (let runs = 0; kills < KILLS; runs++) {
      assert.ok(runs < 6 * KILLS, `${kills} of ${runs} runs were killed`);
      const { child, ended } = start('K.npy', [...flags]);
      // Mostly while it computes, whether it starts anew or goes on.
      await setTimeout(pace * (0.8 * boot + random() * (end - 0.8 * boot)));
      child.kill('SIGKILL');
      const { code, stdout } = await ended;
      if (code === null) {
        kills++;
        pace = Math.min(1, 1.05 * pace);
        continue;
      }
      // It was faster than the killer: what it made counts, and another one begins.
      pace *= 0.85;
      resumed += JSON.parse(stdout).resumed;
      assert.ok(readFileSync(at(out)).equals(expected));
      rmSync(at(out));
    }
    const { code, stdout } = await start('K.npy', [...flags]).ended;
    resumed += JSON.parse(stdout).resumed;
    assert.equal(code, 0);
    assert.ok(readFileSync(at(out)).equals(expected));
    assert.ok(resumed > 0, 'no run had anything to go on with');
    assert.ok(!existsSync(at(`${out}.journal`)) && !existsSync(at(`${out}.partial`)));
  });
}
