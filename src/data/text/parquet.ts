import * as zlib from 'node:zlib';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { type Compressors, parquetMetadata, parquetReadObjects, parquetSchema } from 'hyparquet';
import { checkMemory } from '../../engine/memory.js';
import { excerpt, isUserError, QrkdRangeError } from '../../errors.js';
import type { Content } from './content.js';

type Inflate = (bytes: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;
/** Node has it from 22.15 on. */
const { zstdDecompressSync } = zlib as { zstdDecompressSync?: Inflate };

/** No page becomes longer than its header says, whatever is packed in it. */
const limited =
  (inflate: Inflate): Compressors[keyof Compressors] =>
  (bytes, maxOutputLength) =>
    inflate(bytes, { maxOutputLength });

const COMPRESSORS: Compressors = {
  GZIP: limited(gunzipSync),
  BROTLI: limited(brotliDecompressSync),
  ...(zstdDecompressSync && { ZSTD: limited(zstdDecompressSync) }),
};

/**
 * Columns of a Parquet file by name, one value a row: text as strings, integers as numbers.
 *
 * @param columns for each one the names that it may have.
 * @throws {QrkdRangeError} `ERR_QRKD_FORMAT` for a damaged file or a column that is missing or has empty cells, naming the file.
 */
export async function readParquet(
  { bytes, where }: Pick<Content, 'bytes' | 'where'>,
  columns: readonly (readonly string[])[],
): Promise<unknown[][]> {
  const fail = (problem: string): never => {
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${where}: ${problem}`);
  };
  if (bytes.length < 12 || bytes.toString('latin1', bytes.length - 4) !== 'PAR1') {
    fail('is not a complete Parquet file (no PAR1 at its end)');
  }
  try {
    // A buffer of its own: the pool's would come along.
    const file = new Uint8Array(bytes).buffer;
    const metadata = parquetMetadata(file);
    const there = parquetSchema(metadata).children.map(({ element }) => element.name);
    const wanted = columns.map((names) => {
      const name = names.find((candidate) => there.includes(candidate));
      return name ?? fail(`has no column "${names.join('" or "')}", only ${excerpt(there.join(', '), 200)}`);
    });
    const expected = Number(metadata.num_rows);
    // Rows of nothing cost memory, too: a pointer a column at least.
    checkMemory(16 * expected * wanted.length, where);
    const rows = await parquetReadObjects({ file, metadata, columns: wanted, compressors: COMPRESSORS });
    if (rows.length !== expected) fail(`has ${rows.length} rows, its header says ${expected}`);
    return wanted.map((name) =>
      rows.map((row, i) => {
        const value = row[name];
        if (value === null || value === undefined) fail(`row ${i} has nothing in column "${name}"`);
        return typeof value === 'bigint' ? Number(value) : value;
      }),
    );
  } catch (error) {
    if (isUserError(error)) throw error;
    if (zstdDecompressSync === undefined && /codec: ZSTD/.test((error as Error).message)) {
      return fail('is compressed with Zstandard, which Node reads from 22.15 on; write it with snappy');
    }
    // hyparquet trips over what is not there.
    const stumbled = error instanceof TypeError || error instanceof RangeError;
    const why = stumbled ? 'its structure is damaged' : excerpt((error as Error).message, 120);
    return fail(`is not a readable Parquet file (${why})`);
  }
}

/** Refuses values that are no text. */
export function asTexts(values: readonly unknown[], where: string): string[] {
  return values.map((value, i) => {
    if (typeof value === 'string') return value;
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${where}: row ${i} has a ${typeof value} where text was expected`);
  });
}
