import type { SymbolicTensor } from '@tensorflow/tfjs-layers';
import { tf } from 'qrkd/distill';
import seedrandom from 'seedrandom';
import { adaptiveAveragePooling2d } from '#dist/models/layers/adaptiveAveragePooling2d.js';

/** A graph of three to seven layers between small images and three logits; layers take any earlier value that they fit. */
export function randomModel(seed: string) {
  const random = seedrandom(seed);
  const below = (n: number) => Math.floor(random() * n);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)];
  const chance = (p: number) => random() < p;

  const input = tf.input({ shape: [4 + below(3), 4 + below(3), 1 + below(3)] });
  const values: SymbolicTensor[] = [input];
  const sizeOf = ({ shape }: SymbolicTensor) => shape.slice(1) as number[];
  const window = (x: SymbolicTensor, most: number) => 1 + below(Math.min(most, sizeOf(x)[0], sizeOf(x)[1]));
  const padding = () => pick(['same', 'valid'] as const);
  const activation = () => pick([undefined, 'relu', 'tanh', 'sigmoid', 'elu', 'swish'] as const);
  const common = () => ({ padding: padding(), activation: activation() as 'relu', useBias: chance(0.7) });

  const layers: ((x: SymbolicTensor) => { apply(x: never): unknown })[] = [
    (x) => tf.layers.conv2d({ filters: 1 + below(4), kernelSize: window(x, 3), strides: 1 + below(2), ...common() }),
    (x) => tf.layers.conv2d({ filters: 1 + below(4), kernelSize: window(x, 2), ...common() }),
    (x) => tf.layers.depthwiseConv2d({ kernelSize: window(x, 3), depthMultiplier: 1 + below(2), ...common() }),
    (x) => tf.layers.separableConv2d({ filters: 1 + below(4), kernelSize: window(x, 3), ...common() }),
    () => tf.layers.dense({ units: 1 + below(4), activation: activation() as 'relu' }),
    (x) => tf.layers.maxPooling2d({ poolSize: window(x, 3), strides: 1 + below(2), padding: padding() }),
    (x) => tf.layers.averagePooling2d({ poolSize: window(x, 3), strides: 1 + below(2), padding: padding() }),
    (x) => adaptiveAveragePooling2d({ outputSize: [window(x, 3), window(x, 3)] }),
    () => tf.layers.batchNormalization({ momentum: 0.9, epsilon: 0.1 }),
    () => tf.layers.layerNormalization({ axis: pick([-1, [1, 2, 3]]), epsilon: 0.1 }),
    () =>
      tf.layers.zeroPadding2d({
        padding: [
          [below(2), below(2)],
          [below(2), below(2)],
        ],
      }),
    () => tf.layers.leakyReLU({ alpha: 0.1 }),
    () => tf.layers.activation({ activation: pick(['relu', 'tanh', 'gelu', 'softplus', 'selu'] as const) as 'relu' }),
  ];

  for (let left = 3 + below(5); left > 0; left--) {
    const x = pick(values.slice(-3));
    // Not with itself: tfjs's executor then frees the value too early, where another layer needs it too.
    const others = values.filter((y) => y !== x && sizeOf(y).slice(0, 2).join() === sizeOf(x).slice(0, 2).join());
    const alike = others.filter((y) => sizeOf(y).join() === sizeOf(x).join());
    const merge = pick(['add', 'multiply', 'maximum', 'average'] as const);
    if (alike.length > 0 && chance(0.4)) values.push(tf.layers[merge]().apply([x, pick(alike)]) as SymbolicTensor);
    else if (others.length > 0 && chance(0.2))
      values.push(tf.layers.concatenate().apply([x, pick(others)]) as SymbolicTensor);
    else values.push(pick(layers)(x).apply(x as never) as SymbolicTensor);
  }
  const end = values[values.length - 1];
  const flat = (chance(0.3) ? tf.layers.globalAveragePooling2d({}) : tf.layers.flatten()).apply(end) as SymbolicTensor;
  return tf.model({ inputs: input, outputs: tf.layers.dense({ units: 3 }).apply(flat) as SymbolicTensor });
}
