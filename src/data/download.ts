import { createHash } from 'node:crypto';
import { createReadStream, rmSync, statSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm, statfs, writeFile } from 'node:fs/promises';
import http, { type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as wait } from 'node:timers/promises';
import type { SourceFile } from './sources.js';

export interface DownloadOptions {
  /** Stops it; what has come is kept for the next time. Rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Bytes that are there so far; falls back where a server starts anew. */
  onProgress?: (bytes: number) => void;
  /** One line on every attempt that failed and what is done next. */
  onNote?: (line: string) => void;
  /** Tries of one URL without any byte between them. */
  attempts?: number;
  /** Milliseconds before the second try, doubled for each further one. */
  delay?: number;
  /** Milliseconds without data after which a connection counts as lost. */
  silence?: number;
}

const MB = 1e6;
const REDIRECTS = 5;
const megabytes = (bytes: number): string => `${(bytes / MB).toFixed(bytes < 10 * MB ? 1 : 0)} MB`;

/** What the next try of the same URL may mend. */
class PassingError extends Error {}

/** Where the part of a file that is there came from; only the same answer of the same server is continued. */
interface Origin {
  url: string;
  /** Strong ETag or Last-Modified, for If-Range (RFC 9110, 13.1.5). */
  validator?: string;
}

/**
 * Downloads one file: to `target.partial` first, then, when its checksum is right, under its name. A connection that breaks off
 * is taken up where it was, in this call or in a later one, if the server still has the same file; else the file is begun
 * anew. Every URL is tried several times, then the next one.
 *
 * @param urls in the order in which they are tried.
 * @throws Error one line with what each URL answered; where the checksum is wrong both sums, and the file is removed.
 */
export async function download(
  file: SourceFile,
  target: string,
  urls: readonly string[],
  options: DownloadOptions = {},
): Promise<void> {
  const { signal, onNote } = options;
  signal?.throwIfAborted();
  await checkRoom(file, target);
  const failures: string[] = [];
  for (const url of urls) {
    try {
      await fromMirror(url, file, target, options);
      return;
    } catch (error) {
      signal?.throwIfAborted();
      const local = localProblem(error as NodeJS.ErrnoException);
      if (local) throw new Error(`${target}: ${local}`);
      failures.push(`${url}: ${(error as Error).message}`);
      if (failures.length < urls.length) onNote?.(`${failures.at(-1)}; trying the next mirror`);
    }
  }
  throw new Error(`${file.name} could not be fetched (${failures.join('; ')})`);
}

/** SHA-256 of a file, in hexadecimal. */
export async function sha256Of(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash, { signal });
  return hash.digest('hex');
}

const partialOf = (target: string): string => `${target}.partial`;
const originOf = (target: string): string => `${target}.partial.origin`;
const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** Words for what is wrong on this machine, which no other mirror mends. */
function localProblem({ code, path, syscall }: NodeJS.ErrnoException): string | undefined {
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'the disk is full; what has come is kept';
  if (code === 'EROFS') return 'the file system is read-only';
  if ((code === 'EACCES' || code === 'EPERM') && path !== undefined) return `permission denied (${path})`;
  if ((code === 'ENOTDIR' || code === 'EEXIST') && syscall === 'mkdir') return `${path} is a file, expected a folder`;
  return undefined;
}

async function checkRoom(file: SourceFile, target: string): Promise<void> {
  let free: number;
  try {
    await mkdir(dirname(target), { recursive: true });
    const { bavail, bsize } = await statfs(dirname(target));
    free = bavail * bsize;
  } catch (error) {
    throw new Error(`${target}: ${localProblem(error as NodeJS.ErrnoException) ?? (error as Error).message}`);
  }
  const needed = (file.bytes ?? 0) - sizeOf(partialOf(target));
  if (free < needed) {
    throw new Error(`${target}: needs ${megabytes(needed)} of disk space, ${megabytes(free)} are free`);
  }
}

async function fromMirror(url: string, file: SourceFile, target: string, options: DownloadOptions): Promise<void> {
  const { signal, onNote, attempts = 5, delay = 1000 } = options;
  for (let failed = 0; ; ) {
    const before = sizeOf(partialOf(target));
    try {
      await transfer(url, file, target, options);
      break;
    } catch (error) {
      signal?.throwIfAborted();
      // Whoever gets on is not given up.
      failed = sizeOf(partialOf(target)) > before ? 1 : failed + 1;
      if (!(error instanceof PassingError) || failed >= attempts) throw error;
      const pause = delay * 2 ** (failed - 1);
      onNote?.(`${url}: ${error.message}; trying again in ${(pause / 1000).toFixed(pause < 1000 ? 1 : 0)} s`);
      await wait(pause, undefined, { signal });
    }
  }
  const found = await sha256Of(partialOf(target), signal);
  await rm(originOf(target), { force: true });
  if (found !== file.sha256) {
    await rm(partialOf(target));
    throw new Error(`has another content: SHA-256 ${found}, expected ${file.sha256}; the file was removed`);
  }
  await rename(partialOf(target), target);
}

