import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { project, run, tarball } from './packed.js';

async function runFile(name: string, code: string): Promise<unknown> {
  writeFileSync(join(project, name), code);
  return JSON.parse((await run(process.execPath, [name])).stdout);
}

describe('the installed package', () => {
  const computed =
    'console.log(JSON.stringify({ shape: K.shape, diagonal: K.data[0], off: K.data[1], active: simdInfo().active }));';
  const kernel = `
    const map = featureMap({ type: 'zz', features: 2, reps: 2, entanglement: 'full' });
    const K = new FidelityKernel(map).matrix([[0.1, 0.2], [1.1, -0.4], [0.5, 2.5]]);
    ${computed}`;

  it('installs with `npm install` and is completed by `npx qrkd setup`', async () => {
    await run('npm', ['install', tarball()]);
    await run('npx', ['qrkd', 'setup']);
    const { stdout } = await run('npx', ['qrkd', 'doctor', '--json']);
    const { ok, findings } = JSON.parse(stdout) as { ok: boolean; findings: { name: string; found: string }[] };
    assert.ok(ok, stdout);
    const { found } = findings.find(({ name }) => name === 'Tensor backend')!;
    assert.match(found, process.env.QRKD_TENSORFLOW === 'wasm' ? /^WebAssembly/ : /^TensorFlow/);
  });

  it('has nothing in it that users do not need', () => {
    const files = readdirSync(join(project, 'node_modules/qrkd'));
    for (const name of ['test', 'src', 'bench', 'tsconfig.json', 'node_modules'])
      assert.ok(!files.includes(name), name);
  });

  it('computes a kernel as an ES module, without loading TensorFlow', async () => {
    const code = `import { featureMap, FidelityKernel, simdInfo } from 'qrkd';
      import { createRequire } from 'node:module';
      const loaded = Object.keys(createRequire(import.meta.url).cache).filter((file) => file.includes('tfjs'));
      if (loaded.length > 0) throw new Error('TensorFlow was loaded: ' + loaded[0]);
      ${kernel}`;
    const result = (await runFile('kernel.mjs', code)) as { shape: number[]; diagonal: number; off: number };
    assert.deepEqual(result.shape, [3, 3]);
    assert.ok(Math.abs(result.diagonal - 1) < 1e-12 && result.off > 0 && result.off < 1, JSON.stringify(result));
  });

  it('computes the same through require', async () => {
    const esm = await runFile('again.mjs', `import { featureMap, FidelityKernel, simdInfo } from 'qrkd'; ${kernel}`);
    const cjs = await runFile(
      'kernel.cjs',
      `const { featureMap, FidelityKernel, simdInfo } = require('qrkd'); ${kernel}`,
    );
    assert.deepEqual(cjs, esm);
  });

  it('turns a corpus into blocks through qrkd/data and qrkd/text, without loading TensorFlow', async () => {
    const code = `
      import { loadCorpus } from 'qrkd/data';
      import { joinDocuments, languageBlocks, WordTokenizer } from 'qrkd/text';
      import { createRequire } from 'node:module';
      const { test } = await loadCorpus('brown');
      const words = WordTokenizer.fromTexts(test.documents);
      const { shape } = languageBlocks(joinDocuments(test.documents, words), { length: 128 });
      const loaded = Object.keys(createRequire(import.meta.url).cache).filter((file) => file.includes('tfjs'));
      console.log(JSON.stringify({ shape, loaded }));`;
    assert.deepEqual(await runFile('text.mjs', code), { shape: [Math.ceil((226_289 - 1) / 128), 128], loaded: [] });
  });

  it('trains through qrkd/distill: the gradient of the quantum loss reaches the student', async () => {
    const code = `
      import { featureMap, FidelityKernel } from 'qrkd';
      import { tf, ready, quantumLoss } from 'qrkd/distill';
      await ready();
      const kernel = new FidelityKernel(featureMap({ type: 'zz', features: 4, reps: 1, bandwidth: 0.1 }), { precision: 'float32' });
      const teacher = tf.randomNormal([8, 4], 0, 1, 'float32', 1);
      const student = tf.randomNormal([8, 4], 0, 1, 'float32', 2);
      const { value, grad } = tf.valueAndGrad((s) => quantumLoss(s, teacher, { student: kernel, teacher: kernel }))(student);
      console.log(JSON.stringify({ loss: value.dataSync()[0], norm: tf.norm(grad).dataSync()[0], shape: grad.shape }));`;
    const { loss, norm, shape } = (await runFile('distill.mjs', code)) as {
      loss: number;
      norm: number;
      shape: number[];
    };
    assert.deepEqual(shape, [8, 4]);
    assert.ok(loss > 0 && norm > 0, `loss ${loss}, gradient norm ${norm}`);
  });

  it('exports a model through qrkd/onnx', async () => {
    const code = `
      import { tf, ready } from 'qrkd/distill';
      import { paperStudent } from 'qrkd/models';
      import { exportOnnx, verifyOnnx } from 'qrkd/onnx';
      await ready();
      const model = paperStudent({ seed: 1 });
      await exportOnnx(model, 'student.onnx');
      console.log(JSON.stringify(await verifyOnnx('student.onnx', model)));`;
    await runFile('onnx.mjs', code);
    assert.ok(readdirSync(project).includes('student.onnx'));
  });
});
