// Makes @tensorflow/tfjs-node work: a native binding that finds TensorFlow's shared libraries.
//
// Everything that takes time is kept in the user's cache folder; node_modules only gets one symbolic link, at the place
// where tfjs-node looks for its binding, so that a fresh `npm ci` is repaired in milliseconds.
import { createHash } from 'node:crypto';
import { existsSync, lstatSync } from 'node:fs';
import { mkdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { firstWorking, run, say, seconds } from './run.mjs';
import { cacheFolder, folderMegabytes, fromFolder, fromPython, fromWheel } from './tensorflow-libraries.mjs';

const require = createRequire(import.meta.url);
const CHECK = fileURLToPath(new URL('./tensorflow-check.mjs', import.meta.url));

/** Sets TensorFlow up and says what was done; false where only the WebAssembly backend is left. */
export async function setUpTensorFlow() {
  try {
    const done = await ensureTensorFlow();
    say(done ? `TensorFlow ${done.version}: ${done.how}` : 'TensorFlow: not wanted (QRKD_TENSORFLOW=wasm)');
    return true;
  } catch (error) {
    say('TensorFlow could not be set up; the slower WebAssembly backend will be used. What was tried:');
    for (const line of error.message.split('\n')) say(`  ${line}`);
    return false;
  }
}

/**
 * Leaves tfjs-node usable, doing as little as possible. Returns `{ version, how }`, or undefined if WebAssembly was
 * asked for; throws an Error whose message has one line for each way that was tried.
 */
async function ensureTensorFlow() {
  const wish = process.env.QRKD_TENSORFLOW || 'auto';
  if (wish === 'wasm') return undefined;
  const tfjs = findTfjsNode();
  const present = await alreadyThere(tfjs, wish);
  if (present) return present;

  const failures = [];
  for (const [name, attempt] of waysFor(wish, tfjs)) {
    const start = performance.now();
    try {
      const done = await attempt();
      if (done) return { ...done, how: `${name}, ${seconds(start)}` };
    } catch (error) {
      failures.push(`${name}: ${error.message}${error.output ? `\n${error.output}` : ''}`);
    }
  }
  throw new Error(failures.join('\n'));
}

function waysFor(wish, tfjs) {
  if (wish !== 'auto')
    return [[`libraries of ${wish}`, async () => useLibraries(tfjs, await fromFolder(resolve(wish)))]];
  return [
    ["tfjs-node's own download", () => ownDownload(tfjs)],
    ['installed Python package', async () => useLibraries(tfjs, await fromPython())],
    ['Python wheel', async () => useLibraries(tfjs, await fromWheel())],
  ];
}

function findTfjsNode() {
  let manifest;
  try {
    manifest = require.resolve('@tensorflow/tfjs-node/package.json');
  } catch {
    throw new Error('@tensorflow/tfjs-node is not installed');
  }
  const folder = dirname(manifest);
  const { version, binary } = require(manifest);
  // The path depends on the Node-API version of this Node: ask the library that tfjs-node itself asks.
  const binding = createRequire(manifest)('@mapbox/node-pre-gyp').find(manifest);
  return { folder, manifest, version, binary, binding };
}

/** Finds what an earlier run made, without loading TensorFlow again: it was checked when it was made. */
async function alreadyThere(tfjs, wish) {
  const there = lstatSync(tfjs.binding, { throwIfNoEntry: false });
  if (wish === 'auto' && there && !there.isSymbolicLink()) {
    // Put there by tfjs-node's own installer or by its user.
    const version = await check().catch(() => undefined);
    if (version) return { version, how: 'already there' };
  }
  const { lastSource } = await readJson(join(cacheFolder(), 'tensorflow.json'));
  const source = wish === 'auto' ? lastSource : resolve(wish);
  const entry = source && entryFor(tfjs, source);
  const stamp = entry && (await readStamp(entry, tfjs));
  if (!stamp) return undefined;
  const target = join(entry, stamp.binding);
  if (there?.isSymbolicLink() && (await readlink(tfjs.binding)) === target) {
    return { version: stamp.tensorflow, how: 'already there' };
  }
  // node_modules has been replaced since, or another source was asked for.
  await link(tfjs, target);
  return { version: stamp.tensorflow, how: 'linked from the cache folder' };
}

/** One folder in the cache for each tfjs-node version, platform and source of TensorFlow. */
function entryFor(tfjs, source) {
  const key = createHash('sha256').update(source).digest('hex').slice(0, 12);
  return join(cacheFolder(), `tfjs-node-${tfjs.version}-${process.platform}-${process.arch}-${key}`);
}

async function readJson(file) {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch {
    return {};
  }
}

async function readStamp(entry, tfjs) {
  const stamp = await readJson(join(entry, 'ready.json'));
  const usable =
    stamp.tfjsNode === tfjs.version && existsSync(join(entry, stamp.binding)) && existsSync(join(entry, stamp.library));
  return usable ? stamp : undefined;
}

/** Compiles tfjs-node's binding against the given libraries, links it and checks it; undefined if there are none. */
async function useLibraries(tfjs, libraries) {
  if (!libraries) return undefined;
  const entry = entryFor(tfjs, libraries.source);
  await mkdir(entry, { recursive: true });
  await rm(join(entry, 'ready.json'), { force: true });
  await compile(tfjs, libraries, entry);
  await link(tfjs, join(entry, 'tfjs_binding.node'));
  const version = await check().catch(async (error) => {
    await rm(tfjs.binding, { force: true });
    throw error;
  });
  await remember(entry, {
    tfjsNode: tfjs.version,
    tensorflow: version,
    source: libraries.source,
    binding: 'tfjs_binding.node',
    library: relative(entry, libraries.files[0]),
  });
  return { version };
}

async function remember(entry, stamp) {
  await writeFile(join(entry, 'ready.json'), `${JSON.stringify(stamp, undefined, 2)}\n`);
  await writeFile(join(cacheFolder(), 'tensorflow.json'), `${JSON.stringify({ lastSource: stamp.source })}\n`);
}

async function compile(tfjs, { folder, include, files }, entry) {
  const compiler = await firstWorking([[process.env.CXX], ['c++'], ['g++'], ['clang++']]);
  if (!compiler) throw new Error('no C++ compiler found (tried $CXX, c++, g++, clang++)');
  const staged = join(entry, `.tfjs_binding.${process.pid}.node`);
  const sources = ['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => join(tfjs.folder, 'binding', name));
  const napi = require('node-api-headers').include_dir;
  await run(
    compiler[0],
    [
      ...['-std=c++17', '-O2', '-fPIC', '-shared', '-w', '-DNAPI_VERSION=8', `-I${napi}`, `-I${include}`],
      ...sources,
      ...['-o', staged, ...files],
      // Relative to the binding, so that the cache folder may be moved or mounted elsewhere.
      `-Wl,-rpath,$ORIGIN/${relative(entry, folder)}`,
    ],
    { what: "compiling tfjs-node's binding (about 12 s)" },
  );
  await rename(staged, join(entry, 'tfjs_binding.node'));
}

async function link(tfjs, target) {
  await mkdir(dirname(tfjs.binding), { recursive: true });
  // Renaming replaces whatever is there in one step: a process that loads it meanwhile sees the old or the new one.
  const staged = `${tfjs.binding}.${process.pid}`;
  await rm(staged, { force: true });
  await symlink(target, staged);
  await rename(staged, tfjs.binding);
}

/** Multiplies two matrices on TensorFlow in a process of its own (a wrong binary may crash it) and returns its version. */
async function check() {
  const { backend, tensorflow } = JSON.parse(await run(process.execPath, [CHECK], { timeout: 60_000 }));
  if (backend !== 'tensorflow') throw new Error(`tfjs-node started the backend "${backend}"`);
  return tensorflow;
}

/** Runs tfjs-node's installer where its host answers, and moves the result to the cache. */
async function ownDownload(tfjs) {
  const { TFJS_NODE_CDN_STORAGE, TFJS_NODE_BASE_URI, CDN_STORAGE, HTTPS_PROXY, https_proxy } = process.env;
  const host = TFJS_NODE_BASE_URI || TFJS_NODE_CDN_STORAGE || CDN_STORAGE || tfjs.binary.host;
  // fetch does not go through proxies, the installer does: then only trying tells.
  if (!HTTPS_PROXY && !https_proxy) {
    await fetch(new URL(host).origin, { method: 'HEAD', signal: AbortSignal.timeout(4000) }).catch(() => {
      throw new Error(`${new URL(host).host} is not reachable`);
    });
  }
  const bin = createRequire(tfjs.manifest).resolve('@mapbox/node-pre-gyp/package.json');
  const path = [resolve(dirname(bin), '../../.bin'), join(tfjs.folder, 'node_modules/.bin'), process.env.PATH];
  await run(process.execPath, ['scripts/install.js'], {
    what: "downloading TensorFlow with tfjs-node's own installer",
    progress: () => `${folderMegabytes(join(tfjs.folder, 'deps'))} MB`,
    cwd: tfjs.folder,
    env: { ...process.env, PATH: path.join(delimiter) },
  }).catch(async (error) => {
    // Half a download would be taken for a whole one by the installer's next run.
    for (const name of ['deps', 'lib']) await rm(join(tfjs.folder, name), { recursive: true, force: true });
    throw error;
  });
  const version = await check();
  // A symbolic link needs rights there that users rarely have.
  if (process.platform === 'win32') return { version };
  // Its binding looks for the libraries in ../../deps/lib, so both folders move together.
  const entry = entryFor(tfjs, 'own');
  await rm(entry, { recursive: true, force: true });
  await mkdir(entry, { recursive: true });
  try {
    await rename(join(tfjs.folder, 'deps'), join(entry, 'deps'));
    await rename(join(tfjs.folder, 'lib'), join(entry, 'lib'));
  } catch (error) {
    if (error.code !== 'EXDEV') throw error;
    say('the cache folder is on another disk: TensorFlow stays in node_modules');
    return { version };
  }
  const binding = relative(tfjs.folder, tfjs.binding);
  await link(tfjs, join(entry, binding));
  await remember(entry, { tfjsNode: tfjs.version, tensorflow: version, source: 'own', binding, library: 'deps/lib' });
  return { version };
}
