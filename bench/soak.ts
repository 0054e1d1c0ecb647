// Goal: a training run takes no more memory after 10,000 steps than after its first ones: the number of tfjs's tensors is the same,
// resident memory flat.
//
//   node --expose-gc dist-test/bench/soak.js [native|tfjs] [steps] [batch size]
import { loadMnistDigits } from 'qrkd/data';
import { distill, qrkdLoss, ready, tf } from 'qrkd/distill';
import { paperStudent, paperTeacher } from 'qrkd/models';
import { firstRows, recipe } from './steps.js';

const [engine = 'native', stepsText = '10000', batchText = '16'] = process.argv.slice(2);
const [steps, batchSize] = [Number(stepsText), Number(batchText)];
const LINES = 20;

await ready();
const { train } = await loadMnistDigits();
const perEpoch = 100;
const epochs = Math.ceil(steps / perEpoch);
const { gc } = globalThis as { gc?: () => void };

interface Sample {
  step: number;
  tensors: number;
  /** Mebibytes. */
  resident: number;
  heap: number;
  external: number;
}
const samples: Sample[] = [];
const mebibytes = (bytes: number) => Math.round((bytes / 2 ** 20) * 10) / 10;

await distill({
  teacher: paperTeacher({ seed: 1 }),
  student: paperStudent({ seed: 1 }),
  train: firstRows(train, perEpoch * batchSize),
  validation: firstRows(train, 200),
  loss: qrkdLoss(recipe('zz')),
  engine: engine as 'native' | 'tfjs',
  epochs,
  batchSize,
  keep: 'best',
  onEpoch({ epoch }) {
    if (epoch !== 1 && epoch % Math.ceil(epochs / LINES) !== 0) return;
    gc?.();
    const { rss, heapUsed, external } = process.memoryUsage();
    const sample: Sample = {
      step: epoch * perEpoch,
      tensors: tf.memory().numTensors,
      resident: mebibytes(rss),
      heap: mebibytes(heapUsed),
      external: mebibytes(external),
    };
    samples.push(sample);
    process.stderr.write(
      `step ${sample.step}: ${sample.tensors} tensors, ${sample.resident} MiB resident, heap ${sample.heap}, external ${sample.external}\n`,
    );
  },
});
process.stdout.write(`${JSON.stringify({ engine, batchSize, collected: gc !== undefined, samples }, null, 2)}\n`);
