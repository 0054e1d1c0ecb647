// 200 training steps of the native engine in float64 against PyTorch's (test/fixtures/make_training.py), from the same
// weights on the same batches.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type NativeNode, type NativePlanSpec, type NativeTerm, native, STEP_METRICS } from '#dist/engine/native.js';
import { readFixture } from './fixtures.js';

type Shape = readonly number[];

interface Case {
  name: string;
  network: 'student' | 'normalised';
  optimizer: { name: 'adam' | 'momentum'; learningRate: number; beta1?: number; beta2?: number; epsilon?: number; momentum?: number }; // biome-ignore format: one line
  /** By number of the step, from 1. */
  losses: Record<string, number>;
  largest: number;
  weights: { shape: number[]; first: number[]; check: number }[];
}

const { cases } = readFixture<{ cases: Case[] }>('training.json');

const ROWS = 96;
const BATCH = 20;
const STEPS = 200;
/** Of the losses, and of the weights' largest value. */
const TOLERANCE = 1e-8;

/** The script's: exact in float32. */
function noise(count: number, salt: number): Float32Array {
  return Float32Array.from(
    { length: count },
    (_, k) => ((k * 2654435761 + salt * 40503 + 12345) % 2 ** 32) / 2 ** 31 - 1,
  );
}

const sizeOf = (shape: Shape) => shape.reduce((product, extent) => product * extent, 1);

/** He-uniform kernels; vectors are biases and offsets. */
function initial(shape: Shape, salt: number): Float64Array {
  if (shape.length === 1) return Float64Array.from(noise(sizeOf(shape), 500 + salt), (v) => v / 8);
  const scale = Math.sqrt(6 / sizeOf(shape.slice(0, -1)));
  return Float64Array.from(noise(sizeOf(shape), salt), (v) => Math.fround(v * scale));
}

function node(
  kind: string,
  inputs: number[],
  numbers: Record<string, number> = {},
  weights: number[] = [],
): NativeNode {
  return { kind, inputs, numbers, weights };
}

function conv(
  input: number,
  kernel: number,
  out: number,
  filters: number,
  pad: number,
  weights: number[],
  relu = 0,
): NativeNode {
  const numbers = {
    kernelHeight: kernel,
    kernelWidth: kernel,
    strideY: 1,
    strideX: 1,
    dilationY: 1,
    dilationX: 1,
    padTop: pad,
    padLeft: pad,
    outHeight: out,
    outWidth: out,
    filters,
    relu,
  };
  return node('conv2d', [input], numbers, weights);
}

function halved(input: number, out: number): NativeNode {
  const numbers = { poolHeight: 2, poolWidth: 2, strideY: 2, strideX: 2, padTop: 0, padLeft: 0 };
  return node('maxPool2d', [input], { ...numbers, outHeight: out, outWidth: out });
}

const normalised = (input: number, weights: number[]) =>
  node('batchNormalization', [input], { epsilon: 1e-3, momentum: 0.99, scale: 1, center: 1 }, weights);

interface Network {
  input: [number, number, number];
  nodes: NativeNode[];
  outputs: number[];
  /** Trained weights in the order of the script, then moving averages. */
  weights: Float64Array[];
  trained: number;
  terms: NativeTerm[];
}

const CE: NativeTerm = { kind: 'ce', output: 0, target: -1, weight: 1 };
const KD: NativeTerm = { kind: 'kd', output: 0, target: 0, weight: 1, temperature: 4 };
const relation = (kind: 'distance' | 'angle', weight: number): NativeTerm => ({
  kind,
  output: 1,
  target: 1,
  weight,
  rowsPerSample: 1,
});

