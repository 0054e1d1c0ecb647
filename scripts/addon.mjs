// Makes the native addon loadable: that of a platform package, or one that is built here by cmake-js, else by node-gyp.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { platformModules } from './platforms.mjs';
import { run, say, seconds } from './run.mjs';

const require = createRequire(import.meta.url);
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BUILT = 'build/Release/qrkd.node';
const STAMP = 'build/Release/qrkd.json';

/**
 * Leaves an addon that loads, doing as little as possible, and says on stderr what was done. False, after saying what
 * to do, where it cannot be built. `builders` limits the ways that are tried.
 */
export async function setUpAddon({ root = ROOT, builders = ['cmake-js', 'node-gyp'] } = {}) {
  const ready = await platformAddon(root);
  if (ready) {
    say(`addon: ${ready} loads`);
    return true;
  }
  const sources = await fingerprint(root);
  if ((await readStamp(root)) === sources && (await loads(join(root, BUILT)))) {
    say(`addon: ${BUILT} is up to date`);
    return true;
  }
  const failures = [];
  for (const builder of builders) {
    const start = performance.now();
    try {
      await BUILDERS[builder](root);
      if (!(await loads(join(root, BUILT)))) throw new Error(`${BUILT} was built but does not load`);
      await mkdir(dirname(join(root, STAMP)), { recursive: true });
      await writeFile(join(root, STAMP), `${JSON.stringify({ sources, builder })}\n`);
      say(`addon: built by ${builder}, ${seconds(start)}`);
      return true;
    } catch (error) {
      failures.push(`${builder}: ${error.message}${error.output ? `\n${error.output}` : ''}`);
    }
  }
  say(
    'addon: could not be built. Install a C++17 compiler and CMake 3.19 or newer, then run `npx qrkd setup`. What was tried:',
  );
  for (const line of failures.join('\n').split('\n')) say(`  ${line}`);
  return false;
}

/** The platform package's addon that loads here, if npm installed one. */
async function platformAddon(root) {
  const { resolve } = createRequire(join(root, 'package.json'));
  for (const module of platformModules()) {
    try {
      if (await loads(resolve(module))) return module;
    } catch {
      // Not installed.
    }
  }
  return undefined;
}

const BUILDERS = {
  'cmake-js': async (root) => {
    await requireCmake();
    const manifest = require.resolve('cmake-js/package.json');
    const program = join(dirname(manifest), require(manifest).bin['cmake-js']);
    const jobs = ['--parallel', String(availableParallelism())];
    const cmakeJs = (command) =>
      run(process.execPath, [program, command, '--directory', root, ...jobs], {
        what: 'building the addon with cmake-js',
        progress: share,
        cwd: root,
      });
    const configuredBefore = existsSync(join(root, 'build/CMakeCache.txt'));
    try {
      await cmakeJs('build');
    } catch (error) {
      // What an earlier Node, compiler or place on disk left there may not fit any more; a first build has no such excuse.
      if (!configuredBefore) throw error;
      await cmakeJs('rebuild');
    }
  },
  'node-gyp': async (root) => {
    const program = nodeGyp();
    if (!program) throw new Error('no node-gyp found (npm brings one; tried npm_config_node_gyp and npm itself)');
    // Installed headers save a download, which needs a host that is often blocked.
    const prefix = dirname(dirname(process.execPath));
    const headers = existsSync(join(prefix, 'include/node/node_api.h')) ? [`--nodedir=${prefix}`] : [];
    const jobs = ['--jobs', String(availableParallelism())];
    await run(process.execPath, [program, 'rebuild', '--release', ...jobs, ...headers], {
      what: 'building the addon with node-gyp',
      cwd: root,
    });
  },
};

async function requireCmake() {
  const output = await run('cmake', ['--version']).catch(() => {
    throw new Error('no CMake found');
  });
  const [, major, minor] = /version (\d+)\.(\d+)/.exec(output) ?? [];
  if (major * 1000 + Number(minor) < 3019) throw new Error(`CMake ${major}.${minor} is older than 3.19`);
}

/** The share that is done, from CMake's line "[ 40%] Building ..." or Ninja's "[4/10] Building ...". */
function share(lastLine) {
  const [, percent, done, total] = /^\[\s*(?:(\d+)%|(\d+)\/(\d+))\]/.exec(lastLine) ?? [];
  return percent ? `${percent} %` : done && `${done} of ${total} files`;
}

function nodeGyp() {
  const npm = [process.env.npm_execpath && dirname(dirname(process.env.npm_execpath))];
  npm.push(
    join(dirname(dirname(process.execPath)), 'lib/node_modules/npm'),
    join(dirname(process.execPath), 'node_modules/npm'),
  );
  const own = npm.filter(Boolean).map((folder) => join(folder, 'node_modules/node-gyp/bin/node-gyp.js'));
  return [process.env.npm_config_node_gyp, ...own].find((file) => file && existsSync(file));
}

/** Loads the addon in a process of its own: a wrong binary may end it instead of throwing. */
async function loads(file) {
  try {
    await run(process.execPath, ['-e', 'require(process.argv[1])', file], { timeout: 20_000 });
    return true;
  } catch {
    return false;
  }
}

async function readStamp(root) {
  try {
    return JSON.parse(await readFile(join(root, STAMP), 'utf8')).sources;
  } catch {
    return undefined;
  }
}

/** Changes with every file that goes into the addon, and with the platform. */
async function fingerprint(root) {
  const files = readdirSync(join(root, 'native'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.startsWith(join(root, 'native/test')))
    .map((entry) => join(entry.parentPath, entry.name));
  const hash = createHash('sha256').update(`${process.platform}-${process.arch}`);
  for (const file of [...files.sort(), join(root, 'CMakeLists.txt'), join(root, 'binding.gyp')]) {
    hash.update(`\n${file.slice(root.length)}\n`).update(await readFile(file));
  }
  return hash.digest('hex');
}
