import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import util from 'node:util';
import type * as core from '@tensorflow/tfjs-core';
import type * as layers from '@tensorflow/tfjs-layers';
import { QrkdRangeError } from '../errors.js';
import { registerTensorFlowKernels } from './tensorflow/index.js';
import { registerTileGradient } from './tileGradient.js';
import { registerWasmKernels } from './wasm/index.js';

/** The part of tfjs that qrkd uses: tfjs-core and tfjs-layers in one namespace. */
export type Tf = typeof core & typeof layers;

export interface BackendInfo {
  backend: 'tensorflow' | 'wasm';
  /** TensorFlow's own version, or that of the WebAssembly backend. */
  version: string;
  /** One line for people: what runs, and why it is not TensorFlow where it is not. */
  detail: string;
}

interface Choice {
  tf: Tf;
  info: BackendInfo;
}

// tfjs is CommonJS and has to be chosen synchronously on import (no top-level await, so that require() of us works).
const require = createRequire(import.meta.url);

/** What stands in QRKD_TENSORFLOW; a folder means "TensorFlow must be there", and is where `qrkd setup` looks for it. */
function wish(): 'auto' | 'wasm' | 'required' {
  const value = process.env.QRKD_TENSORFLOW || 'auto';
  if (value === 'auto' || value === 'wasm') return value;
  if (statSync(value, { throwIfNoEntry: false })?.isDirectory()) return 'required';
  throw new QrkdRangeError(
    'ERR_QRKD_BACKEND',
    `QRKD_TENSORFLOW is "${value}": expected auto, wasm, or an existing folder with TensorFlow's shared libraries`,
  );
}

function loadTensorFlow(): Choice {
  // tfjs-node 4.22 calls two functions of node:util that Node 23 removed.
  const legacy = util as unknown as Record<string, unknown>;
  legacy.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  legacy.isArray ??= Array.isArray;
  // Without this TensorFlow greets every process with three lines about instruction sets.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  const tf = require('@tensorflow/tfjs-node') as Tf;
  const { binding } = tf.backend() as unknown as { binding: { TF_Version: string } };
  const version = binding.TF_Version;
  registerTensorFlowKernels(tf);
  return { tf, info: { backend: 'tensorflow', version, detail: `TensorFlow ${version} through tfjs-node` } };
}

function loadWasm(reason: string): Choice {
  const tfCore = require('@tensorflow/tfjs-core') as typeof core;
  // The cpu backend stands behind wasm for reading data and for the kernels that are corrected in ./wasm.
  require('@tensorflow/tfjs-backend-cpu');
  const wasm = require('@tensorflow/tfjs-backend-wasm') as {
    setWasmPaths(folder: string): void;
    version_wasm: string;
  };
  wasm.setWasmPaths(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')) + sep);
  const tf = { ...tfCore, ...(require('@tensorflow/tfjs-layers') as typeof layers) } as Tf;
  registerWasmKernels(tf);
  const version = wasm.version_wasm;
  return { tf, info: { backend: 'wasm', version, detail: `WebAssembly ${version}: ${reason}` } };
}

function choose(): Choice {
  const wanted = wish();
  if (wanted === 'wasm') return loadWasm('chosen by QRKD_TENSORFLOW=wasm');
  try {
    return loadTensorFlow();
  } catch (error) {
    const reason = String((error as Error).message)
      .split('\n', 1)[0]!
      .trim();
    if (wanted === 'required') {
      throw new QrkdRangeError(
        'ERR_QRKD_BACKEND',
        `QRKD_TENSORFLOW asks for TensorFlow, which does not load (${reason}); run \`npx qrkd setup\``,
      );
    }
    process.stderr.write(
      `qrkd: TensorFlow does not load (${reason}); using the slower WebAssembly backend. \`npx qrkd setup\` installs TensorFlow\n`,
    );
    return loadWasm(`TensorFlow does not load (${reason})`);
  }
}

const choice = choose();
registerTileGradient(choice.tf);

/** The tfjs instance in use (core and layers), set when this module is imported. Await {@link ready} before the first tensor. */
export const tf: Tf = choice.tf;

let pending: Promise<void> | undefined;

/**
 * Resolves when tensors can be made. TensorFlow is ready at once; the WebAssembly backend has to compile its module first.
 * Rejects with ERR_QRKD_BACKEND if neither starts.
 */
export function ready(): Promise<void> {
  pending ??= (async () => {
    const name = choice.info.backend;
    if (!(await tf.setBackend(name))) {
      throw new QrkdRangeError('ERR_QRKD_BACKEND', `the tensor backend "${name}" does not start on this machine`);
    }
    await tf.ready();
  })();
  return pending;
}

/** Which tensor backend this process uses. */
export function backendInfo(): BackendInfo {
  return { ...choice.info };
}
