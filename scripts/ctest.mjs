// Builds the native tests and runs them: shared by the scripts that do so in different ways.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './run.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
/** Where `npm run test:native` (with the addon's objects) and `npm run test:neon` build. */
export const FOLDERS = { native: 'build', neon: 'build/neon-tests' };

/** Whether all tests passed; what failed has been printed. `settings` are CMake definitions (NAME=value). */
export async function buildAndTest(folder, settings = []) {
  const common = { cwd: root, progress: (line) => /^\[[^\]]*\]/.exec(line)?.[0] };
  const definitions = ['CMAKE_BUILD_TYPE=Release', ...settings].map((setting) => `-D${setting}`);
  try {
    await run('cmake', ['-S', '.', '-B', folder, ...definitions], common);
    const jobs = String(availableParallelism());
    const build = ['--build', folder, '--target', 'native_tests', '--parallel', jobs];
    await run('cmake', build, { ...common, what: 'building the native tests' });
  } catch (error) {
    process.stderr.write(`${error.message}\n${error.output ?? ''}\n`);
    return false;
  }
  return (
    spawnSync('ctest', ['--test-dir', folder, '--output-on-failure'], { cwd: root, stdio: 'inherit' }).status === 0
  );
}

/** The instruction sets that the last run in `folder` compared with the scalar one, by what ran them. */
export function checkedSets(folder) {
  const log = join(root, folder, 'Testing/Temporary/LastTest.log');
  const lines = existsSync(log) ? readFileSync(log, 'utf8') : '';
  return [...lines.matchAll(/^checked (\w+)( \(emulated\))?$/gm)].map(([, name, emulated]) => ({
    name,
    emulated: Boolean(emulated),
  }));
}
