// Runs the native tests under AddressSanitizer with UBSan, then under ThreadSanitizer: `npm run sanitize`.
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { run, say } from './run.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const jobs = String(availableParallelism());

for (const sanitizer of ['address,undefined', 'thread']) {
  const folder = `build/sanitize-${sanitizer.replace(',', '-')}`;
  say(`sanitizer: ${sanitizer}`);
  const settings = ['-DCMAKE_BUILD_TYPE=Release', '-DQRKD_DEVELOPER=ON', `-DQRKD_SANITIZE=${sanitizer}`];
  try {
    await run('cmake', ['-S', '.', '-B', folder, ...settings], { cwd: root });
    await run('cmake', ['--build', folder, '--parallel', jobs], { cwd: root, what: 'building' });
  } catch (error) {
    process.stderr.write(`${error.message}\n${error.output ?? ''}\n`);
    process.exit(1);
  }
  const { status } = spawnSync('ctest', ['--test-dir', folder, '--output-on-failure'], { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
