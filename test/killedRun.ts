// A small training run with a checkpoint and logs, as a process that the test of killed runs kills:
// node killedRun.js FOLDER ENGINE EPOCHS. Writes a line before it begins, one after its first step, and its result as JSON.
import { join } from 'node:path';
import { distill, ready } from 'qrkd/distill';
import { cloudOptions, denseNetwork, normalizedNetwork, weightsOf } from './unit/training/clouds.js';

const [folder, engine, epochs] = process.argv.slice(2);
await ready();
let first = true;
const options = cloudOptions({
  // tfjs's dropout has a state that no checkpoint can keep.
  student: engine === 'native' ? normalizedNetwork(3, 2) : denseNetwork(3, 2),
  engine: engine as 'native' | 'tfjs',
  epochs: Number(epochs),
  optimizer: { name: 'adamw', schedule: { type: 'cosine', warmup: 0.1 } },
  keep: 'best',
  checkpoint: { path: join(folder, 'run.json'), everyEpochs: 2 },
  onStep: () => {
    if (first) process.stdout.write('trains\n');
    first = false;
  },
  log: { jsonl: join(folder, 'run.jsonl'), tensorboard: join(folder, 'events'), everySteps: 5 },
});
process.stdout.write('begins\n');
const { student, ...result } = await distill(options);
process.stdout.write(`${JSON.stringify({ ...result, weights: weightsOf(student) })}\n`);
