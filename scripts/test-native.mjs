// Builds the native tests and runs them with ctest.
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { run } from './run.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = 'build/native-tests';
const jobs = String(availableParallelism());

try {
  const common = { cwd: root, progress: (line) => /^\[[^\]]*\]/.exec(line)?.[0] };
  await run('cmake', ['-S', '.', '-B', folder, '-DCMAKE_BUILD_TYPE=Release', '-DQRKD_DEVELOPER=ON'], common);
  await run('cmake', ['--build', folder, '--parallel', jobs], { ...common, what: 'building the native tests' });
  const { status } = spawnSync('ctest', ['--test-dir', folder, '--output-on-failure'], { cwd: root, stdio: 'inherit' });
  process.exitCode = status ?? 1;
} catch (error) {
  process.stderr.write(`${error.message}\n${error.output ?? ''}\n`);
  process.exitCode = 1;
}
