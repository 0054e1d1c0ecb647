// Runs compiled tests with node:test: `node scripts/test.mjs [folder or file of test/ ...]`, all but test/package and test/browser by default.
// The list comes from the sources, so that the compiled remains of a test that was renamed are not run. (`node --test`
// itself takes a folder on Node 20 and patterns from 21 on; a list of files works on all.)
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';
import { say, seconds } from './run.mjs';

const SILENCE_MS = 5000;
const root = fileURLToPath(new URL('..', import.meta.url));
const folders = process.argv.slice(2);
const wanted = (file) =>
  folders.length === 0 ? !/^(package|browser)/.test(file) : folders.some((folder) => file.startsWith(folder));
// Results are shown in this order: the quick ones first, the whole program last.
const rank = (file) => (file.startsWith('e2e') ? 1 : 0);

const files = readdirSync(join(root, 'test'), { recursive: true })
  .filter((file) => file.endsWith('.test.ts') && wanted(file))
  .sort((a, b) => rank(a) - rank(b) || a.localeCompare(b))
  .map((file) => join(root, 'dist-test/test', file.replace(/\.ts$/, '.js')));
if (files.length === 0) {
  say(`no tests in ${folders.join(', ') || 'test'}`);
  process.exit(1);
}

process.chdir(root);
const start = performance.now();
let lastOutput = start;
const heartbeat = setInterval(() => {
  if (performance.now() - lastOutput < SILENCE_MS) return;
  lastOutput = performance.now();
  say(`tests are running ... ${seconds(start)}`);
}, 1000);

const events = run({ files, concurrency: availableParallelism() });
events.on('test:fail', () => {
  process.exitCode = 1;
});
const lines = events.compose(new spec());
lines.on('data', () => {
  lastOutput = performance.now();
});
lines.on('end', () => clearInterval(heartbeat));
lines.pipe(process.stdout);
