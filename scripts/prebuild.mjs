// Builds the platform package for this machine: `npm run build:platform [-- --out FOLDER --glibc 2.28]`. Leaves
// FOLDER/<platform>/ (default npm/) ready for `npm publish`, and says which glibc the binary needs.
import { copyFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { PLATFORMS, platformManifest } from './platforms.mjs';
import { run, say, seconds } from './run.mjs';

const require = createRequire(import.meta.url);
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDER = join(ROOT, 'build/prebuild');

/** The name of the platform package that fits this process. */
function platformName() {
  const musl = process.platform === 'linux' && !process.report.getReport().header.glibcVersionRuntime;
  const name = `${process.platform}${musl ? 'musl' : ''}-${process.arch}`;
  if (!(name in PLATFORMS)) throw new Error(`there is no platform package for ${name}`);
  return name;
}

async function build() {
  const manifest = require.resolve('cmake-js/package.json');
  const program = join(dirname(manifest), require(manifest).bin['cmake-js']);
  const args = ['build', '--directory', ROOT, '--out', FOLDER, '--CDQRKD_PORTABLE=ON'];
  await run(process.execPath, [program, ...args, '--parallel', String(availableParallelism())], {
    what: 'building the addon',
    cwd: ROOT,
  });
  return join(FOLDER, 'Release/qrkd.node');
}

/** The newest version of glibc whose symbols a binary uses: it runs with that one and all later ones. */
async function neededGlibc(binary) {
  const symbols = await run('objdump', ['-T', binary]);
  const versions = [...symbols.matchAll(/\(?GLIBC_(\d+)\.(\d+)/g)].map(([, major, minor]) => [+major, +minor]);
  return versions.sort((a, b) => a[0] - b[0] || a[1] - b[1]).at(-1);
}

async function checkLinks(binary, name, limit) {
  if (PLATFORMS[name].os !== 'linux') return;
  const dynamic = await run('objdump', ['-p', binary]);
  if (/NEEDED\s+libstdc\+\+/.test(dynamic)) throw new Error('the C++ runtime is not linked statically');
  if (PLATFORMS[name].libc !== 'glibc') return;
  const needed = await neededGlibc(binary);
  say(`the binary needs glibc ${needed.join('.')}`);
  if (!limit) return;
  const [major, minor] = limit.split('.').map(Number);
  if (needed[0] > major || (needed[0] === major && needed[1] > minor)) {
    throw new Error(`it may need ${limit} at most: build it on a system that has no newer glibc`);
  }
}

const { values } = parseArgs({ options: { out: { type: 'string', default: 'npm' }, glibc: { type: 'string' } } });
try {
  const start = performance.now();
  const main = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  const name = platformName();
  const binary = await build();
  await run(process.execPath, ['-e', 'require(process.argv[1]).simd()', binary]);
  await checkLinks(binary, name, values.glibc);

  const folder = resolve(values.out, name);
  await mkdir(folder, { recursive: true });
  await copyFile(binary, join(folder, 'qrkd.node'));
  await copyFile(join(ROOT, 'LICENSE'), join(folder, 'LICENSE'));
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(platformManifest(name, main), null, 2)}\n`);
  const readme = `# @qrkd/${name}\n\nThe native addon of qrkd for ${name}. Install \`qrkd\`; it brings this package where it fits.\n`;
  await writeFile(join(folder, 'README.md'), readme);
  say(`${folder}: ${Math.round((await stat(binary)).size / 1024)} KiB, ${seconds(start)}`);
} catch (error) {
  say(`prebuild: ${error.message}${error.output ? `\n${error.output}` : ''}`);
  process.exitCode = 1;
}
