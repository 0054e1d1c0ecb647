import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { InflateRaw } from 'minizlib';
import { excerpt, QrkdRangeError } from '../errors.js';
import type { Sink } from './members.js';

/** Sizes of the fixed parts of a `.zip` file's records (PKWARE's APPNOTE, 4.3.7, 4.3.12 and 4.3.16). */
const END = 22;
const ENTRY = 46;
const LOCAL = 30;
const LONGEST_COMMENT = 65_535;
const STORED = 0;
const DEFLATED = 8;
const PIECE = 2 ** 20;

/**
 * The files of a `.zip` archive, piece by piece. Its list is read first, then only what was chosen: EMNIST's archive has
 * 562 MB of which one set needs a tenth, and fflate would take it whole.
 *
 * @param pick takes a name and the bytes that its data occupy in the archive.
 */
export function readZip(path: string, pick: (name: string, size: number) => Sink | undefined): void {
  const fail = (why: string): never => {
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${path}: is not a complete .zip archive (${why})`);
  };
  const file = openSync(path, 'r');
  try {
    const size = fstatSync(file).size;
    const read = (offset: number, length: number): Buffer => {
      if (offset + length > size) fail('it is truncated');
      const bytes = Buffer.alloc(length);
      if (readSync(file, bytes, 0, length, offset) !== length) fail('it is truncated');
      return bytes;
    };
    const tail = read(Math.max(0, size - END - LONGEST_COMMENT), Math.min(size, END + LONGEST_COMMENT));
    const end = tail.lastIndexOf('PK\x05\x06', undefined, 'latin1');
    if (end < 0 || end + END > tail.length) fail('it has no list of files at its end');
    const list = read(tail.readUInt32LE(end + 16), tail.readUInt32LE(end + 12));
    for (let at = 0; at + ENTRY <= list.length; ) {
      if (list.readUInt32LE(at) !== 0x02014b50) fail('its list of files is damaged');
      const method = list.readUInt16LE(at + 10);
      const packed = list.readUInt32LE(at + 20);
      const nameLength = list.readUInt16LE(at + 28);
      const local = list.readUInt32LE(at + 42);
      const name = list.toString('utf8', at + ENTRY, at + ENTRY + nameLength);
      at += ENTRY + nameLength + list.readUInt16LE(at + 30) + list.readUInt16LE(at + 32);
      const sink = name.endsWith('/') ? undefined : pick(name, packed);
      if (!sink) continue;
      if (method !== STORED && method !== DEFLATED) fail(`${excerpt(name)} is compressed by method ${method}`);
      const header = read(local, LOCAL);
      const start = local + LOCAL + header.readUInt16LE(26) + header.readUInt16LE(28);
      const target = method === DEFLATED ? inflated(sink, (why) => fail(`${excerpt(name)}: ${why}`)) : sink;
      for (let done = 0; done < packed; done += PIECE) {
        target.write(read(start + done, Math.min(PIECE, packed - done)));
      }
      target.end();
    }
  } finally {
    closeSync(file);
  }
}

function inflated(sink: Sink, fail: (why: string) => never): Sink {
  const inflate = new InflateRaw({});
  let failure: Error | undefined;
  inflate.on('data', (chunk: Buffer) => {
    if (!failure) sink.write(chunk);
  });
  inflate.on('error', (error) => {
    failure ??= error as Error;
  });
  const check = () => failure && fail(failure.message.replace(/^zlib: /, ''));
  return {
    write(chunk) {
      inflate.write(Buffer.from(chunk));
      check();
    },
    end() {
      inflate.end();
      check();
      sink.end();
    },
  };
}
