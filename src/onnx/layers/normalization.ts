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

/** Over the last axis; the operator's own statistics. */
const layerNormalization: Converter = (graph, layer, [input]) => {
  const x = graph.channelsLast(input);
  const rank = x.shape.length;
  const axes = [(layer.config.axis as number | number[] | undefined) ?? -1].flat();
  if (axes.length !== 1 || (axes[0] + rank) % rank !== rank - 1) {
    throw unsupported(layer, `axis is ${JSON.stringify(layer.config.axis)}, not the last`);
  }
  const remaining = [...layer.weights];
  const width = x.shape[rank - 1];
  if (width === null) throw unsupported(layer, 'its last axis has no fixed size');
  const scale = layer.config.scale === false ? new Float32Array(width).fill(1) : remaining.shift()!.data;
  const inputs = [x.name, graph.constant(`${layer.name}/gamma`, [width], scale)];
  if (layer.config.center !== false) inputs.push(graph.constant(`${layer.name}/beta`, [width], remaining[0].data));
  const epsilon = { float: layer.config.epsilon as number };
  return { name: graph.node(layer.name, 'LayerNormalization', inputs, { axis: -1, epsilon }) };
};

export const normalizationLayers: Record<string, Converter> = {
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
};
