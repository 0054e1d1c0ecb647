import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { excerpt, QrkdRangeError } from '../errors.js';

/** Bytes of an element, by the format's names of types. */
const SIZES: Readonly<Record<string, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
};

/** No header is longer, as the format's own library has it: a wrong length must not become an allocation. */
const LONGEST_HEADER = 100_000_000;

/** Where a tensor lies in its file, in bytes from the file's start. */
export interface TensorPlace {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

/** A tensor of 32-bit numbers, row-major. */
export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Tensors of one file or several, read one at a time. */
export interface TensorFiles {
  /** In the order of the files' bytes. */
  readonly names: readonly string[];
  has(name: string): boolean;
  /**
   * A tensor of F32, F16 or BF16, as 32-bit numbers.
   * @throws {QrkdRangeError} `ERR_QRKD_FORMAT` for a tensor that is not there, or of another type.
   */
  read(name: string): Omit<NamedTensor, 'name'>;
  /** The shape alone. */
  shape(name: string): readonly number[];
}

function refuse(path: string, why: string): never {
  throw new QrkdRangeError('ERR_QRKD_FORMAT', `${path}: ${why}`);
}

/**
 * The header of a safetensors file (format: 8 bytes little-endian length of the header, JSON, data), with everything that it
 * says checked: known types, sizes that shapes and types explain, data that follow each other without gap or overlap to the
 * file's end.
 *
 * @param start the first bytes of the file, the header's at least (what is missing of it counts as cut off).
 * @param size bytes of the whole file.
 * @throws {QrkdRangeError} `ERR_QRKD_FORMAT` naming the file and what is wrong.
 */
export function parseSafetensorsHeader(start: Buffer, size: number, path: string): Map<string, TensorPlace> {
  if (size < 8 || start.length < 8) refuse(path, `has ${size} bytes, too few for a safetensors file`);
  const length = Number(start.readBigUInt64LE(0));
  if (length > LONGEST_HEADER || length > size - 8) {
    refuse(path, `says that its header has ${length} bytes, but has ${size}: no safetensors file, or cut off`);
  }
  const first = 8 + length;
  const entries = headerEntries(start.subarray(8, first), path);
  const places = entries.map(([name, entry]) => [name, place(name, entry, first, path)] as const);
  places.sort(([, a], [, b]) => a.start - b.start || a.end - b.end);
  let end = first;
  for (const [name, { start: from, end: to }] of places) {
    if (from < end) refuse(path, `tensor "${excerpt(name)}" overlaps with another one`);
    if (from > end) refuse(path, `has ${from - end} bytes before tensor "${excerpt(name)}" that belong to none`);
    end = to;
  }
  if (end !== size) {
    refuse(
      path,
      end > size ? `is cut off: its tensors end at byte ${end} of ${size}` : `has ${size - end} bytes too many`,
    );
  }
  return new Map(places);
}

function headerEntries(bytes: Buffer, path: string): [string, unknown][] {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    return refuse(path, `its header is not readable as JSON (${excerpt((error as Error).message, 80)})`);
  }
  if (header === null || typeof header !== 'object' || Array.isArray(header)) {
    return refuse(path, 'its header is no JSON object');
  }
  return Object.entries(header).filter(([name]) => name !== '__metadata__');
}

function place(name: string, entry: unknown, first: number, path: string): TensorPlace {
  const label = `tensor "${excerpt(name)}"`;
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  const whole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  if (typeof dtype !== 'string' || !Object.hasOwn(SIZES, dtype)) {
    return refuse(path, `${label} has dtype ${excerpt(String(JSON.stringify(dtype)))}, which is none of safetensors`);
  }
  if (!Array.isArray(shape) || !shape.every(whole)) return refuse(path, `${label} has no shape of whole numbers`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(whole) || offsets[0] > offsets[1]) {
    return refuse(path, `${label} has no data_offsets [begin, end]`);
  }
  const bytes = shape.reduce((product, side) => product * side, SIZES[dtype]);
  if (bytes !== offsets[1] - offsets[0]) {
    refuse(path, `${label} has ${offsets[1] - offsets[0]} bytes, but ${dtype} [${shape.join(', ')}] needs ${bytes}`);
  }
  return { dtype, shape, start: first + offsets[0], end: first + offsets[1] };
}

function failed(path: string, error: unknown): never {
  const { code, message } = error as NodeJS.ErrnoException;
  const why = code === 'ENOENT' ? 'no such file' : code === 'EISDIR' ? 'is a folder, expected a file' : message;
  throw new QrkdRangeError('ERR_QRKD_FILE', `${path}: ${why}`);
}

/** Runs `use` with an open file, and closes it. */
function withFile<T>(path: string, use: (file: number) => T): T {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    return failed(path, error);
  }
  try {
    return use(file);
  } finally {
    closeSync(file);
  }
}

function readBytes(file: number, path: string, start: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length; ) {
    let count: number;
    try {
      count = readSync(file, bytes, done, Math.min(length - done, 2 ** 30), start + done);
    } catch (error) {
      return failed(path, error);
    }
    if (count === 0) refuse(path, 'became shorter while it was read');
    done += count;
  }
  return bytes;
}

