import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync, realpathSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Gunzip } from 'minizlib';
import { Parser } from 'tar';
import { excerpt, isUserError, QrkdRangeError } from '../errors.js';
import { readZip } from './zip.js';

/** Takes the bytes of one file in order; `end` comes after the last of them, and never for a file that breaks off. */
export interface Sink {
  write(chunk: Uint8Array): void;
  end(): void;
}

export interface Member {
  /** Name without folders and without `.gz`. */
  name: string;
  /** Name with the folders inside the container, by `/`, without `.gz`. */
  path: string;
  /** Names it in messages: the file's path, or `archive: member`. */
  where: string;
  /** No more bytes than this can come, whatever its own header says. */
  capacity: number;
}

/** Says what to do with a file; undefined leaves it out. */
export type Pick = (member: Member) => Sink | undefined;

/** Bytes read from disk at once. */
const PIECE = 2 ** 20;
/** Deflate's best: 258 bytes out of two bits. */
const LARGEST_RATIO = 1032;

export interface MemberOptions {
  /** Folders inside a folder are read, too, in the order of their names; archives are always read whole. */
  deep?: boolean;
}

/**
 * The files of a folder, or the members of a `.tar`, `.tar.gz` or `.zip` archive, each decompressed if it is gzipped and
 * handed on piece by piece: memory holds a megabyte of them, whatever their size. Synchronous, as decompression is at
 * full speed here and nothing else can be done without the data.
 *
 * @throws RangeError ERR_QRKD_FILE for what cannot be read, ERR_QRKD_FORMAT for damaged or truncated files.
 */
export function readMembers(path: string, pick: Pick, { deep = false }: MemberOptions = {}): void {
  const status = statSync(path, { throwIfNoEntry: false });
  if (!status) throw new QrkdRangeError('ERR_QRKD_FILE', `${path}: no such file or folder`);
  if (status.isDirectory()) {
    readFolder(path, '', deep, pick);
  } else if (startOf(path, 4).equals(Buffer.from('PK\x03\x04', 'latin1'))) {
    readZip(path, (entry, capacity) => {
      const where = `${path}: ${excerpt(entry, 200)}`;
      const sink = pick({ ...namesOf(entry), where, capacity: LARGEST_RATIO * capacity });
      return sink && unpacked(entry, where, sink);
    });
  } else {
    readTar(path, status.size, pick);
  }
}

/**
 * Where the wanted files are: `path` itself, or, where it is a folder without any of them, the first of `inside` (folders
 * and archives, as they are downloaded or unpacked) that it holds.
 */
export function containerOf(path: string, wanted: { test(name: string): boolean }, inside: readonly string[]): string {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return path;
  if (readdirSync(path).some((entry) => wanted.test(plain(entry)))) return path;
  const found = inside.find((name) => existsSync(join(path, name)));
  return found === undefined ? path : join(path, found);
}

/** The whole of a file, for what is small or has to be in memory at once. */
export class BytesSink implements Sink {
  readonly #chunks: Buffer[] = [];
  constructor(private readonly done: (bytes: Buffer) => void) {}
  write(chunk: Uint8Array): void {
    // A copy: the reader uses its buffer again.
    this.#chunks.push(Buffer.from(chunk));
  }
  end(): void {
    this.done(Buffer.concat(this.#chunks));
  }
}

/** One file by itself, decompressed if its name ends with `.gz`; @throws RangeError as {@link readMembers} does. */
export function readFileAlone(path: string, pick: Pick): void {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) {
    throw new QrkdRangeError('ERR_QRKD_FILE', `${path}: no such file`);
  }
  readOne(path, (capacity) => pick({ ...namesOf(basename(path)), where: path, capacity }));
}

const plain = (name: string): string => name.replace(/\.gz$/, '');

const namesOf = (entry: string) => ({ name: plain(basename(entry)), path: plain(entry) });

function readFolder(folder: string, inside: string, deep: boolean, pick: Pick, above: readonly string[] = []): void {
  const real = realpathSync(folder);
  // A link to a folder above would never end.
  if (above.includes(real)) return;
  for (const entry of readdirSync(folder).sort()) {
    const where = join(folder, entry);
    const status = statSync(where, { throwIfNoEntry: false });
    if (status?.isFile()) {
      readOne(where, (capacity) => pick({ ...namesOf(`${inside}${entry}`), where, capacity }));
    } else if (deep && status?.isDirectory()) {
      readFolder(where, `${inside}${entry}/`, deep, pick, [...above, real]);
    }
  }
}

function startOf(path: string, length: number): Buffer {
  const start = Buffer.alloc(length);
  const file = open(path);
  try {
    return start.subarray(0, readSync(file, start));
  } finally {
    closeSync(file);
  }
}

function open(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw new QrkdRangeError('ERR_QRKD_FILE', `${path}: cannot be read (${(error as Error).message})`);
  }
}

