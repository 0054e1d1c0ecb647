import { axisAveragingMatrix } from '../../models/layers/adaptiveWindows.js';
import type { GraphBuilder } from '../graph.js';
import { type Converter, pair, unsupported } from './converter.js';

/**
 * ONNX has no adaptive pooling. Sizes that divide are an AveragePool; others (14 to 4: windows that overlap) are a
 * product with a small constant matrix of means from either side, which needs channels first and no transposition.
 */
const adaptiveAverage: Converter = (graph, layer, [x]) => {
  const [height, width] = x.shape.slice(1, 3);
  const [rows, columns] = pair(layer.config.outputSize);
  if (height === null || width === null) throw unsupported(layer, 'its input has no fixed height and width');
  const image = graph.channelsFirst(x).name;
  if (height % rows === 0 && width % columns === 0) {
    const kernel = [height / rows, width / columns];
    const name = graph.node(layer.name, 'AveragePool', [image], { kernel_shape: kernel, strides: kernel });
    return { name, layout: 'channels-first' };
  }
  const left = graph.constant(`${layer.name}/rows`, [rows, height], transpose(axisAveragingMatrix(height, rows), rows));
  const right = graph.constant(`${layer.name}/columns`, [width, columns], axisAveragingMatrix(width, columns));
  return { name: bothSides(graph, layer.name, left, image, right), layout: 'channels-first' };
};

function bothSides(graph: GraphBuilder, name: string, left: string, image: string, right: string): string {
  return graph.node(name, 'MatMul', [graph.node(`${name}/vertical`, 'MatMul', [left, image]), right]);
}

/** `[n, columns]` to `[columns, n]`. */
function transpose(matrix: Float32Array, columns: number): Float32Array {
  const n = matrix.length / columns;
  return Float32Array.from(matrix, (_, k) => matrix[(k % n) * columns + Math.floor(k / n)]);
}

export const adaptivePoolingLayers: Record<string, Converter> = { AdaptiveAveragePooling2d: adaptiveAverage };
