// Where the time of a native training step goes: each layer, forward and backward, beside its roofline.
//   node dist-test/bench/training.js [steps]
// A roofline here is the larger of two times: that of the layer's operations at the engine's rate on operands in cache,
// and that of reading and writing its activations at the rate of copying memory that fits the second-level cache. All on
// one thread. A table for each network goes to standard error, one JSON document to standard output.
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { ready, type SampleSet } from 'qrkd/distill';
import { makeGpt2, paperStudent } from 'qrkd/models';
import { native, STEP_METRICS } from '#dist/engine/native.js';
import { compileNetwork } from '#dist/network/compile.js';
import { uniform } from './inputs.js';
import { layerWork } from './layerWork.js';
import { cifarCnn, resNet8 } from './models.js';
import { noiseImages } from './steps.js';
import { median, printTable } from './turns.js';

// Before the engine starts its threads.
process.env.QRKD_THREADS = '1';

const BATCH = 64;
const TOKENS = { vocabulary: 2000, length: 128, batch: 16 };
const WARM_UP = 3;
const steps = Number(process.argv[2] ?? 30);

await ready();
const operationsPerSecond = native().productRate('float32');
const bytesPerSecond = copyRate();
const networks = {
  "The paper's MNIST student": paperStudent({ seed: 1 }),
  'CIFAR-10 CNN': cifarCnn(1),
  'ResNet-8 at 32 x 32': resNet8(1),
};
const gpt2 = makeGpt2(
  {
    vocab_size: TOKENS.vocabulary,
    n_positions: TOKENS.length,
    n_embd: 128,
    n_layer: 2,
    n_head: 4,
    embd_pdrop: 0,
    resid_pdrop: 0,
    attn_pdrop: 0,
  },
  { seed: 1 },
).model;
const results = [];
for (const [title, model] of Object.entries(networks)) {
  const { input } = compileNetwork(model);
  results.push({ title, ...(await profiled(title, model, noiseImages(BATCH, input))) });
}
results.push({ title: 'GPT-2', ...(await profiled('GPT-2, 2 layers of 128, 128 tokens', gpt2, sequences())) });
console.log(JSON.stringify({ batch: BATCH, steps, operationsPerSecond, bytesPerSecond, networks: results }));

/** Bytes read and written a second by copies within half a megabyte. */
function copyRate(): number {
  const from = new Uint8Array(2 ** 18);
  const to = new Uint8Array(from.length);
  const copies = 200;
  const rates = Array.from({ length: 15 }, () => {
    const start = performance.now();
    for (let k = 0; k < copies; k++) to.set(from);
    return (2 * copies * from.length) / ((performance.now() - start) / 1000);
  });
  return median(rates);
}

/** Random tokens; the label of each is the next one. */
function sequences(): SampleSet {
  const { vocabulary, length, batch } = TOKENS;
  const images = Float32Array.from(uniform(batch * length, 3), (value) => Math.floor(value * vocabulary));
  const labels = Int32Array.from(images, (_, k) => images[(k + 1) % images.length]!);
  return { images, labels, shape: [batch, length] };
}

async function profiled(title: string, model: LayersModel, { images, labels, shape }: SampleSet) {
  const batch = shape[0]!;
  const { weights, ...network } = compileNetwork(model, { length: TOKENS.length });
  const { NativeData, NativePlan } = native();
  const plan = new NativePlan({
    ...network,
    weights: weights.map((weight) => weight.read().dataSync() as Float32Array),
    precision: 'float32',
    maxBatch: batch,
    terms: [{ kind: 'ce', output: 0, target: -1, weight: 1 }],
    optimizer: {
      name: 'adam',
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-7,
      momentum: 0,
      nesterov: false,
      decay: 0.9,
      weightDecay: 0,
      clipNorm: 0,
      clipValue: 0,
    },
  });
  const data = new NativeData(images, batch, labels, []);
  const order = Uint32Array.from({ length: steps * batch }, (_, k) => k % batch);
  const width = STEP_METRICS + 2;
  const run = async (count: number, first: number) => {
    const metrics = new ArrayBuffer(8 * count * width);
    await plan.train(data, order, batch, new Float64Array(count).fill(1e-4), first, true, metrics).promise;
    return new Float64Array(metrics);
  };
  await run(WARM_UP, 0);
  plan.startProfile();
  const metrics = await run(steps, WARM_UP);
  const { forward, backward } = plan.profile();
  plan.dispose();
  data.dispose();

  const direction = (seconds: number, work: { operations: number; bytes: number }) => {
    const bound = Math.max(work.operations / operationsPerSecond, work.bytes / bytesPerSecond);
    return {
      milliseconds: (1000 * seconds) / steps,
      gflops: (work.operations * steps) / seconds / 1e9,
      reached: bound / (seconds / steps),
    };
  };
  const layers = layerWork(network.input, network.nodes, batch).map(({ name, ...work }, n) => ({
    name,
    forward: direction(forward[n + 1]!, work.forward),
    backward: direction(backward[n + 1]!, work.backward),
  }));
  // Milliseconds are the last of a step's own numbers.
  const step = median(Array.from({ length: steps }, (_, k) => metrics[k * width + STEP_METRICS - 1]!));
  const inLayers = layers.reduce((sum, layer) => sum + layer.forward.milliseconds + layer.backward.milliseconds, 0);
  const cells = ({ milliseconds, gflops, reached }: ReturnType<typeof direction>) =>
    milliseconds === 0 ? ['', '', ''] : [milliseconds.toFixed(3), gflops.toFixed(1), `${(100 * reached).toFixed(0)} %`];
  printTable(
    `${title}, batch ${batch}, one thread: ${step.toFixed(2)} ms a step, ${inLayers.toFixed(2)} ms of it in layers`,
    ['', 'forward ms', 'GFLOP/s', 'of roofline', 'backward ms', 'GFLOP/s', 'of roofline'],
    layers.map(({ name, forward, backward }) => [name, ...cells(forward), ...cells(backward)]),
  );
  return { stepMilliseconds: step, layers };
}
