// `qrkd setup`: makes this installation complete. Idempotent; with nothing to do it takes a fraction of a second.
import { setUpAddon } from './addon.mjs';
import { setUpTensorFlow } from './tensorflow.mjs';

const addon = await setUpAddon();
const tensorflow = await setUpTensorFlow();
process.exitCode = addon && tensorflow ? 0 : 1;
