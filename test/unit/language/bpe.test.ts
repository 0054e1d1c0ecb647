// Byte-level BPE against the trainer of Hugging Face's tokenizers and transformers' GPT-2 tokenizer (test/fixtures/make_bpe.py).
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadTokenizer, readBpe, saveBpe, trainBpe } from 'qrkd/text';
import { parseMerges, parseVocabulary } from '#dist/text/bpe.js';
import { BYTE_CHARACTERS } from '#dist/text/bytes.js';
import { mutations } from '../../mutations.js';

const FIXTURE = fileURLToPath(new URL('../../../../test/fixtures/bpe', import.meta.url));
const FACTS: {
  texts: string[];
  strings: { text: string; ids: number[] }[];
  decoded: { ids: number[]; text: string }[];
} = JSON.parse(readFileSync(join(FIXTURE, 'expected.json'), 'utf8'));

let scratch: string;
before(() => {
  scratch = mkdtempSync(join(tmpdir(), 'qrkd-bpe-'));
});
after(() => rmSync(scratch, { recursive: true, force: true }));

describe('01 the tokenizer', () => {
  const tokenizer = loadTokenizer(FIXTURE);
  it('has the ids of transformers for hard strings', () => {
    for (const { text, ids } of FACTS.strings) {
      assert.deepEqual([...tokenizer.encode(text)], ids, JSON.stringify(text));
      assert.equal(tokenizer.decode(ids), text);
    }
  });

  it('reads ids as transformers does, also where a character is cut', () => {
    for (const { ids, text } of FACTS.decoded) assert.equal(tokenizer.decode(ids), text);
  });

  it('knows its size and its end, and refuses ids that it has not', () => {
    assert.equal(tokenizer.vocabulary, 900);
    assert.equal(tokenizer.decode([tokenizer.endToken]), '<|endoftext|>');
    assert.throws(() => tokenizer.decode([0, 900]), /decode: 900 is no token; expected ids from 0 to 899$/);
  });
});

describe('02 training', () => {
  it('makes the merges and ids of the trainer of tokenizers', () => {
    const { vocabulary, merges } = readBpe(FIXTURE);
    assert.deepEqual(trainBpe(FACTS.texts, { vocabulary: 900 }), { vocabulary, merges });
  });

  it('ends where no pair is frequent enough', () => {
    const { vocabulary, merges } = trainBpe(['ab ab', 'ab'], { vocabulary: 1000 });
    assert.deepEqual(
      merges,
      [
        ['a', 'b'],
        ['Ġ', 'ab'],
      ].slice(0, 1),
    );
    assert.equal(Object.keys(vocabulary).length, 258);
    assert.equal(trainBpe(['ab ab'], { vocabulary: 1000, minFrequency: 1 }).merges.length, 2);
    assert.equal(trainBpe([], { vocabulary: 300 }).merges.length, 0);
  });

  it('counts overlapping pairs once a place, and takes older tokens first', () => {
    assert.deepEqual(trainBpe(['aaaa'], { vocabulary: 259 }).merges, [['a', 'a']]);
    assert.deepEqual(trainBpe(['xy xy zw zw'], { vocabulary: 258 }).merges, [['x', 'y']]);
  });

  it('is saved as GPT-2 has it, and read back', async () => {
    const bpe = trainBpe(FACTS.texts, { vocabulary: 400 });
    const folder = join(scratch, 'made');
    await saveBpe(bpe, folder);
    assert.equal(readFileSync(join(folder, 'merges.txt'), 'utf8').split('\n')[0], '#version: 0.2');
    assert.deepEqual(readBpe(folder), bpe);
    const text = FACTS.texts.join('');
    assert.equal(loadTokenizer(folder).decode(loadTokenizer(folder).encode(text)), text);
  });

  it('refuses texts and sizes that are none', () => {
    assert.throws(() => trainBpe(['a'], { vocabulary: 256 }), /vocabulary is 256; expected an integer from 257 /);
    assert.throws(() => trainBpe('text', { vocabulary: 300 }), /texts is "text"; expected a list of strings$/);
    assert.throws(
      () => trainBpe([1 as unknown as string], { vocabulary: 300 }),
      /texts has 1 in it; expected strings$/,
    );
    assert.throws(() => trainBpe(['a'], { vocabulary: 300, minFrequency: 0 }), /minFrequency is 0/);
    assert.throws(() => trainBpe(['a'], { vocab: 300 } as object as { vocabulary: number }), /unknown key "vocab"/);
  });
});

