// Brings back the optional packages whose own install scripts failed. Both download files from hosts that are often
// blocked, and npm removes an optional package whose script fails; without the script they are complete for us
// (onnxruntime-node fetches CUDA libraries, tfjs-node a binary that `qrkd setup` gets in other ways).
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, say, seconds } from './run.mjs';

const require = createRequire(import.meta.url);
const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Installs what is missing of our optionalDependencies next to us. False, after saying what to do, where that fails. */
export async function setUpPackages() {
  const { optionalDependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  // Of the platform packages npm installs the one that fits; the addon can also be built here.
  const unwanted = (name) =>
    name.startsWith('@qrkd/') || (name === '@tensorflow/tfjs-node' && process.env.QRKD_TENSORFLOW === 'wasm');
  const missing = Object.entries(optionalDependencies)
    .filter(([name]) => !isInstalled(name) && !unwanted(name))
    .map(([name, range]) => `${name}@${range}`);
  if (missing.length === 0) return true;

  const command = `npm install --no-save --ignore-scripts ${missing.join(' ')}`;
  const project = projectFolder();
  try {
    // npm's own record: other package managers arrange the folder differently and are left alone.
    if (!existsSync(join(project, 'node_modules/.package-lock.json'))) throw new Error('not installed by npm');
    const start = performance.now();
    await npm(command.split(' ').slice(1), project);
    const left = missing.filter((item) => !isInstalled(item.slice(0, item.lastIndexOf('@'))));
    if (left.length > 0) throw new Error(`npm left ${left.join(', ')} out`);
    say(`packages: ${missing.join(', ')} installed without their scripts, ${seconds(start)}`);
    return true;
  } catch (error) {
    say(`packages: ${missing.join(', ')} missing (${error.message}). Run in your project: ${command}`);
    return false;
  }
}

function isInstalled(name) {
  return require.resolve.paths(name).some((folder) => existsSync(join(folder, name, 'package.json')));
}

/** The folder whose node_modules holds us, or our own folder in a checkout. */
function projectFolder() {
  const parent = dirname(ROOT);
  return basename(parent) === 'node_modules' ? dirname(parent) : ROOT;
}

function npm(args, cwd) {
  const options = { what: 'npm install of optional packages', cwd };
  const script = process.env.npm_execpath;
  if (script?.endsWith('.js')) return run(process.execPath, [script, ...args], options);
  return run(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, options);
}
