import { CsvError, parse } from 'csv-parse/sync';
import type { Matrix } from '../engine/types.js';
import { excerpt, QrkdRangeError } from '../errors.js';

/** Characters written at once, or a little more. */
const PIECE = 2 ** 16;

/**
 * A comma-separated file without header as a float64 matrix.
 *
 * @throws RangeError ERR_QRKD_FORMAT naming the file, the line and the column (lines count from 1, as editors do).
 */
export function parseCsv(bytes: Buffer, path: string): Matrix {
  let records: { record: string[]; info: { lines: number } }[];
  try {
    records = parse(bytes, { trim: true, skip_empty_lines: true, bom: true, info: true }) as never;
  } catch (error) {
    if (error instanceof CsvError)
      throw new QrkdRangeError('ERR_QRKD_FORMAT', `${path}: ${excerpt(error.message, 200)}`);
    throw error;
  }
  const columns = records[0]?.record.length ?? 0;
  const data = new Float64Array(records.length * columns);
  records.forEach(({ record, info }, i) => {
    record.forEach((text, j) => {
      const value = parseNumber(text);
      if (value === undefined) {
        throw new QrkdRangeError(
          'ERR_QRKD_FORMAT',
          `${path}: line ${info.lines}, column ${j + 1} is "${excerpt(text)}", expected a number (no header, commas between columns)`,
        );
      }
      data[i * columns + j] = value;
    });
  });
  return { data, shape: [records.length, columns] };
}

/** A decimal number, or one of NumPy's spellings of what is not finite; Number() would also take hexadecimal and ''. */
function parseNumber(text: string): number | undefined {
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text);
  const [, sign, word] = /^([+-]?)(nan|inf|infinity)$/i.exec(text) ?? [];
  if (word === undefined) return undefined;
  return word.toLowerCase() === 'nan' ? Number.NaN : sign === '-' ? -Infinity : Infinity;
}

/** The matrix as lines of comma-separated numbers, each with all its digits, in pieces of many lines. */
export function* formatCsv({ data, shape: [rows, columns] }: Matrix): Generator<string> {
  let piece = '';
  for (let i = 0; i < rows; i++) {
    piece += `${data.subarray(i * columns, (i + 1) * columns).join(',')}\n`;
    if (piece.length < PIECE && i < rows - 1) continue;
    yield piece;
    piece = '';
  }
}