/** One request, from where the last one ended. */
async function transfer(url: string, file: SourceFile, target: string, options: DownloadOptions): Promise<void> {
  const partial = partialOf(target);
  let offset = await resumable(url, target);
  if (offset === file.bytes) return;
  const { validator } = offset > 0 ? await readOrigin(target) : {};
  const range = validator !== undefined && { range: `bytes=${offset}-`, 'if-range': validator };
  const response = await get(url, { 'accept-encoding': 'identity', ...range }, options);
  try {
    const { statusCode: status = 0, headers } = response;
    if (status === 416) startAnew(target, 'has no more bytes than were there');
    if (status !== 200 && status !== 206) {
      const answer = `answered ${status} ${http.STATUS_CODES[status] ?? ''}`.trim();
      throw status >= 500 || status === 429 || status === 408 ? new PassingError(answer) : new Error(answer);
    }
    const now = validatorOf(headers);
    // Where our table has no size, what the server says of it.
    let expected = file.bytes;
    if (status === 206) {
      const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers['content-range'] ?? '') ?? [];
      // A server that does not know If-Range sends the rest of what may be another file; one that does may leave the date out.
      if (Number(start) !== offset || (now !== undefined && now !== validator))
        startAnew(target, 'has another file now');
      if (total !== '*') expected = checkSize(Number(total), file);
    } else {
      offset = 0;
      if (headers['content-length'] !== undefined) expected = checkSize(Number(headers['content-length']), file);
      await writeFile(originOf(target), JSON.stringify({ url, ...(now && { validator: now }) } satisfies Origin));
    }
    let written = offset;
    options.onProgress?.(offset);
    // Written as it comes, so that all that came is kept, however this ends.
    const out = await open(partial, offset > 0 ? 'a' : 'w');
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        if (expected !== undefined && written + chunk.length > expected) {
          throw new Error(`sends more than the ${expected} bytes expected`);
        }
        await out.appendFile(chunk);
        written += chunk.length;
        options.onProgress?.(written);
      }
    } catch (error) {
      throw isLost(error) ? new PassingError(`the connection was lost after ${megabytes(written)}`) : error;
    } finally {
      await out.close();
    }
    if (expected !== undefined && written < expected)
      throw new PassingError(`the connection ended at ${written} of ${expected} bytes`);
  } finally {
    response.destroy();
  }
}

/** The bytes of the partial file that can be continued from this URL. */
async function resumable(url: string, target: string): Promise<number> {
  const size = sizeOf(partialOf(target));
  const origin = await readOrigin(target);
  return size > 0 && origin.url === url && origin.validator !== undefined ? size : 0;
}

async function readOrigin(target: string): Promise<Partial<Origin>> {
  try {
    return JSON.parse(await readFile(originOf(target), 'utf8')) as Origin;
  } catch {
    return {};
  }
}

function startAnew(target: string, why: string): never {
  rmSync(partialOf(target), { force: true });
  rmSync(originOf(target), { force: true });
  throw new PassingError(`${why}; starting anew`);
}

function checkSize(found: number, { bytes }: SourceFile): number {
  if (bytes === undefined || found === bytes) return found;
  throw new Error(`has a file of ${found} bytes, expected ${bytes}`);
}

/** Weak ETags say that two files mean the same, not that their bytes are. */
function validatorOf({ etag, 'last-modified': modified }: http.IncomingHttpHeaders): string | undefined {
  return etag !== undefined && !etag.startsWith('W/') ? etag : modified;
}

function isLost(error: unknown): boolean {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return ['ECONNRESET', 'ETIMEDOUT', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'].includes(code ?? '') && syscall !== 'write';
}

/** The answer to a GET request behind redirections, its bytes as they are sent (`fetch` would unpack some). */
async function get(
  url: string,
  headers: RequestOptions['headers'],
  options: DownloadOptions,
): Promise<IncomingMessage> {
  const { signal, silence = 60_000 } = options;
  let at = url;
  for (let redirects = 0; redirects <= REDIRECTS; redirects++) {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = (at.startsWith('https:') ? https : http).get(at, { headers, signal, timeout: silence }, resolve);
      const lost = () => Object.assign(new Error(`no data for ${silence / 1000} s`), { code: 'ETIMEDOUT' });
      request.on('timeout', () => request.destroy(lost()));
      request.on('error', ({ code, message }: NodeJS.ErrnoException) => {
        reject(code === 'ENOTFOUND' ? new Error('no such host, or no network') : new PassingError(message || code));
      });
    });
    const { location } = response.headers;
    if (![301, 302, 303, 307, 308].includes(response.statusCode ?? 0) || location === undefined) return response;
    response.destroy();
    at = new URL(location, at).href;
    if (!/^https?:/.test(at)) throw new Error(`redirects to ${at}`);
  }
  throw new Error(`redirects more than ${REDIRECTS} times`);
}
