// Running text: WikiText, Penn Treebank, Brown, text of one's own, in the formats that they come in.
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as zlib from 'node:zlib';
import { zipSync } from 'fflate';
import { type Corpus, countWords, detokenize, loadBrown, loadCorpus, loadText } from 'qrkd/data';
import { create } from 'tar';
import { readParquet } from '#dist/data/text/parquet.js';
import { refuses, refusesLater, scratch } from './refused.js';

const { gzipSync } = zlib;
const place = scratch();
const fixtures = fileURLToPath(new URL('../../../../test/fixtures/text/', import.meta.url));

function folder(files: Record<string, string | Uint8Array>): string {
  const dir = place();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), content);
  }
  return dir;
}
const bytes = (text: string) => new TextEncoder().encode(text);
const readFixture = (name: string) => {
  const where = join(fixtures, name, 'train-00000-of-00001.parquet');
  return readParquet({ bytes: readFileSync(where), where }, [['text']]);
};
const textsOf = ({ train, validation, test }: Corpus) => [train, validation, test].map(({ documents }) => documents);

const TRAIN = " \n = Moss = \n \n Moss grows on 3 @.@ 5 stones . \n \n = Fern ( plant ) = \n \n It is n't a <unk> . \n";
const VALID = ' \n = Lichen = \n \n Two things in one : fungus and alga . \n';
const TEST = ' \n = Alga = \n \n Café & co – wet . \n \n';
const RAW = { 'wiki.train.raw': TRAIN, 'wiki.valid.raw': VALID, 'wiki.test.raw': TEST };

