// For the release only: names the platform packages in npm/ as optional dependencies in package.json, just before
// `npm publish`. They must be in the registry first, or the published package could not be installed from a lock file.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { PLATFORMS, withPlatforms } from './platforms.mjs';
import { say } from './run.mjs';

const root = new URL('../', import.meta.url);
const names = (await readdir(new URL('npm/', root)).catch(() => [])).filter((name) => name in PLATFORMS);
if (names.length === 0) {
  say('npm/ has no platform packages; `npm run build:platform` makes one');
  process.exitCode = 1;
} else {
  const file = new URL('package.json', root);
  const manifest = withPlatforms(JSON.parse(await readFile(file, 'utf8')), names);
  await writeFile(file, `${JSON.stringify(manifest, null, 2)}\n`);
  say(`package.json names ${names.join(', ')} at ${manifest.version}`);
}
