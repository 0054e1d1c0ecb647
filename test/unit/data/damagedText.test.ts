// Readers of text against damaged files: text, or one line of ours, never another error, whatever the container.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { loadBrown, loadCorpus, loadReviews } from 'qrkd/data';
import { create } from 'tar';
import { readParquet } from '#dist/data/text/parquet.js';
import { FUZZ_CASES, mutations } from '../../mutations.js';
import { scratch } from './refused.js';

const place = scratch();
const CASES = Math.ceil(FUZZ_CASES / 16);
const CODES = ['ERR_QRKD_FORMAT', 'ERR_QRKD_FILE', 'ERR_QRKD_MEMORY'];
const fixture = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../../../../test/fixtures/text/${name}`, import.meta.url)));

/** An archive of files in folders. */
function tar(files: Record<string, string>): Buffer {
  const dir = place();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), content);
  }
  const file = `${dir}.tar`;
  create({ file, cwd: dir, sync: true }, Object.keys(files));
  return readFileSync(file);
}

const WIKI = " \n = Moss = \n \n Moss is green , it is n't red . \n";
const wiki = Object.fromEntries(['train', 'valid', 'test'].map((part) => [`wikitext-2/wiki.${part}.tokens`, WIKI]));
const reviews = Object.fromEntries(
  ['train/neg', 'train/pos', 'test/neg', 'test/pos'].map((part) => [`aclImdb/${part}/0_1.txt`, `text of ${part}`]),
);
const brown = Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`ca0${i}`, '\n\n\tThe/at end/nn ./.\n']));
const bytes = (files: Record<string, string>) =>
  Object.fromEntries(Object.entries(files).map(([name, text]) => [name, new TextEncoder().encode(text)]));

const READERS: { name: string; samples: Uint8Array[]; read: (content: Buffer, where: string) => unknown }[] = [
  {
    name: 'Parquet',
    samples: ['wikitext/train', 'wikitext/validation', 'wikitext/test'].map((name) =>
      fixture(`${name}-00000-of-00001.parquet`),
    ),
    read: (content, where) => readParquet({ bytes: content, where }, [['text']]),
  },
  {
    name: '.zip of WikiText',
    samples: [zipSync(bytes(wiki)), zipSync(bytes(wiki), { level: 0 })],
    read: (content, where) => {
      writeFileSync(where, content);
      return loadCorpus({ wikitext: where });
    },
  },
  {
    name: '.tar.gz of IMDB',
    samples: [gzipSync(tar(reviews)), tar(reviews)],
    read: (content, where) => {
      writeFileSync(where, content);
      return loadReviews({ imdb: where });
    },
  },
  {
    name: '.tar of Brown',
    samples: [tar(brown)],
    read: (content, where) => {
      writeFileSync(where, content);
      return loadBrown({ path: where });
    },
  },
];

describe('damaged text', () => {
  for (const { name, samples, read } of READERS) {
    it(`${name}: read, or refused in one line that names the file`, async () => {
      const where = place();
      for (const sample of samples) await read(Buffer.from(sample), where);
      const counts = { read: 0, refused: 0 };
      for (const content of mutations(name, samples, ['PAR1', 'PK\x03\x04', '\0', '\xff'], CASES)) {
        try {
          await read(content, where);
          counts.read++;
        } catch (error) {
          const { code = '', message, stack } = error as Error & { code?: string };
          assert.ok(CODES.includes(code), stack);
          assert.ok(message.startsWith(where) && !/[\n\0]/.test(message), JSON.stringify(message));
          counts.refused++;
        }
      }
      assert.ok(counts.read > 0 && counts.refused > CASES / 10, JSON.stringify(counts));
    });
  }
});