describe('03 files that are no BPE', () => {
  const vocabulary = readFileSync(join(FIXTURE, 'vocab.json'), 'utf8');
  const merges = readFileSync(join(FIXTURE, 'merges.txt'), 'utf8');
  const folder = (files: { vocab?: string; merges?: string }) => {
    const path = mkdtempSync(join(scratch, 'bad-'));
    if (files.vocab !== undefined) writeFileSync(join(path, 'vocab.json'), files.vocab);
    if (files.merges !== undefined) writeFileSync(join(path, 'merges.txt'), files.merges);
    return path;
  };
  const without = (token: string) => {
    const ids: Record<string, number> = JSON.parse(vocabulary);
    const gone = ids[token];
    delete ids[token];
    const last = Object.keys(ids).find((key) => ids[key] === 899);
    if (last !== undefined) ids[last] = gone;
    return JSON.stringify(ids);
  };

  it('are refused in one line that names the file', () => {
    const REFUSED: [files: { vocab?: string; merges?: string }, message: RegExp][] = [
      [{}, /vocab\.json: no such file; a byte-level BPE needs vocab\.json and merges\.txt$/],
      [{ vocab: vocabulary }, /merges\.txt: no such file/],
      [{ vocab: '{"a": 0', merges }, /vocab\.json: is not readable as JSON/],
      [{ vocab: '[]', merges }, /vocab\.json: is no JSON object of tokens and ids$/],
      [{ vocab: '{"a": 0, "b": 0}', merges }, /token "b" has id 0; expected every id from 0 to 1 once$/],
      [{ vocab: without('Ā'), merges }, /vocab\.json: has no token "Ā"; expected all 256 bytes and <\|endoftext\|>$/],
      [{ vocab: without('<|endoftext|>'), merges }, /has no token "<\|endoftext\|>"/],
      [{ vocab: without('Ġthe'), merges }, /merges\.txt: line \d+ needs the token "Ġthe", which vocab\.json has not$/],
      [
        { vocab: vocabulary, merges: `${merges}a b c\n` },
        /line 645 is "a b c"; expected two tokens with a space between$/,
      ],
      [{ vocab: vocabulary, merges: merges.slice(0, -3) }, /merges\.txt: line 644 /],
    ];
    for (const [files, message] of REFUSED) {
      assert.throws(
        () => loadTokenizer(folder(files)),
        (error: Error & { code: string }) => {
          assert.match(error.message, message);
          return /^ERR_QRKD_F/.test(error.code) && !error.message.includes('\n');
        },
      );
    }
  });

  it('never fail in another way', () => {
    const small = trainBpe(['ab ab'], { vocabulary: 300 });
    const ids = Buffer.from(JSON.stringify(small.vocabulary));
    for (const bytes of mutations('vocabulary', [ids], ['"', ':', '{', '257', BYTE_CHARACTERS[0]], 200)) {
      refusedOr(() => parseVocabulary(bytes.toString(), 'vocab.json'));
    }
    for (const bytes of mutations('merges', [Buffer.from('#version: 0.2\na b\n')], ['\n', ' ', '\r'], 200)) {
      refusedOr(() => parseMerges(bytes.toString(), small.vocabulary, 'merges.txt'));
    }
  });

  function refusedOr(read: () => unknown): void {
    try {
      read();
    } catch (error) {
      assert.match((error as { code: string }).code, /^ERR_QRKD_FORMAT$/);
    }
  }
});
