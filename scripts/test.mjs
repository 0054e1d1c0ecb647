// Runs compiled tests with node:test: `node scripts/test.mjs [folder of test/ ...]`, all but test/package by default.
// The list comes from the sources, so that the compiled remains of a test that was renamed are not run. (`node --test`
// itself takes a folder on Node 20 and patterns from 21 on; a list of files works on all.)
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folders = process.argv.slice(2);
const wanted = (file) =>
  folders.length === 0 ? !file.startsWith('package') : folders.some((folder) => file.startsWith(folder));

const files = readdirSync(join(root, 'test'), { recursive: true })
  .filter((file) => file.endsWith('.test.ts') && wanted(file))
  .map((file) => join('dist-test/test', file.replace(/\.ts$/, '.js')))
  .sort();
if (files.length === 0) {
  process.stderr.write(`no tests in ${folders.join(', ') || 'test'}\n`);
  process.exit(1);
}
const { status } = spawnSync(process.execPath, ['--test', '--test-reporter=spec', ...files], {
  cwd: root,
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
