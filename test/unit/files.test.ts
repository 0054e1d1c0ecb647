// Matrices in .npy and .csv files: what NumPy and spreadsheets write is read, everything else is refused by name.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { zipSync } from 'fflate';
import {
  readLabelsFile,
  readMatrixFile,
  readNpzFile,
  readVectorFile,
  writeMatrixFile,
  writeNpzFile,
} from '#dist/files/index.js';
import { randomMatrices } from '../matrices.js';

const folder = mkdtempSync(join(tmpdir(), 'qrkd-files-'));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** A .npy file as NumPy lays it out. */
function npy(header: string, data: ArrayBufferView, version = 1): Uint8Array {
  const prefix = version === 1 ? 10 : 12;
  const padded = header.padEnd(Math.ceil((prefix + header.length + 1) / 64) * 64 - prefix - 1);
  const start = Buffer.alloc(prefix);
  start.write('\x93NUMPY', 'latin1');
  start[6] = version;
  if (version === 1) start.writeUInt16LE(padded.length + 1, 8);
  else start.writeUInt32LE(padded.length + 1, 8);
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.concat([start, Buffer.from(`${padded}\n`, 'latin1'), bytes]);
}

const header = (descr: string, shape: string, fortran = false) =>
  `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${shape}, }`;

async function assertRefused(path: string, code: string, ...parts: string[]): Promise<void> {
  await assert.rejects(readMatrixFile(path), (error: Error & { code?: string }) => {
    assert.equal(error.code, `ERR_QRKD_${code}`, error.stack);
    assert.ok(error instanceof RangeError);
    assert.ok(!error.message.includes('\n'), `more than one line: ${error.message}`);
    for (const part of [path, ...parts]) assert.ok(error.message.includes(part), `"${error.message}" lacks ${part}`);
    return true;
  });
}

