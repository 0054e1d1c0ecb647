import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

// The package as users get it: packed, installed into an empty folder with the README's commands, and used from there.
const root = fileURLToPath(new URL('../../../', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'qrkd-package-'));
const project = join(work, 'project');
let tarball: string;

/** Runs a program in the user's project; a failure shows all of its output. */
async function run(command: string, args: string[], cwd = project): Promise<{ stdout: string; stderr: string }> {
  const env: NodeJS.ProcessEnv = { ...process.env };
  // npm and node:test talk to their children through these; a user's shell has none of them.
  for (const name of Object.keys(env)) if (/^npm_|^NODE_TEST_CONTEXT$|^INIT_CWD$/.test(name)) delete env[name];
  try {
    return await promisify(execFile)(command, args, { cwd, env, maxBuffer: 2 ** 26 });
  } catch (error) {
    const { message, stdout, stderr } = error as { message: string; stdout: string; stderr: string };
    throw new Error(`${message}\n${stdout}\n${stderr}`);
  }
}

async function runFile(name: string, code: string): Promise<unknown> {
  writeFileSync(join(project, name), code);
  return JSON.parse((await run(process.execPath, [name])).stdout);
}

before(async () => {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', work], root);
  // npm 12 answers with an object by package name, earlier ones with a list.
  const [packed] = Object.values(
    JSON.parse(stdout.slice(stdout.search(/^[[{]/m))) as Record<string, { filename: string }>,
  );
  tarball = join(work, packed!.filename);
  mkdirSync(project);
});
after(() => rmSync(work, { recursive: true, force: true }));

describe('the installed package', () => {
  const computed =
    'console.log(JSON.stringify({ shape: K.shape, diagonal: K.data[0], off: K.data[1], active: simdInfo().active }));';
  const kernel = `
    const map = featureMap({ type: 'zz', features: 2, reps: 2, entanglement: 'full' });
    const K = new FidelityKernel(map).matrix([[0.1, 0.2], [1.1, -0.4], [0.5, 2.5]]);
    ${computed}`;

  it('installs with `npm install` and is completed by `npx qrkd setup`', async () => {
    await run('npm', ['install', tarball]);
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

describe('a platform package', () => {
  it('lets the package compute without any script', async () => {
    const folder = join(work, 'ready-made');
    const packages = join(folder, 'npm');
    mkdirSync(packages, { recursive: true });
    await run(process.execPath, ['scripts/prebuild.mjs', '--out', packages], root);
    const [name] = readdirSync(packages);
    await run('npm', ['pack', join(packages, name!), '--pack-destination', folder], folder);
    const ready = join(folder, readdirSync(folder).find((file) => file.endsWith('.tgz'))!);

    const user = join(folder, 'project');
    mkdirSync(user);
    const code = `
      import { featureMap, FidelityKernel } from 'qrkd';
      console.log(new FidelityKernel(featureMap({ type: 'z', features: 1, reps: 1 })).matrix([[0], [1]]).data.join());`;
    const compute = () => run(process.execPath, ['--input-type=module', '--eval', code], user);
    await run('npm', ['install', '--ignore-scripts', '--omit=optional', tarball], user);
    // Else the test below would show nothing: without the platform package there is no addon.
    await assert.rejects(compute(), /ERR_QRKD_ADDON/);
    await run('npm', ['install', '--ignore-scripts', '--omit=optional', ready], user);
    const [one, off] = (await compute()).stdout.split(',').map(Number);
    // H, P(2 x) on one qubit: |(1 + e^{2i}) / 2|^2 = cos^2(1).
    assert.ok(Math.abs(one! - 1) < 1e-12 && Math.abs(off! - Math.cos(1) ** 2) < 1e-12, `${one}, ${off}`);

    const setUp = "import('./node_modules/qrkd/scripts/addon.mjs').then(({ setUpAddon }) => setUpAddon())";
    const { stderr } = await run(process.execPath, ['--eval', setUp], user);
    assert.equal(stderr, `qrkd: addon: @qrkd/${name}/qrkd.node loads\n`);
  });

  it('is named in the published package.json only, at exactly its version', async () => {
    const { withPlatforms } = (await import(pathToFileURL(join(root, 'scripts/platforms.mjs')).href)) as {
      withPlatforms(manifest: object, names: string[]): { optionalDependencies: Record<string, string> };
    };
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      version: string;
      optionalDependencies: Record<string, string>;
    };
    assert.deepEqual(
      Object.keys(manifest.optionalDependencies).filter((name) => name.startsWith('@qrkd/')),
      [],
    );
    const { optionalDependencies } = withPlatforms(manifest, ['linux-x64']);
    assert.deepEqual(optionalDependencies, {
      '@qrkd/linux-x64': manifest.version,
      ...manifest.optionalDependencies,
    });
  });
});

describe('the fallback without CMake', () => {
  it('binding.gyp builds an addon that computes the same', async () => {
    await run('tar', ['-xzf', tarball], work);
    const unpacked = join(work, 'package');
    symlinkSync(join(root, 'node_modules'), join(unpacked, 'node_modules'));
    const build = `
      import { setUpAddon } from ${JSON.stringify(pathToFileURL(join(unpacked, 'scripts/addon.mjs')).href)};
      if (!(await setUpAddon({ builders: ['node-gyp'] }))) process.exit(1);`;
    await run(process.execPath, ['--input-type=module', '--eval', build]);
    const compute = (folder: string) => `
      import { featureMap, FidelityKernel } from ${JSON.stringify(pathToFileURL(join(folder, 'dist/index.js')).href)};
      const map = featureMap({ type: 'zz', features: 3 });
      const K = new FidelityKernel(map).matrix([[0.1, 0.2, 0.3], [1.1, -0.4, 0.9], [0.5, 2.5, -1.5]]);
      console.log(JSON.stringify([...K.data]));`;
    const evaluate = async (folder: string) =>
      JSON.parse((await run(process.execPath, ['--input-type=module', '--eval', compute(folder)])).stdout) as number[];
    assert.deepEqual(await evaluate(unpacked), await evaluate(root));
  });
});