describe('01 WikiText', () => {
  it('documents are articles, which together are the file; words are counted with an end a line', async () => {
    const corpus = await loadCorpus({ wikitext: folder(RAW) });
    assert.equal(corpus.name, 'wikitext-raw');
    assert.equal(corpus.train.documents.length, 2);
    assert.ok(corpus.train.documents[1].startsWith(' = Fern ( plant ) = \n'));
    assert.deepEqual(
      textsOf(corpus).map((documents) => documents.join('')),
      [TRAIN, VALID, TEST],
    );
    // 3 + 8 + 6 + 6 words in 8 lines.
    assert.deepEqual([corpus.train.words, corpus.train.lines], [31, 8]);
    assert.deepEqual([corpus.test.words, corpus.test.lines], [14, 5]);
  });

  it('an equals sign inside a paragraph begins no article', async () => {
    const formula =
      ' = Filter = \n \n with L \n = 1 m and k = \n 2 . \n = = Use = = \n \n = = = Old = = = \n \n none \n';
    const { train } = await loadCorpus({ wikitext: folder({ ...RAW, 'wiki.train.raw': formula }) });
    assert.deepEqual(train.documents, [formula]);
  });

  it('is the same plain, gzipped, from a .zip as published, from the folder around it, and from Parquet', async () => {
    const plain = await loadCorpus({ wikitext: folder(RAW) });
    const zipped = zipSync(Object.fromEntries(Object.entries(RAW).map(([n, t]) => [`wikitext-2-raw/${n}`, bytes(t)])));
    const gzipped = Object.fromEntries(Object.entries(RAW).map(([name, text]) => [`${name}.gz`, gzipSync(text)]));
    for (const path of [
      folder(gzipped),
      folder({ 'wikitext-2-raw-v1.zip': zipped }),
      join(folder({ 'x.zip': zipped }), 'x.zip'),
      folder(Object.fromEntries(Object.entries(RAW).map(([name, text]) => [`wikitext-2-raw/${name}`, text]))),
      folder(Object.fromEntries(Object.entries(RAW).map(([name, text]) => [name, text.replaceAll('\n', '\r\n')]))),
    ]) {
      assert.deepEqual(await loadCorpus({ wikitext: path }), plain);
    }
    // By pyarrow, compressed with snappy, gzip and Brotli.
    const parquet = await loadCorpus({ wikitext: join(fixtures, 'wikitext') });
    assert.deepEqual({ ...parquet, name: plain.name }, plain);
  });

  it('detokenised, its words are still those of the file', async () => {
    const corpus = await loadCorpus({ wikitext: folder(RAW) }, { detokenize: true });
    assert.equal(corpus.train.documents[0], '\n= Moss =\n\nMoss grows on 3.5 stones.\n\n');
    assert.deepEqual([corpus.train.words, corpus.detokenized], [31, 'wikitext']);
  });

  it('Parquet compressed with Zstandard is read where Node can', async () => {
    const rows = await readFixture('zstd').then(
      ([texts]) => texts,
      (error: Error) => error.message,
    );
    if ('zstdDecompressSync' in zlib) assert.deepEqual(rows, [' = A = \n']);
    else
      assert.match(String(rows), /is compressed with Zstandard, which Node reads from 22.15 on; write it with snappy$/);
  });

  it('refuses missing parts, two kinds, damaged files and what is no text', async () => {
    const { 'wiki.test.raw': _, ...without } = RAW;
    const zipped = zipSync({ 'wiki.train.raw': bytes(TRAIN.repeat(50)) }, { level: 9 });
    const parquet = readFileSync(join(fixtures, 'wikitext/train-00000-of-00001.parquet'));
    const damaged = Buffer.from(parquet);
    damaged.fill(0xff, 4, 60);
    const hub = (train: Uint8Array, name = 'train-00000-of-00001.parquet') => {
      const dir = place();
      cpSync(join(fixtures, 'wikitext'), dir, { recursive: true });
      writeFileSync(join(dir, 'train-00000-of-00001.parquet'), train);
      if (name !== 'train-00000-of-00001.parquet') writeFileSync(join(dir, name), train);
      return dir;
    };
    const other = (name: string) => readFileSync(join(fixtures, name, 'train-00000-of-00001.parquet'));
    for (const [path, code, message] of [
      [
        folder(without),
        'ERR_QRKD_FILE',
        /wiki.test.tokens: no such file, plain or .gz \(WikiText needs a test part\)$/,
      ],
      [join(place(), 'gone'), 'ERR_QRKD_FILE', /no such file or folder \(expected WikiText\)/],
      [folder({ x: '' }), 'ERR_QRKD_FILE', /WikiText needs a train part/],
      [
        folder({ ...RAW, 'wiki.train.tokens': TRAIN }),
        'ERR_QRKD_FORMAT',
        /has files of two kinds \(.raw, .tokens\); keep one/,
      ],
      [folder({ ...RAW, 'wiki.test.raw': '' }), 'ERR_QRKD_FORMAT', /wiki.test.raw: the test part has no text/],
      [folder({ ...RAW, 'wiki.test.raw': ' \n \n' }), 'ERR_QRKD_FORMAT', /the test part has no text/],
      [
        folder({ ...RAW, 'wiki.valid.raw': Buffer.from('ok\nCaf\xe9\n', 'latin1') }),
        'ERR_QRKD_FORMAT',
        /wiki.valid.raw: line 2 is not UTF-8, expected text in UTF-8/,
      ],
      [
        folder({ ...RAW, 'wiki.valid.raw': Buffer.from('text', 'utf16le') }),
        'ERR_QRKD_FORMAT',
        /line 1 has a zero byte, expected text in UTF-8/,
      ],
      [
        folder({ ...without, 'wiki.test.raw.gz': gzipSync(TEST.repeat(30)).subarray(0, 40) }),
        'ERR_QRKD_FORMAT',
        /wiki.test.raw.gz: is not a complete gzip file/,
      ],
      [join(folder({ 'x.zip': zipped.subarray(0, 90) }), 'x.zip'), 'ERR_QRKD_FORMAT', /is not a complete .zip archive/],
      [hub(parquet.subarray(0, 300)), 'ERR_QRKD_FORMAT', /is not a complete Parquet file \(no PAR1 at its end\)/],
      [hub(damaged), 'ERR_QRKD_FORMAT', /train-00000-of-00001.parquet: is not a readable Parquet file \(/],
      [hub(other('nulls')), 'ERR_QRKD_FORMAT', /row 1 has nothing in column "text"/],
      [hub(other('other')), 'ERR_QRKD_FORMAT', /has no column "text", only line, id/],
      [
        hub(parquet, 'train-00001-of-00002.parquet'),
        'ERR_QRKD_FILE',
        /one of 1 shards, but there are train-00000-of-00001.parquet, train-00001-of-00002.parquet/,
      ],
    ] as const) {
      await refusesLater(loadCorpus({ wikitext: path }), code, message);
    }
  });
});

describe('02 Penn Treebank', () => {
  const PTB = {
    'ptb.train.txt': " the dealers ' comments were n't <unk> \n it 's $ N or N % \n",
    'ptb.valid.txt': ' we can not \n',
    'ptb.test.txt': " mr. n 's <unk> \n",
  };

  it('is one document a part, in a folder or in the folder data of an archive', async () => {
    const corpus = await loadCorpus({ ptb: folder(PTB) });
    assert.deepEqual(textsOf(corpus), [[PTB['ptb.train.txt']], [PTB['ptb.valid.txt']], [PTB['ptb.test.txt']]]);
    assert.deepEqual(
      [corpus.train, corpus.validation, corpus.test].map(({ words, lines }) => [words, lines]),
      [
        [16, 2],
        [4, 1],
        [5, 1],
      ],
    );
    const dir = folder(Object.fromEntries(Object.entries(PTB).map(([name, text]) => [`data/${name}`, text])));
    const archive = `${dir}.tgz`;
    create({ file: archive, cwd: dir, gzip: true, sync: true }, ['data']);
    assert.deepEqual(await loadCorpus({ ptb: archive }), corpus);
    assert.deepEqual(await loadCorpus({ ptb: dir }), corpus);
  });

  it('detokenises contractions, possessives and money', async () => {
    const corpus = await loadCorpus({ ptb: folder(PTB) }, { detokenize: true });
    assert.deepEqual(textsOf(corpus), [
      ["the dealers' comments weren't <unk>\nit's $N or N%\n"],
      ['we cannot\n'],
      ["mr. n's <unk>\n"],
    ]);
  });
});

describe('03 the Brown corpus', () => {
  it('has its 1,161,192 tokens in 57,340 sentences of 500 files, split within genres', () => {
    const corpus = loadBrown();
    const parts = [corpus.train, corpus.validation, corpus.test];
    assert.deepEqual(
      parts.map(({ documents }) => documents.length),
      [308, 99, 93],
    );
    const [words, lines] = (['words', 'lines'] as const).map((key) => parts.reduce((sum, part) => sum + part[key], 0));
    assert.deepEqual([words - lines, lines], [1_161_192, 57_340]);
    const [sentence] = corpus.train.documents[0].split('\n');
    assert.equal(
      sentence,
      "The Fulton County Grand Jury said Friday an investigation of Atlanta's recent primary election produced `` no evidence '' that any irregularities took place .",
    );
  });

  it('reads files of its form from elsewhere, by paragraphs when detokenised', () => {
    const file = (word: string) =>
      `\n\n\t${word}/nn said/vbd ,/, \`\`/\`\` no/at ''/'' ;/. ;/.\nAt/in 1/2/cd Jr./np ./.\n\n\tEnd/nn ./.\n`;
    const files = Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`ca0${i}`, file(`File${i}`)]));
    const path = folder({ ...files, ck01: file('K'), README: 'no corpus' });
    const plain = loadBrown({ path });
    // Indices 3 and 4 of genre a; the genre k has one file, index 0.
    assert.deepEqual(plain.validation.documents, ["File3 said , `` no '' ; ;\nAt 1/2 Jr. .\nEnd .\n"]);
    assert.ok(plain.test.documents[0].startsWith('File4') && plain.train.documents.length === 5);
    const { test } = loadBrown({ path, detokenize: true });
    assert.deepEqual(test.documents, ['File4 said, "no"; At 1/2 Jr.\nEnd.\n']);
    assert.deepEqual([test.words, test.lines], [plain.test.words, plain.test.lines]);
  });

  it('refuses a token without its tag, and folders without the files', () => {
    refuses(
      () => loadBrown({ path: folder({ ca01: 'The/at Fulton' }) }),
      'ERR_QRKD_FORMAT',
      /ca01: line 1 has "Fulton", expected a word\/tag/,
    );
    refuses(() => loadBrown({ path: folder({ x: '' }) }), 'ERR_QRKD_FILE', /has none of the Brown corpus's files/);
  });
});