describe('.npy files', () => {
  const numbers = [1, 2, 3, 4, 5, 6];
  const types: [string, ArrayBufferView][] = [
    ['<f8', Float64Array.from(numbers)],
    ['<f4', Float32Array.from(numbers)],
    ['<f2', Uint16Array.of(0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600)],
    ['<i8', BigInt64Array.from(numbers.map(BigInt))],
    ['<u8', BigUint64Array.from(numbers.map(BigInt))],
    ['<i4', Int32Array.from(numbers)],
    ['<u4', Uint32Array.from(numbers)],
    ['<i2', Int16Array.from(numbers)],
    ['<u2', Uint16Array.from(numbers)],
    ['|i1', Int8Array.from(numbers)],
    ['|u1', Uint8Array.from(numbers)],
  ];
  for (const [descr, data] of types) {
    it(`of ${descr}, in C and Fortran order`, async () => {
      const Expected = descr === '<f4' ? Float32Array : Float64Array;
      const c = await readMatrixFile(file('c.npy', npy(header(descr, '(2, 3)'), data)));
      assert.deepEqual(c, { data: Expected.from(numbers), shape: [2, 3] });
      const fortran = await readMatrixFile(file('f.npy', npy(header(descr, '(2, 3)', true), data)));
      assert.deepEqual(fortran, { data: Expected.of(1, 3, 5, 2, 4, 6), shape: [2, 3] });
    });
  }

  it('of versions 2 and 3, and with negative integers', async () => {
    const expected = { data: Float64Array.of(-1, -300), shape: [1, 2] };
    for (const version of [2, 3]) {
      const path = file(`v${version}.npy`, npy(header('<i2', '(1, 2)'), Int16Array.of(-1, -300), version));
      assert.deepEqual(await readMatrixFile(path), expected);
    }
  });

  it('with an ending in capitals', async () => {
    const path = file('CAPITALS.NPY', npy(header('<f8', '(1, 1)'), Float64Array.of(7)));
    assert.deepEqual(await readMatrixFile(path), { data: Float64Array.of(7), shape: [1, 1] });
  });

  const whole = npy(header('<f8', '(2, 3)'), Float64Array.from(numbers));
  const f8 = (shape: string, count = 6) => npy(header('<f8', shape), Float64Array.from(numbers.slice(0, count)));
  const refusals: [what: string, bytes: Uint8Array, code: string, ...parts: string[]][] = [
    ['an empty file', new Uint8Array(0), 'FORMAT', 'not a complete .npy file'],
    ['its magic string alone', whole.subarray(0, 6), 'FORMAT', 'not a complete .npy file'],
    ['half a header', whole.subarray(0, 40), 'FORMAT', 'not a complete .npy file'],
    ['a number cut in two', whole.subarray(0, whole.length - 3), 'FORMAT', 'not a complete .npy file'],
    [
      'a missing number',
      whole.subarray(0, whole.length - 8),
      'FORMAT',
      'holds 5 numbers',
      '(2, 3) needs 6',
      'truncated',
    ],
    ['a number too many', f8('(1, 5)'), 'FORMAT', 'holds 6 numbers', 'needs 5'],
    ['something else', Buffer.from('PK\x03\x04 not an array at all'), 'FORMAT', 'Not an .npy file'],
    [
      'big-endian numbers',
      npy(header('>f8', '(2, 3)'), Float64Array.from(numbers)),
      'FORMAT',
      'big-endian',
      '.astype("<f8")',
    ],
    ['big-endian integers', npy(header('>i4', '(2, 3)'), Int32Array.from(numbers)), 'FORMAT', 'big-endian'],
    [
      'complex numbers',
      npy(header('<c16', '(1, 3)'), Float64Array.from(numbers)),
      'FORMAT',
      'dtype c16, expected real numbers',
    ],
    ['booleans', npy(header('|b1', '(2, 3)'), Uint8Array.from(numbers)), 'FORMAT', 'dtype b1'],
    ['text', npy(header('<U3', '(1, 2)'), Uint32Array.from([97, 98, 99, 100, 101, 102])), 'FORMAT', 'dtype U3'],
    ['objects', npy(header('|O', '(1, 1)'), Uint8Array.of(0x80, 4)), 'FORMAT', 'Unsupported dtype: |O'],
    [
      'records',
      npy("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (6,), }", Float64Array.from(numbers)),
      'FORMAT',
      'not a complete',
    ],
    ['a single number', npy(header('<f8', '()'), Float64Array.of(1)), 'FORMAT', 'has shape (), expected 2 dimensions'],
    ['a vector', f8('(6,)'), 'FORMAT', 'has shape (6), expected 2 dimensions'],
    ['three dimensions', f8('(1, 2, 3)'), 'FORMAT', 'has shape (1, 2, 3), expected 2 dimensions'],
    ['no rows', f8('(0, 3)', 0), 'SHAPE', 'has 0 rows and 3 columns'],
    ['no columns', f8('(3, 0)', 0), 'SHAPE', 'has 3 rows and 0 columns'],
    ['NaN', npy(header('<f4', '(2, 2)'), Float32Array.of(1, 2, 3, Number.NaN)), 'NOT_FINITE', 'NaN at row 1, column 1'],
    [
      'infinity, found by row in Fortran order too',
      npy(header('<f8', '(2, 2)', true), Float64Array.of(1, Infinity, -Infinity, 4)),
      'NOT_FINITE',
      '-Infinity at row 0, column 1',
    ],
  ];
  for (const [what, bytes, ...expected] of refusals) {
    it(`are refused: ${what}`, () => assertRefused(file('bad.npy', bytes), ...expected));
  }
});

