import { readFileSync } from 'node:fs';
import { QrkdRangeError } from '../errors.js';
import { decodeModel, type ModelProto, type ValueInfoProto } from './schema.js';

/** One input or output of an ONNX file; sizes that are open carry their name (`batch`). */
export interface OnnxPort {
  readonly name: string;
  readonly shape: readonly (number | string)[];
}

/** What an ONNX file says about itself. */
export interface OnnxSummary {
  readonly irVersion: number;
  readonly opset: number;
  readonly producer: string;
  readonly producerVersion: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
  /** Operator and name of each node, in order. */
  readonly nodes: readonly { name: string; operator: string }[];
}

/**
 * Reads an ONNX file's description: names, shapes, operators, metadata.
 * @throws {QrkdRangeError} `ERR_QRKD_FILE` for a missing file, `ERR_QRKD_FORMAT` for one that is truncated or not ONNX.
 */
export function readOnnx(path: string): OnnxSummary {
  const { model } = readModel(path);
  const { graph } = model;
  return {
    irVersion: model.ir_version,
    opset: model.opset_import.find((entry) => !entry.domain)?.version ?? 0,
    producer: model.producer_name ?? '',
    producerVersion: model.producer_version ?? '',
    metadata: Object.fromEntries(model.metadata_props.map(({ key, value }) => [key, value])),
    inputs: graph.input.map(port),
    outputs: graph.output.map(port),
    nodes: graph.node.map((node) => ({ name: node.name, operator: node.op_type })),
  };
}

/** A file's bytes, and what they say. Throws as {@link readOnnx} does. */
export function readModel(path: string): { bytes: Buffer; model: ModelProto } {
  const bytes = readBytes(path);
  return { bytes, model: decode(path, bytes) };
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new QrkdRangeError('ERR_QRKD_FILE', `${path}: cannot be read (${(error as Error).message})`);
  }
}

function decode(path: string, bytes: Uint8Array): ModelProto {
  let model: ModelProto;
  try {
    model = decodeModel(bytes);
  } catch (error) {
    throw new QrkdRangeError(
      'ERR_QRKD_FORMAT',
      `${path}: truncated, or not an ONNX file (${(error as Error).message})`,
    );
  }
  // A file cut between two fields decodes; without its opset (written behind the graph) or its outputs it is no model.
  if (!model.graph?.output?.length || !model.opset_import.length) {
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${path}: truncated, or not an ONNX file (no complete graph)`);
  }
  return model;
}

function port({ name, type }: ValueInfoProto): OnnxPort {
  const dims = type?.tensor_type?.shape?.dim ?? [];
  return { name, shape: dims.map((dim) => dim.dim_param ?? dim.dim_value ?? '?') };
}
