// npm's install script. As a dependency: only the addon. In a checkout also TensorFlow, so that `npm ci` is all there is to do.
import { existsSync } from 'node:fs';
import { setUpAddon } from './addon.mjs';
import { setUpPackages } from './packages.mjs';
import { setUpTensorFlow } from './tensorflow.mjs';

// The sources of src/ are not published: only a checkout has their compiler settings.
const isCheckout = existsSync(new URL('../tsconfig.json', import.meta.url));

if (!(await setUpAddon())) process.exitCode = 1;
if (isCheckout) {
  await setUpPackages();
  await setUpTensorFlow();
}
