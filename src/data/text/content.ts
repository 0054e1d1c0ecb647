import { isUtf8 } from 'node:buffer';
import { statSync } from 'node:fs';
import { QrkdRangeError } from '../../errors.js';
import { BytesSink, type Member, type MemberOptions, readFileAlone, readMembers } from '../members.js';

/** A file as it came out of a folder or an archive. */
export interface Content {
  /** Name without folders and without `.gz`. */
  readonly name: string;
  /** Name with the folders inside the container. */
  readonly path: string;
  /** Names it in messages. */
  readonly where: string;
  readonly bytes: Buffer;
}

/** What one string can hold in V8, and so one text. */
const MOST_BYTES = 2 ** 29 - 25;
const ARCHIVE = /\.(zip|tar|tgz|tar\.gz)$/i;

/**
 * The wanted files of a folder, of an archive or of the one file that `path` names.
 *
 * @throws {QrkdRangeError} `ERR_QRKD_FILE` or `ERR_QRKD_FORMAT` as {@link readMembers} does, and for more than 512 MB in a file.
 */
export function collect(path: string, wanted: (member: Member) => boolean, options: MemberOptions = {}): Content[] {
  const found: Content[] = [];
  const pick = (member: Member) => (wanted(member) ? new LimitedSink(member, found) : undefined);
  readMembers(path, pick, options);
  return found;
}

/** The file that `path` names, or the wanted files of a folder or archive there. */
export function collectAny(path: string, wanted: (member: Member) => boolean): Content[] {
  if (ARCHIVE.test(path) || !statSync(path, { throwIfNoEntry: false })?.isFile())
    return collect(path, wanted, { deep: true });
  const found: Content[] = [];
  readFileAlone(path, (member) => new LimitedSink(member, found));
  return found;
}

/** Keeps bytes until a file has ended; a file that breaks off never comes into the list. */
class LimitedSink extends BytesSink {
  #bytes = 0;
  constructor(
    private readonly member: Member,
    found: Content[],
  ) {
    super((bytes) => found.push({ name: member.name, path: member.path, where: member.where, bytes }));
  }
  override write(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    if (this.#bytes > MOST_BYTES) {
      throw new QrkdRangeError(
        'ERR_QRKD_FORMAT',
        `${this.member.where}: has more than the ${MOST_BYTES} bytes that one text can have; split it into several files`,
      );
    }
    super.write(chunk);
  }
}

/**
 * The text of a file in UTF-8; a byte order mark is left out and Windows' line ends become `\n`.
 *
 * @throws {QrkdRangeError} `ERR_QRKD_FORMAT` naming the first line that is no UTF-8, or has a zero byte.
 */
export function textOf({ bytes, where }: Pick<Content, 'bytes' | 'where'>): string {
  const bad = bytes.includes(0) || !isUtf8(bytes) ? firstBadLine(bytes) : undefined;
  if (bad) throw new QrkdRangeError('ERR_QRKD_FORMAT', `${where}: ${bad}, expected text in UTF-8`);
  return bytes
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .replaceAll('\r\n', '\n');
}

function firstBadLine(bytes: Buffer): string {
  let start = 0;
  for (let line = 1; ; line++) {
    const end = bytes.indexOf(0x0a, start);
    const piece = bytes.subarray(start, end < 0 ? bytes.length : end);
    if (piece.includes(0)) return `line ${line} has a zero byte`;
    if (!isUtf8(piece) || end < 0) return `line ${line} is not UTF-8`;
    start = end + 1;
  }
}
