// The reader of safetensors: values of all types it reads, and headers that lie.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  openModelTensors,
  openSafetensors,
  parseSafetensorsHeader,
  writeSafetensors,
} from '#dist/files/safetensors.js';
import { mutations } from '../../mutations.js';

const FIXTURES = fileURLToPath(new URL('../../../../test/fixtures/gpt2', import.meta.url));

let scratch: string;
before(() => {
  scratch = mkdtempSync(join(tmpdir(), 'qrkd-tensors-'));
});
after(() => rmSync(scratch, { recursive: true, force: true }));

function file(header: unknown, data: Uint8Array): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, data]);
}

const written = (bytes: Buffer): string => {
  const path = join(scratch, 'some.safetensors');
  writeFileSync(path, bytes);
  return path;
};

const half = { dtype: 'F16', shape: [2], data_offsets: [0, 4] };

describe('01 values', () => {
  it('are exact: every number of 16 bits, in both forms', () => {
    const bits = Uint16Array.from({ length: 65536 }, (_, i) => i);
    for (const [dtype, exponents, fractions] of [
      ['F16', 5, 10],
      ['BF16', 8, 7],
    ] as const) {
      const header = { x: { dtype, shape: [256, 256], data_offsets: [0, 131072] } };
      const { shape, data } = openSafetensors(written(file(header, new Uint8Array(bits.buffer)))).read('x');
      assert.deepEqual(shape, [256, 256]);
      // IEEE 754's definition, in 64 bits.
      const bias = 2 ** (exponents - 1) - 1;
      for (let i = 0; i < 65536; i++) {
        const sign = i >> 15 ? -1 : 1;
        const exponent = (i >> fractions) & (2 ** exponents - 1);
        const fraction = (i & (2 ** fractions - 1)) / 2 ** fractions;
        const special = fraction === 0 ? sign * Infinity : NaN;
        const normal = exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias);
        const value = exponent === 2 ** exponents - 1 ? special : sign * normal;
        if (!Object.is(data[i], value)) assert.fail(`${dtype} ${i}: ${data[i]}, expected ${value}`);
      }
    }
  });

  it('are written and read back, with names of any characters', async () => {
    const path = join(scratch, 'names.safetensors');
    const tensors = [
      { name: 'a "quoted" ü', shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, -0) },
      { name: 'empty', shape: [0, 4], data: new Float32Array() },
      { name: 'number', shape: [], data: Float32Array.of(7) },
    ];
    await writeSafetensors(path, tensors);
    assert.equal(Number(readFileSync(path).readBigUInt64LE(0)) % 8, 0);
    const files = openSafetensors(path);
    assert.deepEqual(
      files.names,
      tensors.map(({ name }) => name),
    );
    for (const { name, ...tensor } of tensors) assert.deepEqual(files.read(name), tensor);
    assert.throws(() => files.read('other'), /names\.safetensors: has no tensor "other"$/);
  });

  it('of other types are named, not read', () => {
    const path = written(file({ x: { dtype: 'I32', shape: [1], data_offsets: [0, 4] } }, Buffer.alloc(4)));
    assert.throws(() => openSafetensors(path).read('x'), /tensor "x" has dtype I32; expected F32, F16 or BF16$/);
  });
});