/** Reads a file piece by piece; the pieces share one buffer. */
function readPieces(path: string, onPiece: (piece: Buffer) => void): void {
  const file = open(path);
  try {
    const buffer = Buffer.alloc(Math.min(PIECE, fstatSync(file).size || PIECE));
    for (;;) {
      const length = readSync(file, buffer);
      if (length === 0) return;
      onPiece(buffer.subarray(0, length));
    }
  } finally {
    closeSync(file);
  }
}

function readOne(path: string, choose: (capacity: number) => Sink | undefined): void {
  const size = statSync(path).size;
  const packed = path.endsWith('.gz');
  const sink = choose(packed ? LARGEST_RATIO * size : size);
  if (!sink) return;
  const target = unpacked(path, path, sink);
  readPieces(path, (piece) => target.write(piece));
  target.end();
}

/** `sink` behind a decompressor, where the name ends with `.gz`. */
function unpacked(name: string, where: string, sink: Sink): Sink {
  if (!name.endsWith('.gz')) return sink;
  const gunzip = new Gunzip({});
  const guard = new Guard(where, 'gzip file');
  gunzip.on('data', (chunk: Buffer) => guard.run(() => sink.write(chunk)));
  gunzip.on('error', (error) => guard.fail(error));
  return {
    write(chunk) {
      gunzip.write(Buffer.from(chunk));
      guard.check();
    },
    end() {
      gunzip.end();
      guard.check();
      sink.end();
    },
  };
}

function readTar(path: string, size: number, pick: Pick): void {
  const guard = new Guard(path, '.tar, .tar.gz or .zip archive');
  const parser = new Parser({
    strict: true,
    onReadEntry(entry) {
      const where = `${path}: ${excerpt(entry.path, 200)}`;
      const ratio = entry.path.endsWith('.gz') ? LARGEST_RATIO : 1;
      const capacity = ratio * Math.min(entry.size, LARGEST_RATIO * size);
      const sink = guard.run(() => {
        if (!entry.type.endsWith('File')) return undefined;
        const chosen = pick({ ...namesOf(entry.path), where, capacity });
        return chosen && unpacked(entry.path, where, chosen);
      });
      if (!sink) return entry.resume();
      entry.on('data', (chunk: Buffer) => guard.run(() => sink.write(chunk)));
      entry.on('end', () => guard.run(() => sink.end()));
    },
  });
  parser.on('error', (error) => guard.fail(error));
  readPieces(path, (piece) => {
    parser.write(Buffer.from(piece));
    guard.check();
  });
  parser.end();
  guard.check();
}

/** Keeps the first error of a library that works with events, until it can be thrown to the caller. */
class Guard {
  #failure: unknown;
  constructor(
    private readonly where: string,
    private readonly kind: string,
  ) {}

  run<T>(work: () => T): T | undefined {
    if (this.#failure !== undefined) return undefined;
    try {
      return work();
    } catch (error) {
      this.#failure = error;
      return undefined;
    }
  }

  fail(error: unknown): void {
    this.#failure ??= error;
  }

  check(): void {
    if (this.#failure === undefined) return;
    if (isUserError(this.#failure)) throw this.#failure;
    const why = excerpt((this.#failure as Error).message, 120).replace(/^[A-Z_]+: |^zlib: /, '');
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${this.where}: is not a complete ${this.kind} (${why})`);
  }
}
