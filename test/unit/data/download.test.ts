import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { download } from '#dist/data/download.js';
import { fetchSource } from '#dist/data/fetch.js';
import { scratch } from './refused.js';

const place = scratch();
const SIZE = 300_000;
const CONTENT = Buffer.from(Array.from({ length: SIZE }, (_, i) => (i * 7 + (i >> 8)) & 255));
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const FILE = { name: 'set.bin', bytes: SIZE, sha256: sha256(CONTENT) };
const FAST = { delay: 1, silence: 2000 };

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** What a good server does: whole files, and ranges of the file that the client has begun. */
function serve(
  request: IncomingMessage,
  response: ServerResponse,
  { etag = '"a"', bytes = CONTENT, upTo = SIZE } = {},
) {
  const { range, 'if-range': condition } = request.headers;
  const start = range !== undefined && condition === etag ? Number(/^bytes=(\d+)-$/.exec(range)![1]) : 0;
  const headers = { etag, 'content-length': bytes.length - start, 'accept-ranges': 'bytes' };
  if (start > 0) {
    response.writeHead(206, { ...headers, 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` });
  } else {
    response.writeHead(200, headers);
  }
  if (upTo >= bytes.length) response.end(bytes.subarray(start));
  else cutAfter(response, bytes.subarray(start, upTo), upTo);
}

/** The partial file of the download that is tested. */
let partial: string;

/** Sends the last of `upTo` bytes and, as soon as the client has written all of them, cuts the connection. */
function cutAfter(response: ServerResponse, bytes: Buffer, upTo: number): void {
  response.write(bytes);
  const watch = setInterval(() => {
    if (!response.closed && (statSync(partial, { throwIfNoEntry: false })?.size ?? 0) < upTo) return;
    clearInterval(watch);
    response.destroy();
  }, 2);
}

describe('01 download', () => {
  let server: Server;
  let base: string;
  /** How the server answers, one request after the other; the last one from then on. */
  let answers: Answer[];
  let seen: { url: string; range: string | undefined; condition: string | undefined }[];

  before(async () => {
    server = createServer((request, response) => {
      const { range, 'if-range': condition } = request.headers;
      seen.push({ url: request.url!, range, condition: condition as string | undefined });
      (answers.length > 1 ? answers.shift()! : answers[0])(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    seen = [];
  });

  const target = () => {
    const folder = place();
    mkdirSync(folder);
    partial = join(folder, `${FILE.name}.partial`);
    return join(folder, FILE.name);
  };
  const whole = (path: string) => {
    assert.ok(readFileSync(path).equals(CONTENT));
    assert.ok(!existsSync(`${path}.partial`) && !existsSync(`${path}.partial.origin`));
  };
  const fails = async (work: Promise<unknown>, message: RegExp) =>
    assert.rejects(work, (error: Error) => {
      assert.match(error.message, message);
      assert.ok(!error.message.includes('\n'));
      return true;
    });

  it('brings a whole file under its name, with its progress', async () => {
    answers = [serve];
    const path = target();
    const progress: number[] = [];
    await download(FILE, path, [`${base}/set.bin`], { ...FAST, onProgress: (bytes) => progress.push(bytes) });
    whole(path);
    assert.equal(progress.at(-1), SIZE);
    assert.deepEqual(
      progress,
      progress.toSorted((a, b) => a - b),
    );
  });

  it('goes on where connections were cut, as often as it gets on', async () => {
    const cut =
      (upTo: number): Answer =>
      (request, response) =>
        serve(request, response, { upTo });
    answers = [cut(50_000), cut(90_000), cut(150_000), cut(200_000), cut(250_000), serve];
    const path = target();
    const notes: string[] = [];
    await download(FILE, path, [`${base}/set.bin`], { ...FAST, attempts: 2, onNote: (line) => notes.push(line) });
    whole(path);
    assert.deepEqual(
      seen.map(({ range }) => range),
      [undefined, ...[50_000, 90_000, 150_000, 200_000, 250_000].map((start) => `bytes=${start}-`)],
    );
    assert.ok(seen.slice(1).every(({ condition }) => condition === '"a"'));
    assert.equal(notes.length, 5);
    assert.match(notes[0], /the connection was lost after 0.1 MB; trying again in 0.0 s/);
  });

  it('begins anew where a server ignores ranges, has another file, or says that it has no such range', async () => {
    const half: Answer = (request, response) => serve(request, response, { upTo: SIZE / 2 });
    const ignores: Answer = (_, response) =>
      response.writeHead(200, { 'content-length': SIZE, etag: '"a"' }).end(CONTENT);
    const changed: Answer = (request, response) => serve(request, response, { etag: '"b"' });
    // Does not know If-Range: the rest of the file that it has now.
    const careless: Answer = (request, response) => {
      const start = Number(/\d+/.exec(request.headers.range ?? '0')![0]);
      const headers = { etag: '"b"', 'content-length': SIZE - start };
      if (start > 0) response.writeHead(206, { ...headers, 'content-range': `bytes ${start}-${SIZE - 1}/${SIZE}` });
      else response.writeHead(200, headers);
      response.end(CONTENT.subarray(start));
    };
    const unsatisfiable: Answer = (_, response) => response.writeHead(416).end();
    for (const [second, requests] of [
      [ignores, 2],
      [changed, 2],
      [careless, 3],
      [unsatisfiable, 3],
    ] as const) {
      seen = [];
      answers = [half, second, second === unsatisfiable ? serve : second];
      const path = target();
      await download(FILE, path, [`${base}/set.bin`], FAST);
      whole(path);
      assert.equal(seen[1].range, `bytes=${SIZE / 2}-`);
      assert.equal(seen.length, requests);
      assert.ok(requests === 2 || seen[2].range === undefined);
    }
  });

  it('does not go on without a validator, or from another address', async () => {
    answers = [
      (_, response) => {
        response.writeHead(200, { 'content-length': SIZE });
        cutAfter(response, CONTENT.subarray(0, 1000), 1000);
      },
      (request, response) => serve(request, response, { etag: '"a"', upTo: 2000 }),
      (_, response) => response.writeHead(404).end(),
      serve,
    ];
    const path = target();
    await download(FILE, path, [`${base}/1/set.bin`, `${base}/2/set.bin`], FAST);
    whole(path);
    assert.deepEqual(
      seen.map(({ url, range }) => [url, range]),
      [
        ['/1/set.bin', undefined],
        ['/1/set.bin', undefined],
        ['/1/set.bin', 'bytes=2000-'],
        ['/2/set.bin', undefined],
      ],
    );
  });

  it('tries again after 500 and 429, goes to the next mirror after 404, and follows redirections', async () => {
    const status =
      (code: number): Answer =>
      (_, response) =>
        response.writeHead(code).end('<html>');
    answers = [
      status(500),
      status(429),
      status(404),
      (_, response) => response.writeHead(302, { location: '/elsewhere' }).end(),
      serve,
    ];
    const path = target();
    const notes: string[] = [];
    await download(FILE, path, [`${base}/1`, `${base}/2`], { ...FAST, onNote: (line) => notes.push(line) });
    whole(path);
    assert.deepEqual(
      seen.map(({ url }) => url),
      ['/1', '/1', '/1', '/2', '/elsewhere'],
    );
    assert.match(
      notes.join('\n'),
      /answered 500 Internal Server Error; trying again.*\n.*429.*\n.*404 Not Found; trying the next mirror/,
    );
    answers = [status(503)];
    seen = [];
    const nowhere = download(FILE, target(), [`${base}/1`], { ...FAST, attempts: 3 });
    await fails(nowhere, /set.bin could not be fetched \(http:.*\/1: answered 503 Service Unavailable\)/);
    assert.equal(seen.length, 3);
    await fails(download(FILE, target(), ['http://127.0.0.1:9/x'], { ...FAST, attempts: 2 }), /ECONNREFUSED/);
  });

  it('removes a file with wrong bytes and names both sums; refuses another size at once', async () => {
    const wrong = Buffer.from(CONTENT);
    wrong[123_456] ^= 1;
    answers = [(request, response) => serve(request, response, { bytes: wrong })];
    const path = target();
    const sums = new RegExp(`SHA-256 ${sha256(wrong)}, expected ${FILE.sha256}; the file was removed`);
    await fails(download(FILE, path, [`${base}/set.bin`], FAST), sums);
    assert.ok(!existsSync(path) && !existsSync(`${path}.partial`));
    answers = [(_, response) => response.writeHead(200, { 'content-length': 22 }).end('<html>not found</html>')];
    await fails(
      download(FILE, path, [`${base}/set.bin`], { ...FAST, attempts: 2 }),
      /has a file of 22 bytes, expected 300000/,
    );
    // Without a length: more than there should be.
    answers = [(_, response) => response.writeHead(200).write(CONTENT, () => response.end(CONTENT))];
    await fails(download(FILE, path, [`${base}/set.bin`], FAST), /sends more than the 300000 bytes expected/);
  });

  it('stopped, it keeps what has come, and a later call goes on from there', async () => {
    answers = [(request, response) => void serve(request, response, { upTo: 100_000 })];
    const path = target();
    const controller = new AbortController();
    const stopped = download(FILE, path, [`${base}/set.bin`], {
      ...FAST,
      signal: controller.signal,
      onProgress: (bytes) => bytes >= 100_000 && setTimeout(() => controller.abort(new Error('stopped')), 5),
    });
    await fails(stopped, /^stopped$/);
    const kept = statSync(`${path}.partial`).size;
    assert.equal(kept, 100_000);
    answers = [serve];
    seen = [];
    await download(FILE, path, [`${base}/set.bin`], FAST);
    whole(path);
    assert.equal(seen[0].range, `bytes=${kept}-`);
  });

  it('gives up a connection that falls silent', async () => {
    answers = [(_, response) => void response.writeHead(200, { 'content-length': SIZE }).write('x'), serve];
    const path = target();
    await download(FILE, path, [`${base}/set.bin`], { delay: 1, silence: 60 });
    whole(path);
    assert.equal(seen.length, 2);
  });

  it('says in words when there is no room or no permission', async () => {
    answers = [serve];
    const file = join(place(), 'x');
    mkdirSync(join(file, '..'));
    writeFileSync(file, '');
    await fails(download(FILE, join(file, 'set.bin'), [base], FAST), /is a file, expected a folder/);
    const huge = { ...FILE, bytes: 1e18 };
    await fails(download(huge, target(), [base], FAST), /needs 1000000000000 MB of disk space, \d+ MB are free/);
    if (process.getuid?.() !== 0) {
      const path = target();
      chmodSync(join(path, '..'), 0o500);
      await fails(download(FILE, path, [base], FAST), /permission denied/);
    }
  });

  it('sources: files that are right stay, others are fetched', async () => {
    answers = [serve];
    const other = { ...FILE, name: 'other.bin' };
    const source = { title: '', licence: '', homepage: '', sets: {}, mirrors: [`${base}/data/`], files: [FILE, other] };
    const folder = place();
    mkdirSync(folder);
    writeFileSync(join(folder, FILE.name), CONTENT);
    writeFileSync(join(folder, other.name), CONTENT.subarray(1));
    assert.deepEqual(await fetchSource(source, folder, FAST), ['other.bin']);
    assert.deepEqual(
      seen.map(({ url }) => url),
      ['/data/other.bin'],
    );
    let last = 0;
    assert.deepEqual(await fetchSource(source, folder, { onProgress: (bytes) => (last = bytes) }), []);
    assert.equal(last, 2 * SIZE);
    assert.deepEqual(await fetchSource(source, place(), { ...FAST, mirror: `${base}/own` }), ['set.bin', 'other.bin']);
    assert.equal(seen.at(-1)?.url, '/own/other.bin');
  });
});
