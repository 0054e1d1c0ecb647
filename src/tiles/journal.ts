import { type FileHandle, open, readFile, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { QrkdRangeError } from '../errors.js';
import type { Tile } from './grid.js';
import { difference, type Identity } from './identity.js';
import type { Layout } from './layout.js';

/** The first line of a journal. */
interface Header {
  journal: 1;
  identity: Identity;
  /** [i, n] of a shard's part. */
  shard: [number, number] | null;
  /** Inode of the data, to recognise it after it was renamed. */
  inode: number;
}

/** Making things durable should take at most a tenth of the time, and lose no more work than this. */
const DUTY = 9;
const LONGEST_PAUSE_MS = 10_000;

export const partialOf = (path: string) => `${path}.partial`;
export const journalOf = (path: string) => `${path}.journal`;

/** The header and the tiles of a journal that are durable; undefined where there is none, or only the start of one. */
export async function readJournal(
  path: string,
): Promise<{ header: Header; done: Set<number>; bytes: number } | undefined> {
  let text: string;
  try {
    text = await readFile(journalOf(path), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const [first, ...lines] = text.split('\n').slice(0, -1);
  const header = parseHeader(first);
  if (!header) return undefined;
  const done = new Set<number>();
  let bytes = Buffer.byteLength(first!) + 1;
  for (const line of lines) {
    // A crash may have left a torn line at the end.
    if (!/^\d+( \d+)*$/.test(line)) break;
    for (const index of line.split(' ')) done.add(Number(index));
    bytes += line.length + 1;
  }
  return { header, done, bytes };
}

function parseHeader(line: string | undefined): Header | undefined {
  try {
    const header = JSON.parse(line ?? '') as Header;
    return header.journal === 1 ? header : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A file in the making: `path.partial`, which becomes `path` when all its tiles are written, and `path.journal`, which
 * knows the tiles that would survive a crash.
 */
export class PartialFile {
  private readonly pending: number[] = [];
  private committing: Promise<void> | undefined;
  private failure: unknown;
  private readonly hurry = new AbortController();
  private durable: number;
  private finished = false;

  private constructor(
    readonly path: string,
    private readonly data: FileHandle,
    private readonly journal: FileHandle,
    private journalBytes: number,
    /** Tiles that an earlier run has left. */
    readonly done: ReadonlySet<number>,
  ) {
    this.durable = done.size;
  }

  /** Of the data, for whoever writes it. */
  get fd(): number {
    return this.data.fd;
  }

  /**
   * Opens what an earlier run has left, or starts anew. Undefined if the earlier run had only its journal left to remove.
   *
   * @throws RangeError ERR_QRKD_FILE if the journal is that of another computation; Error with the system's code.
   */
  static async open(
    path: string,
    layout: Layout,
    identity: Identity,
    { shard, tiles, resume }: { shard: [number, number] | null; tiles: number; resume: boolean },
  ): Promise<PartialFile | undefined> {
    const found = resume ? await readJournal(path) : undefined;
    if (found) {
      const changed =
        difference(found.header.identity, identity) ??
        (String(found.header.shard) === String(shard) ? undefined : 'the shard');
      if (changed && found.done.size > 0) {
        throw new QrkdRangeError(
          'ERR_QRKD_FILE',
          `${journalOf(path)} is that of another computation: ${changed} differs; finish that one first, or start anew with resume: false (--no-resume)`,
        );
      }
      const size = (name: string) => stat(name).catch(() => undefined);
      const partial = await size(partialOf(path));
      if (partial?.size === layout.bytes && !changed) {
        const data = await open(partialOf(path), 'r+');
        const journal = await open(journalOf(path), 'r+');
        await journal.truncate(found.bytes);
        return new PartialFile(path, data, journal, found.bytes, found.done);
      }
      const finished = await size(path);
      if (
        !partial &&
        !changed &&
        found.done.size === tiles &&
        finished?.ino === found.header.inode &&
        finished.size === layout.bytes
      ) {
        await rm(journalOf(path));
        return undefined;
      }
    }
    return PartialFile.create(path, layout, identity, shard);
  }

  private static async create(
    path: string,
    layout: Layout,
    identity: Identity,
    shard: [number, number] | null,
  ): Promise<PartialFile> {
    // A new file rather than the old one emptied: another process that still writes the old one must not harm this one.
    await rm(journalOf(path), { force: true });
    await rm(partialOf(path), { force: true });
    await checkSpace(path, layout.bytes);
    const data = await open(partialOf(path), 'wx+');
    await data.truncate(layout.bytes);
    await data.write(layout.header, 0, layout.header.length, 0);
    await data.sync();
    const { ino } = await data.stat();
    const journal = await open(journalOf(path), 'wx+');
    const header = `${JSON.stringify({ journal: 1, identity, shard, inode: ino } satisfies Header)}\n`;
    await journal.write(header, 0);
    await journal.sync();
    await syncFolder(path);
    return new PartialFile(path, data, journal, Buffer.byteLength(header), new Set());
  }

  /** Tells that a tile is written; it is made durable soon. */
  written(tile: Tile): void {
    this.pending.push(tile.index);
    this.committing ??= this.commit()
      .catch((error) => {
        this.failure = error;
      })
      .finally(() => {
        this.committing = undefined;
      });
  }

  /** Data before journal: a tile that the journal names must be on the disk. Writing goes on meanwhile. */
  private async commit(): Promise<void> {
    while (this.pending.length > 0) {
      const start = performance.now();
      const batch = this.pending.splice(0);
      await this.data.datasync();
      const { bytesWritten } = await this.journal.write(`${batch.join(' ')}\n`, this.journalBytes);
      this.journalBytes += bytesWritten;
      this.durable += batch.length;
      await this.journal.datasync();
      const pause = Math.min(LONGEST_PAUSE_MS, DUTY * (performance.now() - start));
      await setTimeout(pause, undefined, { signal: this.hurry.signal }).catch(() => undefined);
    }
  }

  /** @throws Error that keeps data from becoming durable. */
  check(): void {
    if (this.failure) throw this.failure;
  }

  /** Makes everything durable that was written and closes the files, for a later run to resume if there is anything. */
  async close(): Promise<void> {
    try {
      await this.settle();
    } finally {
      await this.data.close();
      await this.journal.close();
    }
    if (this.finished || this.durable > 0) return;
    await rm(journalOf(this.path), { force: true });
    await rm(partialOf(this.path), { force: true });
  }

  /** Gives the complete file its name. */
  async finish(): Promise<void> {
    await this.settle();
    const [here, named] = [await this.data.stat(), await stat(partialOf(this.path)).catch(() => undefined)];
    if (here.ino !== named?.ino) {
      throw new Error(`${this.path}: another process has replaced ${partialOf(this.path)} in the meantime`);
    }
    await this.data.sync();
    await rename(partialOf(this.path), this.path);
    await syncFolder(this.path);
    await rm(journalOf(this.path), { force: true });
    this.finished = true;
  }

  private async settle(): Promise<void> {
    this.hurry.abort();
    await this.committing;
    this.check();
    // What was written in the moment in which the last commit ended.
    await this.commit();
  }
}

async function checkSpace(path: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(resolve(path)));
  if (bavail * bsize >= bytes) return;
  throw new QrkdRangeError('ERR_QRKD_FILE', `${path}: needs ${bytes} bytes, but its disk has ${bavail * bsize} left`);
}

/** Makes names durable. Folders cannot be opened on Windows, which needs no such thing. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(dirname(resolve(path)), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
