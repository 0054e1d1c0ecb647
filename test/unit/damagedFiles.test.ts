// Readers of matrix files against damaged input: a matrix or an error of ours, never another one, and nothing taken on
// the word of a header.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatCsv, parseCsv } from '#dist/files/csv.js';
import { formatNpy, parseNpy } from '#dist/files/npy.js';
import { randomMatrices } from '../matrices.js';
import { mutations } from '../mutations.js';

const random = randomMatrices('damaged');
const single = { data: Float32Array.from(random(4, 3).data), shape: [4, 3] as [number, number] };
const headers = [
  ["'|i1'", true, '(2, 3)', 6],
  ["'<i8'", false, '(3, 2)', 48],
  ["'<f2'", false, '(2, 2)', 8],
  ["'>f8'", false, '(1, 1)', 8],
].map(([descr, fortran, shape, size]) => {
  const text = `{'descr': ${descr}, 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${shape}, }`.padEnd(117);
  return Buffer.concat([Buffer.from(`\x93NUMPY\x01\x00\x76\x00${text}\n`, 'latin1'), Buffer.alloc(Number(size), 7)]);
});

const READERS = [
  {
    name: '.npy',
    parse: parseNpy,
    samples: [...headers, ...[random(3, 4), random(1, 1), single].map((m) => Buffer.concat([...formatNpy(m)]))],
    tokens: [
      "'<f8'",
      "'<c16'",
      "'|O'",
      "'<U4'",
      "'|b1'",
      'True',
      '(3,)',
      '()',
      '(2, 3, 4)',
      "'shape': ",
      '\x93NUMPY',
      '}',
    ],
  },
  {
    name: '.csv',
    parse: parseCsv,
    samples: [random(3, 4), random(1, 1), single].map((m) => Buffer.from([...formatCsv(m)].join(''))),
    tokens: [
      'nan',
      'inf',
      '-Infinity',
      '"',
      '""',
      ',',
      '\r\n',
      '\ufeff',
      '1e400',
      '0x10',
      '1_000',
      'a',
      '\0',
      '#',
      ';',
    ],
  },
];

for (const { name, parse, samples, tokens } of READERS) {
  describe(`damaged ${name} files`, () => {
    it('the samples themselves are read, except big-endian ones', () => {
      const read = samples.filter((bytes) => {
        try {
          return parse(bytes, 'x').data.length > 0;
        } catch {
          return false;
        }
      });
      assert.ok(read.length >= samples.length - 1);
    });

    it('are read as a matrix of their shape or refused in one line', () => {
      const counts = { read: 0, refused: 0 };
      for (const bytes of mutations(name, samples, tokens)) {
        try {
          const { data, shape } = parse(bytes, 'x');
          assert.ok(shape.length === 2 && shape.every((side) => Number.isInteger(side) && side >= 0));
          assert.equal(data.length, shape[0] * shape[1]);
          assert.ok(data.length <= bytes.length, `${data.length} numbers out of ${bytes.length} bytes`);
          counts.read++;
        } catch (error) {
          const { code, message, stack } = error as Error & { code?: string };
          assert.equal(code, 'ERR_QRKD_FORMAT', `${JSON.stringify(bytes.toString('latin1'))}: ${stack}`);
          assert.ok(message.startsWith('x: ') && !message.includes('\n'), JSON.stringify(message));
          counts.refused++;
        }
      }
      // Both happen, or the damages are too small or too large to show anything.
      assert.ok(counts.read > 10 && counts.refused > 10, JSON.stringify(counts));
    });
  });
}
