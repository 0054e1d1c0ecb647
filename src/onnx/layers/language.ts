import type { GraphBuilder, Value } from '../graph.js';
import { DataType } from '../schema.js';
import type { Converter, LayerView } from './converter.js';

/** Added to scores of tokens that lie ahead, as in the layer. */
const HIDDEN = -1e9;

const scalar = (graph: GraphBuilder, name: string, value: number) => graph.constant(name, [], Float32Array.of(value));

/** The length of sequences `[n, t, ...]` as a vector of one, for whatever length comes. */
function lengthOf(graph: GraphBuilder, name: string, x: string): string {
  return graph.node(name, 'Shape', [x], { start: 1, end: 2 });
}

/** Ids become rows of the one matrix; values are multiplied with its transpose, so that the file has it once. */
const tokenEmbedding: Converter = (graph, { name, weights: [weight] }, [x]) => {
  const matrix = graph.constant(`${name}/weight`, weight.shape, weight.data);
  if (x.shape.length === 2) return { name: graph.node(name, 'Gather', [matrix, x.name], { axis: 0 }) };
  const transposed = graph.node(`${name}/transposed`, 'Transpose', [matrix], { perm: [1, 0] });
  return { name: graph.node(`${name}/logits`, 'MatMul', [x.name, transposed]) };
};

const positionEmbedding: Converter = (graph, { name, weights: [weight] }, [x]) => {
  const matrix = graph.constant(`${name}/weight`, weight.shape, weight.data);
  const bounds = [graph.integers(`${name}/start`, [0]), lengthOf(graph, `${name}/length`, x.name)];
  const rows = graph.node(`${name}/rows`, 'Slice', [matrix, ...bounds, graph.integers(`${name}/axis`, [0])]);
  return { name: graph.node(name, 'Add', [x.name, rows]) };
};

const causalSelfAttention: Converter = (graph, { name, config, weights }, [x]) => {
  const [heads, width] = [config.heads as number, config.width as number];
  const [kernel, bias, projection, projectionBias] = weights.map(({ shape, data }, i) =>
    graph.constant(`${name}/${['c_attn', 'c_attn/bias', 'c_proj', 'c_proj/bias'][i]}`, shape, data),
  );
  const mixed = graph.node(`${name}/qkv`, 'Add', [graph.node(`${name}/qkv/product`, 'MatMul', [x.name, kernel]), bias]);
  // Every dimension that is 0 stays as it is.
  const perHead = graph.integers(`${name}/per_head`, [0, 0, heads, width / heads]);
  const axis = graph.integers(`${name}/last_axis`, [2]);
  const part = (label: string, place: number, perm: number[]): string => {
    const bounds = [place, place + 1].map((end) => graph.integers(`${name}/${end}_widths`, [end * width]));
    const columns = graph.node(`${name}/${label}/columns`, 'Slice', [mixed, ...bounds, axis]);
    const split = graph.node(`${name}/${label}/heads`, 'Reshape', [columns, perHead]);
    return graph.node(`${name}/${label}`, 'Transpose', [split], { perm });
  };
  const query = graph.node(`${name}/scaled`, 'Mul', [
    part('q', 0, [0, 2, 1, 3]),
    scalar(graph, `${name}/scale`, 1 / Math.sqrt(width / heads)),
  ]);
  const scores = graph.node(`${name}/scores`, 'MatMul', [query, part('k', 1, [0, 2, 3, 1])]);
  const masked = graph.node(`${name}/masked`, 'Add', [scores, hiddenAhead(graph, name, x)]);
  const seen = graph.node(`${name}/softmax`, 'Softmax', [masked], { axis: -1 });
  const values = graph.node(`${name}/values`, 'MatMul', [seen, part('v', 2, [0, 2, 1, 3])]);
  const back = graph.node(`${name}/by_token`, 'Transpose', [values], { perm: [0, 2, 1, 3] });
  const merged = graph.node(`${name}/merged`, 'Reshape', [back, graph.integers(`${name}/flat`, [0, 0, width])]);
  return {
    name: graph.node(name, 'Add', [graph.node(`${name}/product`, 'MatMul', [merged, projection]), projectionBias]),
  };
};

/** `[t, t]`: 0 where a token sees another one. */
function hiddenAhead(graph: GraphBuilder, name: string, x: Value): string {
  const length = lengthOf(graph, `${name}/length`, x.name);
  const square = graph.node(`${name}/square`, 'Concat', [length, length], { axis: 0 });
  const hidden = graph.node(`${name}/hidden`, 'Expand', [scalar(graph, `${name}/hidden/value`, HIDDEN), square]);
  return graph.node(`${name}/ahead`, 'Trilu', [hidden, graph.integer(`${name}/first_hidden`, 1)], { upper: 1 });
}

/** A row of weights for every sequence, multiplied with its values. */
const sequencePooling: Converter = (graph, layer, [values, tokens]) => {
  const { name, config } = layer;
  const weights = config.mode === 'mean' ? shares(graph, layer, tokens) : last(graph, layer, tokens);
  const second = graph.integers(`${name}/second_axis`, [1]);
  const rows = graph.node(`${name}/rows`, 'Unsqueeze', [weights, second]);
  return { name: graph.node(name, 'Squeeze', [graph.node(`${name}/pooled`, 'MatMul', [rows, values.name]), second]) };
};

/** `[n, t]` of 64-bit integers: 1 for tokens, 0 for padding. */
function present(graph: GraphBuilder, { name, config }: LayerView, tokens: Value): string {
  // Without padding: every token is itself.
  const other = config.padToken === null ? tokens.name : graph.integer(`${name}/pad_token`, config.padToken as number);
  const equal = graph.node(`${name}/equal`, 'Equal', [tokens.name, other]);
  const chosen = config.padToken === null ? equal : graph.node(`${name}/not_padding`, 'Not', [equal]);
  return graph.node(`${name}/present`, 'Cast', [chosen], { to: DataType.INT64 });
}

function shares(graph: GraphBuilder, layer: LayerView, tokens: Value): string {
  const { name } = layer;
  const counted = graph.node(`${name}/counted`, 'Cast', [present(graph, layer, tokens)], { to: DataType.FLOAT });
  const total = graph.node(`${name}/total`, 'ReduceSum', [counted, graph.integers(`${name}/tokens_axis`, [1])]);
  const divisor = graph.node(`${name}/divisor`, 'Max', [total, scalar(graph, `${name}/one`, 1)]);
  return graph.node(`${name}/shares`, 'Div', [counted, divisor]);
}

function last(graph: GraphBuilder, layer: LayerView, tokens: Value): string {
  const { name } = layer;
  const length = lengthOf(graph, `${name}/length`, tokens.name);
  const [zero, one] = [0, 1].map((value) => graph.integer(`${name}/${value}`, value));
  const end = graph.node(`${name}/end`, 'Squeeze', [length]);
  const places = graph.node(`${name}/places`, 'Range', [zero, end, one]);
  const occupied = graph.node(`${name}/occupied`, 'Mul', [present(graph, layer, tokens), places]);
  const place = graph.node(`${name}/last_place`, 'ReduceMax', [occupied], { axes: [1], keepdims: 0 });
  const values = graph.constant(`${name}/off_on`, [2], Float32Array.of(0, 1));
  return graph.node(`${name}/chosen`, 'OneHot', [place, length, values]);
}

export const languageLayers: Record<string, Converter> = {
  CausalSelfAttention: causalSelfAttention,
  PositionEmbedding: positionEmbedding,
  SequencePooling: sequencePooling,
  TokenEmbedding: tokenEmbedding,
};