describe('lists', () => {
  const vector = npy(header('<f8', '(3,)'), Float64Array.of(1, 2, 0.5));

  it('of NumPy, of one dimension or two, and of a .csv file', async () => {
    const expected = Float64Array.of(1, 2, 0.5);
    const row = npy(header('<f8', '(1, 3)'), expected);
    const archive = zipSync({ 'p.npy': vector, 'X.npy': row });
    for (const path of [
      file('vector.npy', vector),
      file('row.npy', row),
      file('column.csv', '1\n2\n0.5\n'),
      `${file('lists.npz', Buffer.from(archive))}:p`,
    ]) {
      assert.deepEqual(await readVectorFile(path), expected, path);
    }
    assert.deepEqual(await readLabelsFile(`${join(folder, 'lists.npz')}:p`), expected);
    assert.deepEqual((await readNpzFile(join(folder, 'lists.npz'))).p, { data: expected, shape: [3, 1] });
    await assertRefused(
      `${join(folder, 'lists.npz')}:p`,
      'FORMAT',
      'lists.npz:p: has shape (3), expected 2 dimensions',
    );
  });

  it('are not matrices', async () => {
    const path = file('square.csv', '1,2\n3,4\n');
    await assert.rejects(readVectorFile(path), {
      code: 'ERR_QRKD_SHAPE',
      message: /square\.csv: has shape \[2,2\], expected one row or column/,
    });
  });
});

describe('.npz files', () => {
  const fixture = (name: string) => fileURLToPath(new URL(`../../../test/fixtures/${name}`, import.meta.url));
  const odd = 'name with / and ä';

  for (const name of ['arrays.npz', 'compressed.npz']) {
    it(`of NumPy: ${name}`, async () => {
      const path = fixture(name);
      const X = { data: Float64Array.of(0, 0.125, 0.25, 0.375, 0.5, 0.625), shape: [2, 3] };
      assert.deepEqual(await readMatrixFile(`${path}:X`), X);
      const arrays = await readNpzFile(path);
      assert.deepEqual(Object.keys(arrays), ['X', 'fortran', 'single', odd]);
      assert.deepEqual(arrays.X, X);
      assert.deepEqual(arrays.fortran, { data: X.data, shape: [3, 2] });
      assert.deepEqual(arrays.single, { data: Float32Array.from(X.data), shape: [1, 6] });
      assert.deepEqual(arrays[odd], { data: new Float64Array(2000).fill(0.25), shape: [40, 50] });
    });
  }

  it('are read as they were written, any number of arrays; the same matrices make the same bytes', async () => {
    const [A, B] = [randomMatrices('npz a')(300, 7), randomMatrices('npz b')(1, 1)];
    const arrays = { A, [odd]: { data: Float32Array.from(B.data), shape: B.shape } };
    const [one, two] = [join(folder, 'one.npz'), join(folder, 'two.npz')];
    await writeNpzFile(one, arrays);
    assert.deepEqual(await readNpzFile(one), arrays);
    await writeNpzFile(two, arrays);
    assert.deepEqual(readFileSync(one), readFileSync(two));
    await writeMatrixFile(join(folder, 'K.npz'), A);
    assert.deepEqual(await readMatrixFile(join(folder, 'K.npz')), A, 'a single array needs no name');
    assert.deepEqual(await readMatrixFile(join(folder, 'K.npz:K')), A);
  });

  it('are refused by name where they are not what they should be', async () => {
    const path = fixture('arrays.npz');
    await assertRefused(path, 'FORMAT', 'has 4 arrays (X, fortran, single', 'name one');
    await assert.rejects(readMatrixFile(`${path}:Fortran`), {
      message: /has no array "Fortran" \(did you mean "fortran"/,
    });
    const bytes = readFileSync(fixture('compressed.npz'));
    await assertRefused(file('cut.npz', bytes.subarray(0, 700)), 'FORMAT', 'not a complete .npz file');
    await assertRefused(file('empty.npz', ''), 'FORMAT', 'not a complete .npz file');
    await assertRefused(file('npy.npz', npy(header('<f8', '(1, 1)'), Float64Array.of(1))), 'FORMAT', '.npz file');
    await assertRefused(file('none.npz', zipSync({ 'readme.txt': new Uint8Array(3) })), 'FORMAT', 'has no arrays');
    const cut = { 'x.npy': npy(header('<f8', '(1, 2)'), Float64Array.of(1)) };
    await assertRefused(file('short.npz', zipSync(cut)), 'FORMAT', 'short.npz:x: holds 1 numbers');
    const nan = { 'x.npy': npy(header('<f8', '(1, 2)'), Float64Array.of(1, Number.NaN)) };
    await assertRefused(file('nan.npz', zipSync(nan)), 'NOT_FINITE', 'has NaN at row 0, column 1');
    await assert.rejects(readNpzFile(join(folder, 'nan.npz')), { message: /nan\.npz:x: has NaN at row 0, column 1/ });
    await assertRefused(join(folder, 'missing.npz'), 'FILE', 'no such file');
    await assert.rejects(readMatrixFile(join(folder, 'missing.npz:x')), { message: /missing\.npz: no such file/ });
    // A view of nothing claims to be large: no memory is taken for it.
    const data = { length: 0, byteLength: 2 ** 33 } as never;
    await assert.rejects(writeNpzFile(join(folder, 'large.npz'), { K: { data, shape: [2 ** 15, 2 ** 15] } }), {
      code: 'ERR_QRKD_VALUE',
      message: /less than 4 GiB/,
    });
  });

  it('damaged at any byte are read or refused, never anything else', async () => {
    const bytes = readFileSync(fixture('compressed.npz'));
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at] ^= 0x55;
      try {
        await readNpzFile(file('damaged.npz', damaged));
      } catch (error) {
        assert.match(
          String((error as { code?: string }).code),
          /^ERR_QRKD_(FORMAT|SHAPE|NOT_FINITE|MEMORY)$/,
          `byte ${at}: ${error}`,
        );
      }
    }
  });
});

