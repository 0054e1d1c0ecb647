// `qrkd setup`: makes this installation complete. Idempotent; with nothing to do it takes a fraction of a second.
import { setUpTensorFlow } from './tensorflow.mjs';

process.exitCode = (await setUpTensorFlow()) ? 0 : 1;