describe("04 text of one's own", () => {
  it('by names of files or folders', () => {
    const { train, validation, test, split } = loadText(
      folder({
        'train/a.txt': 'a\n',
        'train/deep/b.txt.gz': gzipSync('b\n'),
        'my.dev.txt': 'v',
        'test.txt': 't',
        'no.md': '',
      }),
    );
    assert.deepEqual([train.documents, validation.documents, test.documents], [['a\n', 'b\n'], ['v'], ['t']]);
    assert.equal(split, 'by the names of files');
  });

  it('by file, from five on', () => {
    const dir = folder(Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`f${i}.txt`, `${i}`])));
    // Links that go round are not followed for ever.
    symlinkSync(dir, join(dir, 'again'));
    const { train, validation, test } = loadText(dir);
    assert.deepEqual(
      [train.documents.join(''), validation.documents, test.documents],
      ['012567', ['3', '8'], ['4', '9']],
    );
  });

  it('by share, after the line or the word in which it ends', async () => {
    const lines = Array.from({ length: 10 }, (_, i) => `line ${i}\n`).join('');
    const dir = folder({ 'one.text': lines, 'two.txt': 'a b c d e f g h i j k l m n o p q r s t' });
    const corpus = await loadCorpus({ text: join(dir, 'one.text') });
    assert.deepEqual(
      textsOf(corpus).map((documents) => documents.join('').match(/\d/g)?.join('')),
      ['01234567', '8', '9'],
    );
    const both = loadText([join(dir, 'one.text'), join(dir, 'two.txt')]);
    assert.equal(
      textsOf(both)
        .flatMap((documents) => documents[1])
        .join(''),
      'a b c d e f g h i j k l m n o p q r s t',
    );
    assert.equal(both.train.documents[1], 'a b c d e f g h i j k l m n o p ');
  });

  it('refuses parts by halves, too few files, no text', async () => {
    const ten = 'a b c d e f g h i j';
    const halves = folder({ 'train.txt': ten, 'test.txt': ten });
    refuses(
      () => loadText(halves),
      'ERR_QRKD_FILE',
      /has files named for train and test but none for validation; add it, or/,
    );
    assert.equal(loadText(halves, { heldOut: 'share' }).train.documents.length, 2);
    const extra = folder({ 'train.txt': 'a', 'test.txt': 'b', 'valid.txt': 'c', 'notes.txt': 'd' });
    refuses(() => loadText(extra), 'ERR_QRKD_FILE', /but notes.txt for none/);
    refuses(
      () => loadText(halves, { heldOut: 'files' }),
      'ERR_QRKD_VALUE',
      /has 2 files, heldOut "files" needs 5; use heldOut "share"/,
    );
    refuses(
      () => loadText(halves, { heldOut: 'file' as 'files' }),
      'ERR_QRKD_VALUE',
      /heldOut is "file" \(did you mean "files"\?\)/,
    );
    refuses(() => loadText([]), 'ERR_QRKD_VALUE', /text names no file/);
    refuses(() => loadText(folder({ 'a.md': 'x' })), 'ERR_QRKD_FILE', /has no .txt file/);
    refuses(() => loadText(join(halves, 'gone.txt')), 'ERR_QRKD_FILE', /gone.txt: no such file/);
    refuses(
      () => loadText(join(folder({ 'a.txt': 'x' }), 'a.txt')),
      'ERR_QRKD_FORMAT',
      /the validation part has no text/,
    );
    await refusesLater(loadCorpus({ text: halves }, { detokenize: true }), 'ERR_QRKD_TYPE', /plain text has none/);
    await refusesLater(
      loadCorpus({ texts: halves } as never),
      'ERR_QRKD_TYPE',
      /corpus is .*expected a name, or \{ wikitext: PATH \}/,
    );
    await refusesLater(loadCorpus({ ptb: ['a'] } as never), 'ERR_QRKD_TYPE', /expected one path/);
    await refusesLater(loadCorpus({ ptb: 'a', split: 1 } as never), 'ERR_QRKD_UNKNOWN_KEY', /unknown key "split"/);
    await refusesLater(loadCorpus('wikitext'), 'ERR_QRKD_VALUE', /data is "wikitext" \(did you mean "wikitext2"\?\)/);
    await refusesLater(loadCorpus('imdb'), 'ERR_QRKD_VALUE', /which is texts with labels; expected a corpus of text/);
  });
});