describe('.csv files', () => {
  const readings: [what: string, text: string, rows: number[][]][] = [
    [
      'plain',
      '1,2\n3,4\n',
      [
        [1, 2],
        [3, 4],
      ],
    ],
    [
      'without a last line end',
      '1,2\n3,4',
      [
        [1, 2],
        [3, 4],
      ],
    ],
    [
      'of Windows, with a byte order mark',
      '\ufeff1,2\r\n3,4\r\n',
      [
        [1, 2],
        [3, 4],
      ],
    ],
    [
      'with blanks and empty lines',
      ' 1 ,\t2 \n\n3,4\n\n',
      [
        [1, 2],
        [3, 4],
      ],
    ],
    [
      'with every way to write a number',
      '-1.5e-3,+2.,.5\n1E2,-0,7',
      [
        [-1.5e-3, 2, 0.5],
        [100, -0, 7],
      ],
    ],
    ['in quotes', '"1","2"\n', [[1, 2]]],
    ['of one column', '1\n2\n3\n', [[1], [2], [3]]],
  ];
  for (const [what, text, rows] of readings) {
    it(`${what} are read`, async () => {
      const { data, shape } = await readMatrixFile(file('good.csv', text));
      assert.ok(data instanceof Float64Array);
      assert.deepEqual({ data: Array.from(data), shape }, { data: rows.flat(), shape: [rows.length, rows[0].length] });
    });
  }

  const refusals: [what: string, text: string, code: string, ...parts: string[]][] = [
    ['an empty file', '', 'SHAPE', 'has 0 rows'],
    ['empty lines alone', '\n\n', 'SHAPE', 'has 0 rows'],
    ['a header', 'a,b\n1,2\n', 'FORMAT', 'line 1, column 1 is "a"', 'no header'],
    ['semicolons', '1;2\n', 'FORMAT', '"1;2"', 'commas'],
    ['blanks as separators', '1 2\n', 'FORMAT', '"1 2"'],
    ['an empty field', '1,\n2,3\n', 'FORMAT', 'line 1, column 2 is ""'],
    ['a comma at the end', '1,2,\n', 'FORMAT', 'line 1, column 3 is ""'],
    ['a word, by the line that an editor shows', '1,2\n\n\n3,four\n', 'FORMAT', 'line 4, column 2 is "four"'],
    ['a short row', '1,2\n3\n', 'FORMAT', 'line 2'],
    ['a long row', '1,2\n3,4,5\n', 'FORMAT', 'line 2'],
    ['an open quote', '"1,2\n', 'FORMAT', 'Quote Not Closed'],
    ['a binary file', '1,2\n\x00\x01\x02', 'FORMAT', 'line 2'],
    ["NumPy's nan", '1,2\n3,nan\n', 'NOT_FINITE', 'NaN at row 1, column 1'],
    ["NumPy's inf", '1,inf\n', 'NOT_FINITE', 'has Infinity at row 0, column 1'],
    ["NumPy's -inf", '1,-inf\n', 'NOT_FINITE', 'has -Infinity at row 0, column 1'],
    ["NumPy's nan", '1,nan\n', 'NOT_FINITE', 'has NaN at row 0, column 1'],
    ['a hexadecimal number', '1,0x10\n', 'FORMAT', 'column 2 is "0x10"'],
    ['binary and octal numbers', '0b1,0o7\n', 'FORMAT', 'column 1 is "0b1"'],
    ['a lone point', '1,.\n', 'FORMAT', 'column 2 is "."'],
    ['a number beyond a double', '1e999,1\n', 'NOT_FINITE', 'Infinity at row 0, column 0'],
  ];
  for (const [what, text, ...expected] of refusals) {
    it(`are refused: ${what}`, () => assertRefused(file('bad.csv', text), ...expected));
  }
});

