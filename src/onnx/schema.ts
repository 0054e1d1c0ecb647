import protobuf from 'protobufjs/light.js';

/**
 * The part of ONNX's file format that is written and read here: messages, field names and field numbers of the official
 * schema, onnx/onnx.proto of github.com/onnx/onnx (IR version 8). Fields that are left out are skipped when reading.
 */
const DESCRIPTOR: protobuf.INamespace = {
  nested: {
    onnx: {
      nested: {
        ModelProto: message({
          ir_version: ['int64', 1],
          producer_name: ['string', 2],
          producer_version: ['string', 3],
          domain: ['string', 4],
          model_version: ['int64', 5],
          doc_string: ['string', 6],
          graph: ['GraphProto', 7],
          opset_import: ['OperatorSetIdProto', 8, 'repeated'],
          metadata_props: ['StringStringEntryProto', 14, 'repeated'],
        }),
        OperatorSetIdProto: message({ domain: ['string', 1], version: ['int64', 2] }),
        StringStringEntryProto: message({ key: ['string', 1], value: ['string', 2] }),
        GraphProto: message({
          node: ['NodeProto', 1, 'repeated'],
          name: ['string', 2],
          initializer: ['TensorProto', 5, 'repeated'],
          doc_string: ['string', 10],
          input: ['ValueInfoProto', 11, 'repeated'],
          output: ['ValueInfoProto', 12, 'repeated'],
        }),
        NodeProto: message({
          input: ['string', 1, 'repeated'],
          output: ['string', 2, 'repeated'],
          name: ['string', 3],
          op_type: ['string', 4],
          attribute: ['AttributeProto', 5, 'repeated'],
          domain: ['string', 7],
        }),
        AttributeProto: message({
          name: ['string', 1],
          f: ['float', 2],
          i: ['int64', 3],
          s: ['bytes', 4],
          floats: ['float', 7, 'repeated'],
          ints: ['int64', 8, 'repeated'],
          type: ['int32', 20],
        }),
        TensorProto: message({
          dims: ['int64', 1, 'repeated'],
          data_type: ['int32', 2],
          name: ['string', 8],
          raw_data: ['bytes', 9],
          data_location: ['int32', 14],
        }),
        ValueInfoProto: message({ name: ['string', 1], type: ['TypeProto', 2] }),
        TypeProto: message({ tensor_type: ['TensorTypeProto', 1] }),
        // TypeProto.Tensor and TensorShapeProto.Dimension in the schema; names do not reach the file.
        TensorTypeProto: message({ elem_type: ['int32', 1], shape: ['TensorShapeProto', 2] }),
        TensorShapeProto: message({ dim: ['DimensionProto', 1, 'repeated'] }),
        DimensionProto: message({ dim_value: ['int64', 1], dim_param: ['string', 2] }),
      },
    },
  },
};

function message(fields: Record<string, [type: string, id: number, rule?: 'repeated']>): protobuf.IType {
  const entries = Object.entries(fields).map(([name, [type, id, rule]]) => [name, { type, id, ...(rule && { rule }) }]);
  return { fields: Object.fromEntries(entries) };
}

/** Values of `TensorProto.DataType` in use. */
export const DataType = { FLOAT: 1, INT64: 7 } as const;

/** Values of `AttributeProto.AttributeType` in use. */
export const AttributeType = { FLOAT: 1, INT: 2, STRING: 3, FLOATS: 6, INTS: 7 } as const;

export interface AttributeProto {
  name: string;
  type: number;
  f?: number;
  i?: number;
  s?: Uint8Array;
  floats?: number[];
  ints?: number[];
}

export interface NodeProto {
  name: string;
  op_type: string;
  input: string[];
  output: string[];
  attribute: AttributeProto[];
}

export interface TensorProto {
  name: string;
  data_type: number;
  dims: number[];
  raw_data: Uint8Array;
  /** 1: the values lie in a file of their own. */
  data_location?: number;
}

export interface ValueInfoProto {
  name: string;
  type: { tensor_type: { elem_type: number; shape: { dim: { dim_value?: number; dim_param?: string }[] } } };
}

export interface GraphProto {
  name: string;
  doc_string?: string;
  node: NodeProto[];
  initializer: TensorProto[];
  input: ValueInfoProto[];
  output: ValueInfoProto[];
}

export interface ModelProto {
  ir_version: number;
  producer_name: string;
  producer_version: string;
  opset_import: { domain: string; version: number }[];
  metadata_props: { key: string; value: string }[];
  graph: GraphProto;
}

const modelType = protobuf.Root.fromJSON(DESCRIPTOR).lookupType('onnx.ModelProto');

/** The bytes of an ONNX file. */
export function encodeModel(model: ModelProto): Uint8Array {
  return modelType.encode(modelType.fromObject(model)).finish();
}

/**
 * An ONNX file's bytes with more of its tensors as outputs. Nothing of the file is read or rewritten: protobuf messages are merged
 * by writing one behind the other, so a model whose graph has these outputs alone is put behind.
 */
export function withOutputs(bytes: Uint8Array, names: readonly string[]): Uint8Array {
  const more = modelType.encode(modelType.fromObject({ graph: { output: names.map((name) => ({ name })) } })).finish();
  return Buffer.concat([bytes, more]);
}

/** Reads an ONNX file's bytes; throws protobufjs's RangeError where they end too early. */
export function decodeModel(bytes: Uint8Array): ModelProto {
  const plain = modelType.toObject(modelType.decode(bytes), { longs: Number, arrays: true });
  return plain as unknown as ModelProto;
}