describe('05 detokenisation', () => {
  // Written by hand: what a person would have written before the tokeniser.
  for (const [name, tokenized, written] of [
    [
      'wikitext',
      'a guest @-@ starring role , 10 @,@ 000 people and 3 @.@ 5 km',
      'a guest-starring role, 10,000 people and 3.5 km',
    ],
    ['wikitext', 'He said : " Do n\'t go " ; she did n\'t .', 'He said: "Don\'t go"; she didn\'t.'],
    [
      'wikitext',
      "They Don 't Go ; it 's the players ' union , ' quoted ' here",
      "They Don't Go; it's the players' union, 'quoted' here",
    ],
    ['wikitext', '90 % of $ 5 ( or £ 3 ) [ sic ] !', '90% of $5 (or £3) [sic]!'],
    ['wikitext', '1990 – 1995 at 12 : 30 – then – on and / or off', '1990–1995 at 12:30 – then – on and/or off'],
    ['wikitext', ' = = Early life = = \n \n Text . \n', '== Early life ==\n\nText.\n'],
    ['ptb', "they 've said we 'll , he 'd , i 'm and do n't", "they've said we'll , he'd , i'm and don't"],
    ['brown', "( See `` Joe '' , see ' Jim ' ) ! !", '(See "Joe", see \'Jim\')!'],
  ] as const) {
    it(`${name}: ${tokenized.trim()}`, () => assert.equal(detokenize(tokenized, name), written));
  }

  it('refuses other rules', async () => {
    refuses(() => detokenize('a', 'ptp' as 'ptb'), 'ERR_QRKD_VALUE', /name is "ptp" \(did you mean "ptb"\?\)/);
    await refusesLater(
      loadCorpus('brown', { detokenize: 'ptb' } as never),
      'ERR_QRKD_TYPE',
      /detokenize is "ptb"; expected true or/,
    );
    await refusesLater(loadCorpus(null as never), 'ERR_QRKD_TYPE', /corpus is null; expected a name/);
  });

  it('counts words by white space of every kind, and lines', () => {
    assert.deepEqual(countWords(''), { words: 0, lines: 0 });
    assert.deepEqual(countWords('a  b\u00a0c\u3000d\te\n\nf'), { words: 9, lines: 3 });
    // 3,761 sentences and 78,669 words give 82,430 in Penn Treebank's test part: one end a line.
    assert.deepEqual(countWords(' no it was \n but \n'), { words: 6, lines: 2 });
  });
});
