import path from 'node:path';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { type Matrix, writeNpzFile } from 'qrkd';

/**
 * Writes NAME.npz into a folder: arrays by layer and weight (`conv1/kernel`), in tfjs's order, all axes but the last made
 * one. bench/peers/networks.py reads them.
 */
export async function writeWeights(model: LayersModel, folder: string, name: string): Promise<void> {
  const arrays: Record<string, Matrix> = {};
  for (const layer of model.layers) {
    // The original names: tfjs numbers the names of layers that were made again.
    for (const [k, tensor] of layer.getWeights().entries()) {
      arrays[layer.weights[k]!.originalName] = asMatrix(tensor);
    }
  }
  await writeNpzFile(path.join(folder, `${name}.npz`), arrays);
}

function asMatrix(tensor: Tensor): Matrix<Float32Array> {
  const columns = tensor.shape.at(-1) ?? 1;
  return { data: tensor.dataSync() as Float32Array, shape: [tensor.size / columns, columns] };
}
