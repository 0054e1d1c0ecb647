import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import writeFileAtomic from 'write-file-atomic';
import { QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import { packageVersion } from '../version.js';
import { convertModel } from './convert.js';
import { encodeModel } from './schema.js';

/** Read by every current runtime and by checkers of some years ago. */
const OPSET = 17;
const IR_VERSION = 8;

export interface ExportOptions {
  /**
   * Entries of the file's metadata, for example `{ metrics: { testAccuracy: 0.92 } }`. Strings are stored as they are,
   * anything else as JSON.
   */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Names of inputs and outputs in the file, by those of the layers that they are; default these. */
  readonly names?: Readonly<Record<string, string>>;
  /** What the model was trained with; its SHA-256 (of JSON with sorted keys) becomes `training_config_sha256`. */
  readonly trainingConfig?: unknown;
}

export interface ExportResult {
  readonly path: string;
  readonly bytes: number;
  readonly nodes: number;
}

/**
 * Writes a `tf.LayersModel` as an ONNX file for inference: opset 17, IR version 8, the first axis (batch) dynamic, nodes
 * and outputs named after the layers, inputs and outputs in tfjs's own layout (images `[batch, height, width, channels]`).
 * Integer inputs (tokens) are int64, with an open length where the model's is.
 * The file appears whole or not at all. Needs neither the addon nor a particular tensor backend.
 *
 * @throws {QrkdTypeError} `ERR_QRKD_UNSUPPORTED`, before anything is written, naming the layer that has no ONNX form here.
 * @throws {QrkdRangeError} `ERR_QRKD_FILE` where the file's folder does not exist.
 */
export async function exportOnnx(model: LayersModel, path: string, options: ExportOptions = {}): Promise<ExportResult> {
  const folder = dirname(resolve(path));
  if (!existsSync(folder)) {
    throw new QrkdRangeError(
      'ERR_QRKD_FILE',
      `exportOnnx: ${path} cannot be written; the folder ${folder} does not exist`,
    );
  }
  const { bytes, nodes } = convert(model, options);
  await writeFileAtomic(path, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  return { path, bytes: bytes.byteLength, nodes };
}

/** What {@link exportOnnx} writes, as bytes. */
export function toOnnx(model: LayersModel, options: ExportOptions = {}): Uint8Array {
  return convert(model, options).bytes;
}

function convert(model: LayersModel, options: ExportOptions): { bytes: Uint8Array; nodes: number } {
  if (typeof model?.getClassName !== 'function' || !Array.isArray(model.outputs)) {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `exportOnnx: model is ${typeof model}; expected a built tf.LayersModel`);
  }
  rejectUnknownKeys(options, ['metadata', 'names', 'trainingConfig'], 'exportOnnx');
  const graph = convertModel(model, options.names);
  const bytes = encodeModel({
    ir_version: IR_VERSION,
    producer_name: 'qrkd',
    producer_version: packageVersion(),
    opset_import: [{ domain: '', version: OPSET }],
    metadata_props: metadataOf(options),
    graph,
  });
  return { bytes, nodes: graph.node.length };
}

function metadataOf({ metadata = {}, trainingConfig }: ExportOptions): { key: string; value: string }[] {
  const entries = Object.entries(metadata)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ({ key, value: typeof value === 'string' ? value : JSON.stringify(value) }));
  if (trainingConfig !== undefined) {
    const value = createHash('sha256').update(sortedJson(trainingConfig)).digest('hex');
    entries.push({ key: 'training_config_sha256', value });
  }
  return entries;
}

/** JSON that does not depend on the order in which an object's keys were set. */
function sortedJson(value: unknown): string {
  const sorted = (_key: string, v: unknown) =>
    v !== null && typeof v === 'object' && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
      : v;
  return JSON.stringify(value, sorted);
}
