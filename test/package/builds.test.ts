import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { root, run, tarball, work } from './packed.js';

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
    await run('npm', ['install', '--ignore-scripts', '--omit=optional', tarball()], user);
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
    await run('tar', ['-xzf', tarball()], work);
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
