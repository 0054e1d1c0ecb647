import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { backendInfo, ready, tf } from '#dist/tensor/backend.js';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'qrkd-backend-'));
after(() => rmSync(folder, { recursive: true }));

const report = `
  const { tf, ready, backendInfo } = await import('#dist/tensor/backend.js');
  await ready();
  const sum = tf.sum(tf.ones([2, 3])).dataSync()[0];
  console.log(JSON.stringify({ ...backendInfo(), running: tf.getBackend(), sum }));
`;

/** Runs a piece of code in a process of its own, with QRKD_TENSORFLOW as given. */
async function inProcess(
  QRKD_TENSORFLOW: string,
  ...options: string[]
): Promise<Record<string, unknown> & { stderr: string }> {
  const env: NodeJS.ProcessEnv = { ...process.env, QRKD_TENSORFLOW };
  // The test runner's own variable would change what the child prints.
  delete env.NODE_TEST_CONTEXT;
  const args = [...options, '--input-type=module', '--eval', report];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: root, env });
  return { ...(JSON.parse(stdout) as Record<string, unknown>), stderr };
}

describe('tensor backend', () => {
  it('is TensorFlow unless WebAssembly was asked for', async () => {
    await ready();
    const expected = process.env.QRKD_TENSORFLOW === 'wasm' ? 'wasm' : 'tensorflow';
    const { backend, detail } = backendInfo();
    assert.equal(backend, expected, `${detail}; run \`npx qrkd setup\`, or test with QRKD_TENSORFLOW=wasm`);
    assert.equal(tf.getBackend(), expected);
  });

  it('QRKD_TENSORFLOW=wasm takes WebAssembly and says nothing', async () => {
    const { backend, running, sum, stderr } = await inProcess('wasm');
    assert.deepEqual({ backend, running, sum, stderr }, { backend: 'wasm', running: 'wasm', sum: 6, stderr: '' });
  });

  it('falls back to WebAssembly with one line on stderr where tfjs-node does not load', async () => {
    const preload = join(folder, 'no-tfjs-node.cjs');
    writeFileSync(
      preload,
      `const Module = require('node:module');
       const resolve = Module._resolveFilename;
       Module._resolveFilename = function (name, ...rest) {
         if (name === '@tensorflow/tfjs-node') throw new Error('no tfjs-node here\\nand more lines');
         return resolve.call(this, name, ...rest);
       };`,
    );
    const { backend, sum, stderr } = await inProcess('auto', '--require', preload);
    assert.deepEqual({ backend, sum }, { backend: 'wasm', sum: 6 });
    assert.match(
      stderr,
      /^qrkd: TensorFlow does not load \(no tfjs-node here\); using .*WebAssembly.*`npx qrkd setup`.*\n$/,
    );
    await assert.rejects(inProcess(folder, '--require', preload), /ERR_QRKD_BACKEND/);
  });

  it('refuses a QRKD_TENSORFLOW that is neither a word it knows nor a folder', async () => {
    await assert.rejects(inProcess('wams'), /QRKD_TENSORFLOW is "wams": expected auto, wasm, or an existing folder/);
  });
});
