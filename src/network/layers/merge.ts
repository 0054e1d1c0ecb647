import { type Compiler, unsupported } from './compiler.js';

const elementwise =
  (kind: string): Compiler =>
  (network, layer, inputs) => {
    const [{ shape }] = inputs;
    if (inputs.some((x) => x.shape.join() !== shape.join())) {
      throw unsupported(
        layer,
        `its inputs differ in shape (${inputs.map((x) => `[${x.shape.join(', ')}]`).join(', ')})`,
      );
    }
    return network.node(kind, inputs, {}, shape);
  };

const concatenate: Compiler = (network, layer, inputs) => {
  const axis = (layer.config.axis as number | undefined) ?? -1;
  const [{ shape }] = inputs;
  if (axis !== -1 && axis !== shape.length) throw unsupported(layer, `axis is ${axis}, not the last`);
  const channels = inputs.reduce((sum, x) => sum + x.shape[x.shape.length - 1], 0);
  return network.node('concatenate', inputs, {}, [...shape.slice(0, -1), channels]);
};

export const mergeLayers: Record<string, Compiler> = {
  Add: elementwise('add'),
  Average: elementwise('average'),
  Maximum: elementwise('maximum'),
  Minimum: elementwise('minimum'),
  Multiply: elementwise('multiply'),
  Concatenate: concatenate,
};
