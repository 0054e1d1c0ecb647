// `qrkd setup`: makes this installation complete. Idempotent; with nothing to do it takes a fraction of a second.
import { setUpAddon } from './addon.mjs';
import { setUpPackages } from './packages.mjs';
import { setUpTensorFlow } from './tensorflow.mjs';

const steps = [];
// One after the other: TensorFlow needs its package, and each step uses all processors.
for (const step of [setUpAddon, setUpPackages, setUpTensorFlow]) steps.push(await step());
process.exitCode = steps.every(Boolean) ? 0 : 1;
