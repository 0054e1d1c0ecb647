import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { sourcePath } from './peer.js';

/** Commands that run the peers' interpreters with the libraries that their lists name. */
export interface Interpreters {
  python: readonly string[];
  /** MerLin wants an older PyTorch than the others. */
  merlin: readonly string[];
  javascript: readonly string[];
}

/**
 * Makes what is missing: a virtual environment for each list of requirements (in bench/peers/.venv), and npm's simulators.
 * What was made from the same lists is used again.
 *
 * @param python A Python 3.11 or newer, which makes the environments.
 */
export function prepare(python: string): Interpreters {
  const simulators = sourcePath('javascript');
  made(sourcePath('javascript/node_modules'), 'javascript/package.json', () =>
    run('npm', ['install', '--ignore-scripts', '--no-package-lock', '--no-audit', '--no-fund', '--prefix', simulators]),
  );
  return {
    python: [virtualEnvironment('python', 'requirements.txt', python)],
    merlin: [virtualEnvironment('merlin', 'requirements-merlin.txt', python)],
    javascript: [process.execPath, '--no-warnings'],
  };
}

function virtualEnvironment(name: string, requirements: string, python: string): string {
  const folder = sourcePath(`.venv/${name}`);
  const own = path.join(folder, 'bin/python');
  made(folder, requirements, () => {
    run(python, ['-m', 'venv', folder]);
    run(own, ['-m', 'pip', 'install', '--quiet', '--prefer-binary', '-r', sourcePath(requirements)]);
  });
  return own;
}

/** Runs `make` unless `folder` was made from the same list before. */
function made(folder: string, list: string, make: () => void): void {
  const wanted = readFileSync(sourcePath(list), 'utf8');
  const stamp = path.join(folder, '.made-from');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  console.error(`installing what bench/peers/${list} names ...`);
  make();
  writeFileSync(stamp, wanted);
}

function run(program: string, args: readonly string[]): void {
  // Standard output is for the results.
  execFileSync(program, args, { stdio: ['ignore', 2, 2] });
}
