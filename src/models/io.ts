import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { io } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import writeFileAtomic from 'write-file-atomic';
import { QrkdRangeError } from '../errors.js';
import { tf } from '../tensor/backend.js';
// Registers the custom layers, without which a model that holds them could not be read back.
import './layers/adaptiveAveragePooling2d.js';
import './layers/causalSelfAttention.js';
import './layers/geluNew.js';
import './layers/positionEmbedding.js';
import './layers/sequencePooling.js';
import './layers/tokenEmbedding.js';

const MODEL_FILE = 'model.json';
const WEIGHTS_FILE = 'weights.bin';

/**
 * Saves topology and weights as `model.json` and `weights.bin` in `folder` (made where it is missing), tfjs's own file
 * format: `tf.loadLayersModel` reads it too. Works on every backend, where tfjs's `file://` needs tfjs-node. Each file is
 * written under a temporary name and renamed, the weights first.
 * @returns the path of `model.json`
 */
export async function saveModel(model: LayersModel, folder: string): Promise<string> {
  const path = join(folder, MODEL_FILE);
  await model.save(
    tf.io.withSaveHandler(async (artifacts: io.ModelArtifacts) => {
      const json: io.ModelJSON = {
        modelTopology: artifacts.modelTopology as io.ModelJSON['modelTopology'],
        format: artifacts.format,
        generatedBy: artifacts.generatedBy,
        convertedBy: artifacts.convertedBy ?? null,
        weightsManifest: [{ paths: [WEIGHTS_FILE], weights: artifacts.weightSpecs ?? [] }],
      };
      const weights = tf.io.concatenateArrayBuffers([artifacts.weightData ?? new ArrayBuffer(0)].flat());
      mkdirSync(folder, { recursive: true });
      await writeFileAtomic(join(folder, WEIGHTS_FILE), Buffer.from(weights));
      await writeFileAtomic(path, `${JSON.stringify(json)}\n`);
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
    }),
  );
  return path;
}

/**
 * Loads a `tf.LayersModel` from a folder with `model.json`, or from the path of such a file.
 * @throws {QrkdRangeError} `ERR_QRKD_FILE` for a missing file, `ERR_QRKD_FORMAT` for one that is truncated or not a
 * layers model; the message names the file.
 */
export async function loadModel(path: string): Promise<LayersModel> {
  const file = modelFile(path);
  const json = readModelJson(file);
  const weightSpecs = json.weightsManifest.flatMap((group) => group.weights);
  const parts = json.weightsManifest.flatMap((group) =>
    group.paths.map((name) => readWeights(join(dirname(file), name))),
  );
  const weightData = Buffer.concat(parts);
  const expected = byteLength(weightSpecs);
  if (expected !== undefined && weightData.length !== expected) {
    throw new QrkdRangeError(
      'ERR_QRKD_FORMAT',
      `${file}: its weights hold ${weightData.length} bytes, expected ${expected}`,
    );
  }
  try {
    return await tf.loadLayersModel(
      tf.io.fromMemory({
        modelTopology: json.modelTopology,
        weightSpecs,
        weightData: new Uint8Array(weightData).buffer,
      }),
    );
  } catch (error) {
    const reason = (error as Error).message.split('\n', 1)[0];
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${file}: not a layers model that tfjs can read (${reason})`);
  }
}

function modelFile(path: string): string {
  const file = existsSync(path) && statSync(path).isDirectory() ? join(path, MODEL_FILE) : path;
  if (!existsSync(file)) {
    throw new QrkdRangeError('ERR_QRKD_FILE', `${file}: no such file (expected a saved tf.LayersModel)`);
  }
  return file;
}

function readModelJson(file: string): io.ModelJSON {
  let json: io.ModelJSON;
  try {
    json = JSON.parse(readFileSync(file, 'utf8')) as io.ModelJSON;
  } catch (error) {
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${file}: not readable as JSON (${(error as Error).message})`);
  }
  const groups: unknown = json?.weightsManifest;
  const complete =
    Array.isArray(groups) && groups.every((group) => Array.isArray(group?.paths) && Array.isArray(group?.weights));
  if (!complete || !json.modelTopology || (json.format !== undefined && json.format !== 'layers-model')) {
    throw new QrkdRangeError(
      'ERR_QRKD_FORMAT',
      `${file}: not a saved tf.LayersModel (modelTopology and weightsManifest)`,
    );
  }
  return json;
}

function readWeights(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new QrkdRangeError('ERR_QRKD_FILE', `${path}: cannot be read (${(error as Error).message})`);
  }
}

/** Bytes that the weights must have, or nothing where a weight's size is not fixed by its shape (quantised, strings). */
function byteLength(specs: readonly io.WeightsManifestEntry[]): number | undefined {
  if (specs.some((spec) => spec.quantization || !['float32', 'int32', 'bool'].includes(spec.dtype))) return undefined;
  const elements = (shape: readonly number[]) => shape.reduce((product, dim) => product * dim, 1);
  return specs.reduce((sum, spec) => sum + elements(spec.shape) * (spec.dtype === 'bool' ? 1 : 4), 0);
}