/**
 * Opens a `.safetensors` file. Its header is read and checked now, tensors when they are asked for.
 * @throws {QrkdRangeError} `ERR_QRKD_FILE` or `ERR_QRKD_FORMAT`, naming the file.
 */
export function openSafetensors(path: string): TensorFiles {
  const places = withFile(path, (file) => {
    const { size } = fstatSync(file);
    const length = size < 8 ? 0 : Number(readBytes(file, path, 0, 8).readBigUInt64LE(0));
    const header = Math.min(size, length <= LONGEST_HEADER ? 8 + length : 8);
    return parseSafetensorsHeader(readBytes(file, path, 0, header), size, path);
  });
  const find = (name: string): TensorPlace => places.get(name) ?? refuse(path, `has no tensor "${excerpt(name)}"`);
  return {
    names: [...places.keys()],
    has: (name) => places.has(name),
    shape: (name) => find(name).shape,
    read: (name) => {
      const { dtype, shape, start, end } = find(name);
      const decode = DECODERS[dtype];
      if (decode === undefined) {
        return refuse(path, `tensor "${excerpt(name)}" has dtype ${dtype}; expected F32, F16 or BF16`);
      }
      return { shape, data: decode(withFile(path, (file) => readBytes(file, path, start, end - start))) };
    },
  };
}

/**
 * Opens the tensors of a model's folder: `model.safetensors`, or else the files that `model.safetensors.index.json` lists.
 * @throws {QrkdRangeError} `ERR_QRKD_FILE` or `ERR_QRKD_FORMAT`, naming the file.
 */
export function openModelTensors(folder: string): TensorFiles {
  const whole = join(folder, 'model.safetensors');
  const index = `${whole}.index.json`;
  return !existsSync(whole) && existsSync(index)
    ? openShards(readFileSync(index, 'utf8'), index)
    : openSafetensors(whole);
}

function openShards(text: string, index: string): TensorFiles {
  let map: unknown;
  try {
    map = (JSON.parse(text) as { weight_map?: unknown } | null)?.weight_map;
  } catch (error) {
    refuse(index, `is not readable as JSON (${excerpt((error as Error).message, 80)})`);
  }
  const entries = map !== null && typeof map === 'object' ? Object.entries(map) : [];
  // A name and nothing else: an index must not lead out of its folder.
  const local = (file: unknown) => typeof file === 'string' && /^[^/\\]+\.safetensors$/.test(file);
  if (entries.length === 0 || !entries.every(([, file]) => local(file))) {
    refuse(index, 'has no weight_map of tensors to .safetensors files beside it');
  }
  const shards = new Map<string, TensorFiles>();
  for (const file of new Set(entries.map(([, name]) => name as string))) {
    shards.set(file, openSafetensors(join(dirname(index), file)));
  }
  const homes = new Map(entries.map(([name, file]) => [name, shards.get(file as string)!]));
  for (const [name, file] of entries) {
    if (!homes.get(name)!.has(name)) refuse(index, `says that ${file} has tensor "${excerpt(name)}", which it has not`);
  }
  const home = (name: string) => homes.get(name) ?? refuse(index, `lists no tensor "${excerpt(name)}"`);
  return {
    names: [...homes.keys()],
    has: (name) => homes.has(name),
    shape: (name) => home(name).shape(name),
    read: (name) => home(name).read(name),
  };
}

const DECODERS: Readonly<Record<string, (bytes: Buffer) => Float32Array>> = {
  F32: (bytes) => new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4),
  // The upper half of a 32-bit number.
  BF16: (bytes) => wider(bytes, (bits) => bits << 16),
  F16: (bytes) => wider(bytes, halfBits),
};

function wider(bytes: Buffer, convert: (bits: number) => number): Float32Array {
  const narrow = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
  const bits = new Int32Array(narrow.length);
  for (let i = 0; i < narrow.length; i++) bits[i] = convert(narrow[i]);
  return new Float32Array(bits.buffer);
}

/** The bits of an IEEE 754 half as those of a single: exact, for every half is one. */
function halfBits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13);
  if (exponent !== 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  // A subnormal half: its highest bit becomes the implicit one.
  const shift = Math.clz32(fraction) - 21;
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
}

/**
 * Writes a `.safetensors` file of F32, under a temporary name that is then renamed. Its metadata say `format: pt`, which
 * transformers asks for.
 */
export async function writeSafetensors(path: string, tensors: readonly NamedTensor[]): Promise<void> {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let end = 0;
  for (const { name, shape, data } of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [end, end + data.byteLength] };
    end += data.byteLength;
  }
  const json = JSON.stringify(header);
  // Padded, so that numbers lie aligned.
  const text = Buffer.from(json.padEnd(json.length + ((8 - (Buffer.byteLength(json) % 8)) % 8)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  function* content(): Generator<Uint8Array> {
    yield length;
    yield text;
    for (const { data } of tensors) yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  await writeFileAtomic(path, '', { tmpfileCreated: (temporary) => writeFile(temporary, content()) });
}
