import { sizeOf } from '../builder.js';
import { type Compiler, type LayerView, unsupported } from './compiler.js';

function switches({ config }: LayerView) {
  return { scale: Number(config.scale !== false), center: Number(config.center !== false) };
}

/** Statistics of every channel over batch and pixels; the moving averages are the last two weights. */
const batchNormalization: Compiler = (network, layer, [x]) => {
  const axis = (layer.config.axis as number | undefined) ?? -1;
  if (axis !== -1 && axis !== x.shape.length) throw unsupported(layer, `axis is ${axis}, not the last`);
  const { epsilon, momentum } = layer.config as { epsilon: number; momentum: number };
  return network.node('batchNormalization', [x], { epsilon, momentum, ...switches(layer) }, x.shape, layer.weights);
};

/** Over the last axis, or over all of them. */
const layerNormalization: Compiler = (network, layer, [x]) => {
  const rank = x.shape.length;
  const axes = [layer.config.axis as number | number[]]
    .flat()
    .map((axis) => (axis < 0 ? axis + rank + 1 : axis))
    .sort((a, b) => a - b);
  const whole = axes.length === rank && axes.every((axis, k) => axis === k + 1);
  if (!whole && !(axes.length === 1 && axes[0] === rank)) {
    throw unsupported(layer, `axis is ${JSON.stringify(layer.config.axis)}, neither the last nor all`);
  }
  const numbers = { epsilon: layer.config.epsilon as number, size: whole ? sizeOf(x.shape) : x.shape[rank - 1] };
  return network.node('layerNormalization', [x], { ...numbers, ...switches(layer) }, x.shape, layer.weights);
};

export const normalizationLayers: Record<string, Compiler> = {
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
};