const NETWORKS: Record<Case['network'], () => Network> = {
  student: () => ({
    input: [28, 28, 1],
    nodes: [
      conv(0, 3, 28, 19, 1, [0], 1),
      conv(1, 3, 28, 4, 1, [1]),
      halved(2, 14),
      node('relu', [3]),
      node('adaptiveAveragePool2d', [4], { outHeight: 4, outWidth: 4 }),
      conv(5, 1, 4, 12, 0, [2], 1),
      node('reshape', [6], { height: 1, width: 1, channels: 192 }),
      node('dense', [7], { units: 4, relu: 0 }, [3, 4]),
      node('dense', [8], { units: 10, relu: 0 }, [5, 6]),
    ],
    outputs: [9, 8],
    weights: [[3, 3, 1, 19], [3, 3, 19, 4], [1, 1, 4, 12], [192, 4], [4], [4, 10], [10]].map(initial),
    trained: 7,
    terms: [CE, KD, relation('distance', 1), relation('angle', 2)],
  }),
  normalised: () => {
    const weights = [[3, 3, 2, 5], [5], [5], [3, 3, 5, 6], [6], [6], [6, 10], [10]].map(initial);
    for (const gamma of [1, 4]) weights[gamma] = weights[gamma]!.map((v) => v + 1);
    const moving = [5, 6].flatMap((n) => [new Float64Array(n), new Float64Array(n).fill(1)]);
    return {
      input: [12, 12, 2],
      nodes: [
        conv(0, 3, 12, 5, 1, [0]),
        normalised(1, [1, 2, 8, 9]),
        node('relu', [2]),
        halved(3, 6),
        conv(4, 3, 4, 6, 0, [3]),
        normalised(5, [4, 5, 10, 11]),
        node('relu', [6]),
        node('adaptiveAveragePool2d', [7], { outHeight: 1, outWidth: 1 }),
        node('dense', [8], { units: 10, relu: 0 }, [6, 7]),
      ],
      outputs: [9],
      weights: [...weights, ...moving],
      trained: weights.length,
      terms: [CE, KD],
    };
  },
};

/** Rows of a batch: 37 has no divisor in common with the number of rows, so that none comes twice. */
const order = Uint32Array.from(
  { length: STEPS * BATCH },
  (_, k) => (37 * (k % BATCH) + 11 * Math.floor(k / BATCH)) % ROWS,
);

describe('golden training: 200 steps in float64', () => {
  for (const golden of cases) {
    it(golden.name, async () => {
      const { trained, ...network } = NETWORKS[golden.network]();
      const { NativeData, NativePlan } = native();
      const { learningRate, ...optimizer } = golden.optimizer;
      const plan = new NativePlan({
        ...network,
        precision: 'float64',
        trainable: network.weights.map((_, k) => k < trained),
        maxBatch: BATCH,
        optimizer: optimizer as NonNullable<NativePlanSpec['optimizer']>,
      });
      const data = new NativeData(
        noise(ROWS * sizeOf(network.input), 100),
        ROWS,
        Int32Array.from({ length: ROWS }, (_, row) => (7 * row + 3) % 10),
        [
          { data: noise(ROWS * 10, 101).map((v) => 4 * v), columns: 10 },
          { data: noise(ROWS * 31, 102).map((v) => 2 * v), columns: 31 },
        ],
      );
      const width = STEP_METRICS + 2 * network.terms.length;
      const metrics = new ArrayBuffer(8 * STEPS * width);
      await plan.train(data, order, BATCH, new Float64Array(STEPS).fill(learningRate), 0, false, metrics).promise;
      const losses = new Float64Array(metrics);
      for (const [step, expected] of Object.entries(golden.losses)) {
        const loss = losses[(Number(step) - 1) * width]!;
        assert.ok(Math.abs(loss - expected) <= TOLERANCE * expected, `step ${step}: ${loss}, PyTorch has ${expected}`);
      }
      golden.weights.forEach(({ shape, first, check }, k) => {
        const values = new Float64Array(sizeOf(shape));
        plan.readWeights(k, values);
        const close = (value: number, expected: number, what: string, terms = 1) => {
          const allowed = TOLERANCE * golden.largest * terms;
          assert.ok(Math.abs(value - expected) <= allowed, `weight ${k}, ${what}: ${value}, PyTorch has ${expected}`);
        };
        first.forEach((expected, i) => {
          close(values[i]!, expected, `value ${i}`);
        });
        const factors = noise(values.length, 900);
        const product = values.reduce((sum, value, i) => sum + value * factors[i]!, 0);
        close(product, check, 'product with noise', Math.sqrt(values.length));
      });
      plan.dispose();
      data.dispose();
    });
  }
});