describe('02 files that lie', () => {
  const REFUSED: [what: string, bytes: Buffer, message: RegExp][] = [
    ['nothing', Buffer.alloc(0), /has 0 bytes, too few for a safetensors file$/],
    [
      'a long header',
      file(`${'x'.repeat(10)}`, Buffer.alloc(0)).subarray(0, 12),
      /says that its header has 10 bytes, but has 12:/,
    ],
    ['an endless header', Buffer.alloc(64, 255), /says that its header has \d+ bytes, but has 64:/],
    ['no JSON', file('{"x": ', Buffer.alloc(0)), /its header is not readable as JSON/],
    ['no UTF-8', file('', Buffer.alloc(0)), /its header is not readable as JSON/],
    ['a list', file([half], Buffer.alloc(4)), /its header is no JSON object$/],
    ['no tensor', file({ x: null }, Buffer.alloc(4)), /tensor "x" has dtype undefined, which is none of safetensors$/],
    ['another type', file({ x: { ...half, dtype: 'F24' } }, Buffer.alloc(4)), /has dtype "F24", which is none/],
    ['a type of objects', file({ x: { ...half, dtype: 'toString' } }, Buffer.alloc(4)), /has dtype "toString", which/],
    ['a negative shape', file({ x: { ...half, shape: [-2] } }, Buffer.alloc(4)), /has no shape of whole numbers$/],
    [
      'a huge shape',
      file({ x: { ...half, shape: [2 ** 52, 4] } }, Buffer.alloc(4)),
      /has 4 bytes, but F16 \[\d+, 4\] needs \d+$/,
    ],
    [
      'offsets the wrong way',
      file({ x: { ...half, data_offsets: [4, 0] } }, Buffer.alloc(4)),
      /no data_offsets \[begin, end\]$/,
    ],
    ['a wrong size', file({ x: { ...half, shape: [3] } }, Buffer.alloc(4)), /has 4 bytes, but F16 \[3\] needs 6$/],
    [
      'overlapping tensors',
      file({ x: half, y: { ...half, data_offsets: [2, 6] } }, Buffer.alloc(6)),
      /tensor "y" overlaps with/,
    ],
    [
      'a gap',
      file({ x: half, y: { ...half, data_offsets: [6, 10] } }, Buffer.alloc(10)),
      /has 2 bytes before tensor "y" that/,
    ],
    ['cut off', file({ x: half }, Buffer.alloc(3)), /is cut off: its tensors end at byte \d+ of \d+$/],
    ['too long', file({ x: half }, Buffer.alloc(7)), /has 3 bytes too many$/],
  ];
  for (const [what, bytes, message] of REFUSED) {
    it(what, () => {
      assert.throws(
        () => openSafetensors(written(bytes)),
        (error: Error & { code: string }) => {
          assert.match(error.message, message);
          assert.match(error.message, /some\.safetensors: /);
          return error.code === 'ERR_QRKD_FORMAT' && !error.message.includes('\n');
        },
      );
    });
  }

  it('never lead to another error, or to numbers that are not there', () => {
    const samples = ['plain', 'bare', 'bfloat16'].map((name) =>
      readFileSync(join(FIXTURES, name, 'model.safetensors')),
    );
    // The header is what can lie: the numbers are cut to a few.
    const small = file({ x: half, y: { dtype: 'F32', shape: [1, 2], data_offsets: [4, 12] } }, Buffer.alloc(12));
    for (const bytes of mutations(
      'safetensors',
      [...samples, small, small, small],
      ['"F32"', '[', '{', '1e9', '-'],
      600,
    )) {
      try {
        const places = parseSafetensorsHeader(bytes, bytes.length, 'x');
        const end = [...places.values()].reduce((last, place) => Math.max(last, place.end), 0);
        assert.ok(places.size === 0 || end === bytes.length);
      } catch (error) {
        assert.equal((error as { code: string }).code, 'ERR_QRKD_FORMAT', String(error));
      }
    }
  });
});

describe('03 several files', () => {
  const folder = (index: unknown) => {
    const path = mkdtempSync(join(scratch, 'shards-'));
    writeFileSync(
      join(path, 'model.safetensors.index.json'),
      typeof index === 'string' ? index : JSON.stringify(index),
    );
    writeFileSync(join(path, 'one.safetensors'), file({ x: half }, Buffer.alloc(4)));
    return path;
  };
  it('are one', () => {
    const files = openModelTensors(folder({ weight_map: { x: 'one.safetensors' } }));
    assert.deepEqual(files.names, ['x']);
    assert.deepEqual(files.read('x').data, new Float32Array(2));
  });

  it('are refused where the index lies', () => {
    const REFUSED: [index: unknown, message: RegExp][] = [
      ['{', /index\.json: is not readable as JSON/],
      [{}, /has no weight_map of tensors to \.safetensors files beside it$/],
      [{ weight_map: { x: '../one.safetensors' } }, /has no weight_map/],
      [{ weight_map: { x: 'two.safetensors' } }, /two\.safetensors: no such file$/],
      [{ weight_map: { y: 'one.safetensors' } }, /says that one\.safetensors has tensor "y", which it has not$/],
    ];
    for (const [index, message] of REFUSED) assert.throws(() => openModelTensors(folder(index)), message);
    assert.throws(() => openModelTensors(scratch), /model\.safetensors: no such file$/);
  });
});
