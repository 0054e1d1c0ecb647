import { type Converter, unsupported, type Weight } from './converter.js';

/** Inference only: the moving mean and variance. Without `scale` or `center` the factor is 1 and the offset 0. */
const batchNormalization: Converter = (graph, layer, [x]) => {
  const rank = x.shape.length;
  const axis = ((layer.config.axis as number | undefined) ?? -1) % rank;
  if ((axis + rank) % rank !== rank - 1) throw unsupported(layer, `axis is ${layer.config.axis}, not the last`);
  if (rank !== 2 && rank !== 4) throw unsupported(layer, `its input has ${rank} axes, not 2 or 4`);
  const remaining = [...layer.weights];
  const channels = remaining[remaining.length - 1].shape[0];
  const filled = (value: number): Weight => ({ shape: [channels], data: new Float32Array(channels).fill(value) });
  const gamma = layer.config.scale === false ? filled(1) : remaining.shift()!;
  const beta = layer.config.center === false ? filled(0) : remaining.shift()!;
  const [mean, variance] = remaining;
  const image = graph.channelsFirst(x);
  const constants = Object.entries({ gamma, beta, mean, variance }).map(([label, { shape, data }]) =>
    graph.constant(`${layer.name}/${label}`, shape, data),
  );
  const name = graph.node(layer.name, 'BatchNormalization', [image.name, ...constants], {
    epsilon: { float: layer.config.epsilon as number },
  });
  return { name, layout: image.layout };
};

export const normalizationLayers: Record<string, Converter> = { BatchNormalization: batchNormalization };
