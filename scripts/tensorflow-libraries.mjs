// Where TensorFlow's shared libraries and C headers come from. Each function returns
// { source, folder, include, files } (source names them for good, files are what to link), or undefined.
import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { firstWorking, run, say } from './run.mjs';

// tensorflow-cpu for CPython 3.11, whichever Python is installed: only its two C libraries and the C headers are used.
const WHEELS = {
  'linux-x64': {
    requirement: 'tensorflow-cpu==2.21.0',
    tags: [
      '--python-version',
      '3.11',
      '--implementation',
      'cp',
      '--abi',
      'cp311',
      '--platform',
      'manylinux_2_27_x86_64',
    ],
    megabytes: 274,
    unpackedMegabytes: 854,
  },
};

// Names by which the C API is shipped: in Python wheels, and in the libtensorflow archives.
const API_NAMES = ['libtensorflow_cc.so.2', 'libtensorflow.so.2', 'libtensorflow_cc.2.dylib', 'libtensorflow.2.dylib'];
const FRAMEWORK_NAMES = ['libtensorflow_framework.so.2', 'libtensorflow_framework.2.dylib'];

const UNPACK = `
import sys, zipfile
wheel, folder = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        path = name.split('/')
        library = len(path) == 2 and path[1].startswith('libtensorflow')
        header = path[1:2] == ['include'] and name.endswith('.h') and (
            path[2:4] in (['tensorflow', 'c'], ['tsl', 'platform'])
            or path[2:5] in (['xla', 'tsl', 'c'], ['tensorflow', 'core', 'platform']))
        if path[0] == 'tensorflow' and (library or header):
            archive.extract(name, folder)
`;

const LOCATE = `
import importlib.util
spec = importlib.util.find_spec('tensorflow')
print(spec.submodule_search_locations[0] if spec and spec.submodule_search_locations else '')
`;

/** The folder of everything that is kept between installs. */
export function cacheFolder() {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'qrkd');
}

/** Size of all files below a folder, in whole megabytes (10^6 bytes); 0 while it does not exist. */
export function folderMegabytes(folder) {
  let bytes = 0;
  try {
    for (const entry of readdirSync(folder, { recursive: true })) {
      bytes += lstatSync(join(folder, entry), { throwIfNoEntry: false })?.size ?? 0;
    }
  } catch {
    // Files come and go while another program writes there.
  }
  return Math.round(bytes / 1e6);
}

function describe(folder, include, source) {
  const find = (names) => names.map((name) => join(folder, name)).find((file) => existsSync(file));
  const files = [find(API_NAMES), find(FRAMEWORK_NAMES)];
  if (!files[0] || !files[1]) return undefined;
  if (!existsSync(join(include, 'tensorflow/c/c_api.h'))) return undefined;
  return { source, folder, include, files };
}

/** A folder that the user named: an installed Python package `tensorflow`, or an unpacked libtensorflow archive. */
export async function fromFolder(folder) {
  const found =
    describe(folder, join(folder, 'include'), folder) ?? describe(join(folder, 'lib'), join(folder, 'include'), folder);
  if (!found) throw new Error(`no ${API_NAMES[0]} (or ${API_NAMES[1]}) with include/tensorflow/c/c_api.h in ${folder}`);
  return found;
}

/** The libraries of a Python package `tensorflow` that is already installed. */
export async function fromPython() {
  const python = await findPython();
  const folder = (await run(python[0], ['-c', LOCATE])).trim();
  const found = folder ? describe(folder, join(folder, 'include'), folder) : undefined;
  if (!found) throw new Error('none found');
  say(`using TensorFlow's libraries of the Python package in ${folder}`);
  return found;
}

/** The libraries out of a Python wheel, downloaded once into the cache folder. */
export async function fromWheel() {
  const wheel = WHEELS[`${process.platform}-${process.arch}`];
  if (!wheel) throw new Error(`no wheel is known to work on ${process.platform}-${process.arch}`);
  if (isMusl()) throw new Error('TensorFlow has no build for musl libc');
  const source = wheel.requirement.replace('==', '-');
  const folder = join(cacheFolder(), source);
  const result = () => describe(folder, join(folder, 'include'), source);
  if (result()) return result();

  await mkdir(cacheFolder(), { recursive: true });
  const staging = await mkdtemp(join(cacheFolder(), '.download-'));
  try {
    await downloadAndUnpack(wheel, staging);
    await rm(folder, { recursive: true, force: true });
    await rename(join(staging, 'tensorflow'), folder);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return result();
}

async function downloadAndUnpack(wheel, staging) {
  const python = await findPython();
  const { requirement, tags, megabytes, unpackedMegabytes } = wheel;
  say(`downloading ${requirement} with pip for its shared libraries: ${megabytes} MB, once`);
  await run(
    python[0],
    [
      ...['-m', 'pip', 'download', requirement, '--no-deps', '--only-binary=:all:', ...tags],
      ...['--no-cache-dir', '--disable-pip-version-check', '--dest', staging],
    ],
    {
      what: `downloading ${requirement}`,
      progress: () => `${folderMegabytes(staging)} of ${megabytes} MB`,
      // pip collects the file in its temporary folder first: kept here, its growth is the progress.
      env: { ...process.env, TMPDIR: staging },
    },
  );
  const [file] = (await readdir(staging)).filter((name) => name.endsWith('.whl'));
  if (!file) throw new Error(`pip left no wheel of ${requirement}`);
  await run(python[0], ['-c', UNPACK, join(staging, file), staging], {
    what: `unpacking ${file}`,
    progress: () => `${folderMegabytes(join(staging, 'tensorflow'))} of ${unpackedMegabytes} MB`,
  });
}

async function findPython() {
  const python = await firstWorking([[process.env.PYTHON], ['python3'], ['python']]);
  if (!python) throw new Error('no Python found (tried $PYTHON, python3, python)');
  return python;
}

function isMusl() {
  if (process.platform !== 'linux') return false;
  process.report.excludeNetwork = true;
  return !process.report.getReport().header.glibcVersionRuntime;
}
