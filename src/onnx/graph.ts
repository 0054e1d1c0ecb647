import {
  type AttributeProto,
  AttributeType,
  DataType,
  type GraphProto,
  type NodeProto,
  type ValueInfoProto,
} from './schema.js';

/** A size, or nothing where it is known only at run time (the batch). */
export type Shape = readonly (number | null)[];

/**
 * A tensor in the graph under construction. tfjs keeps images as `[batch, height, width, channels]`, ONNX's image
 * operators want channels second; `layout` says how this one lies, `shape` is always tfjs's.
 */
export interface Value {
  readonly name: string;
  readonly shape: Shape;
  readonly layout: 'channels-last' | 'channels-first';
}

export type Attribute = number | string | readonly number[] | { readonly float: number };

const TO_FIRST = [0, 3, 1, 2];
const TO_LAST = [0, 2, 3, 1];

/** Collects the nodes, constants, inputs and outputs of one ONNX graph, with unique names and few transpositions. */
export class GraphBuilder {
  private readonly nodes: NodeProto[] = [];
  private readonly constants = new Map<string, { dims: readonly number[]; type: number; bytes: Uint8Array }>();
  private readonly inputs: ValueInfoProto[] = [];
  private readonly nodeNames = new Set<string>();
  private readonly valueNames = new Set<string>();
  /** Each value's twin in the other layout, so that none is transposed twice, nor there and back. */
  private readonly twins = new Map<string, Value>();

  input(name: string, shape: Shape, elementType: number): Value {
    const unique = fresh(this.valueNames, name);
    this.inputs.push(valueInfo(unique, shape, elementType));
    return { name: unique, shape, layout: 'channels-last' };
  }

  /** Adds a node with one output, named after it, and returns that output's name. */
  node(name: string, operator: string, inputs: readonly string[], attributes: Record<string, Attribute> = {}): string {
    const output = fresh(this.valueNames, name);
    this.nodes.push({
      name: fresh(this.nodeNames, name),
      op_type: operator,
      input: [...inputs],
      output: [output],
      attribute: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
    });
    return output;
  }

  /** A float constant. One that exists under this name is used again: a layer applied twice shares its weights. */
  constant(name: string, dims: readonly number[], data: Float32Array): string {
    return this.addConstant(name, dims, DataType.FLOAT, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }

  /** A 64-bit integer constant, of no axes. */
  integer(name: string, value: number): string {
    const data = BigInt64Array.of(BigInt(value));
    return this.addConstant(name, [], DataType.INT64, new Uint8Array(data.buffer));
  }

  /** A constant vector of 64-bit integers, ONNX's type for shapes. */
  integers(name: string, values: readonly number[]): string {
    const data = BigInt64Array.from(values, BigInt);
    return this.addConstant(name, [values.length], DataType.INT64, new Uint8Array(data.buffer));
  }

  channelsFirst(value: Value): Value {
    return this.inLayout(value, 'channels-first', TO_FIRST, 'nchw');
  }

  /** The value as tfjs has it; a no-op for anything but a transposed image. */
  channelsLast(value: Value): Value {
    return this.inLayout(value, 'channels-last', TO_LAST, 'nhwc');
  }

  /** The finished graph. Outputs get the names asked for, as far as these are unique, and tfjs's layout. */
  build(name: string, outputs: readonly { value: Value; name: string }[]): GraphProto {
    const renames = new Map<string, string>();
    const inputNames = this.inputs.map((info) => info.name);
    const taken = new Set(inputNames);
    const output = outputs.map(({ value, name: wanted }) => {
      const source = this.channelsLast(value).name;
      const final = fresh(taken, wanted);
      // A value can bear one name: inputs, and what is an output already, pass through a node.
      const end = inputNames.includes(source) || renames.has(source) ? this.node(final, 'Identity', [source]) : source;
      renames.set(end, final);
      return valueInfo(final, value.shape, DataType.FLOAT);
    });
    for (const info of output) {
      if (!renames.has(info.name)) renames.set(info.name, fresh(this.valueNames, `${info.name}/inner`));
    }
    const renamed = (names: string[]) => names.map((label) => renames.get(label) ?? label);
    const node = this.nodes.map((n) => ({ ...n, input: renamed(n.input), output: renamed(n.output) }));
    const initializer = [...this.constants].map(([label, { dims, type, bytes }]) => ({
      name: label,
      dims: [...dims],
      data_type: type,
      raw_data: bytes,
    }));
    return { name, node, initializer, input: this.inputs, output };
  }

  private addConstant(name: string, dims: readonly number[], type: number, bytes: Uint8Array): string {
    if (!this.constants.has(name)) {
      this.valueNames.add(name);
      // Copied: what a backend hands out may be its own memory.
      this.constants.set(name, { dims, type, bytes: bytes.slice() });
    }
    return name;
  }

  private inLayout(value: Value, layout: Value['layout'], perm: number[], suffix: string): Value {
    if (value.layout === layout || value.shape.length !== 4) return value;
    const known = this.twins.get(value.name);
    if (known) return known;
    const name = this.node(`${value.name}/${suffix}`, 'Transpose', [value.name], { perm });
    const twin: Value = { name, shape: value.shape, layout };
    this.twins.set(value.name, twin);
    this.twins.set(name, value);
    return twin;
  }
}

function fresh(taken: Set<string>, name: string): string {
  let unique = name;
  for (let n = 1; taken.has(unique); n++) unique = `${name}_${n}`;
  taken.add(unique);
  return unique;
}

function attribute(name: string, value: Attribute): AttributeProto {
  if (typeof value === 'string') return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) };
  if (typeof value === 'number') return { name, type: AttributeType.INT, i: value };
  if ('float' in value) return { name, type: AttributeType.FLOAT, f: value.float };
  return { name, type: AttributeType.INTS, ints: [...value] };
}

/**
 * The first axis is the batch where its size is open, and the second of what is no image the sequence, so that all inputs and
 * outputs share their names.
 */
function valueInfo(name: string, shape: Shape, elementType: number): ValueInfoProto {
  const dim = shape.map((size, axis) => {
    if (size !== null) return { dim_value: size };
    if (axis === 0) return { dim_param: 'batch' };
    return { dim_param: axis === 1 && shape.length < 4 ? 'sequence' : `${name}_${axis}` };
  });
  return { name, type: { tensor_type: { elem_type: elementType, shape: { dim } } } };
}