describe('files', () => {
  it('are refused: missing, a folder, an unknown ending, no ending', async () => {
    await assertRefused(join(folder, 'none.npy'), 'FILE', 'no such file');
    await assertRefused(join(folder, 'no', 'folder.csv'), 'FILE', 'no such file');
    await assertRefused(join(file('plain.csv', '1'), 'x.csv'), 'FILE');
    await assertRefused(file('data.txt', '1,2'), 'FILE', 'expected .npy, .npz or .csv');
    await assertRefused(file('data', '1,2'), 'FILE', 'expected .npy, .npz or .csv');
    mkdirSync(join(folder, 'folder.npy'));
    await assertRefused(join(folder, 'folder.npy'), 'FILE', 'is a folder');
  });

  it('written are read back to the bit, in both precisions and both formats', async () => {
    const { data, shape } = randomMatrices('files')(13, 7, 1e3);
    const single = Float32Array.from(data);
    // -0 is left out: it is written to .csv as 0.
    data.set([0, 1 / 3, 5e-324, 1.7976931348623157e308, 1e21, 1e-7]);
    for (const values of [data, single]) {
      const K = { data: values, shape };
      await writeMatrixFile(join(folder, 'out.npy'), K);
      assert.deepEqual(await readMatrixFile(join(folder, 'out.npy')), K);
      await writeMatrixFile(join(folder, 'out.csv'), K);
      const expected = { data: Float64Array.from(values), shape };
      assert.deepEqual(await readMatrixFile(join(folder, 'out.csv')), expected);
    }
  });

  it('written as .npy are what NumPy writes, byte by byte', async () => {
    for (const data of [Float64Array.of(1, 2, 3), Float32Array.of(1, 2, 3)]) {
      await writeMatrixFile(join(folder, 'out.npy'), { data, shape: [1, 3] });
      const written = readFileSync(join(folder, 'out.npy'));
      assert.deepEqual(written, Buffer.from(npy(header(data instanceof Float32Array ? '<f4' : '<f8', '(1, 3)'), data)));
      assert.equal((written.length - data.byteLength) % 64, 0);
    }
  });

  it('are written whole or not at all, over what was there, leaving nothing else behind', async () => {
    const place = mkdtempSync(join(folder, 'write-'));
    const path = join(place, 'K.csv');
    writeFileSync(path, 'old and longer than what comes after it');
    await writeMatrixFile(path, { data: Float64Array.of(1, 0.5), shape: [1, 2] });
    assert.equal(readFileSync(path, 'utf8'), '1,0.5\n');
    assert.deepEqual(readdirSync(place), ['K.csv']);
    mkdirSync(join(place, 'taken.npy'));
    await assert.rejects(writeMatrixFile(join(place, 'taken.npy'), { data: Float64Array.of(1), shape: [1, 1] }));
    assert.deepEqual(readdirSync(place).sort(), ['K.csv', 'taken.npy']);
  });
});
