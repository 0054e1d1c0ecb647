// Words as tokens, blocks for language models, rows for classifiers.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  bpeTokenizer,
  classificationRows,
  joinDocuments,
  languageBlocks,
  type Tokenizer,
  trainBpe,
  WordTokenizer,
} from 'qrkd/text';
import seedrandom from 'seedrandom';
import { refuses } from '../data/refused.js';

/** A token a character, its code; 0 ends a text. */
const letters: Tokenizer = {
  vocabulary: 128,
  endToken: 0,
  encode: (text) => Int32Array.from(text, (letter) => letter.charCodeAt(0)),
  decode: (ids) => String.fromCharCode(...Array.from(ids)),
};

describe('01 words', () => {
  it('are numbered by how often they come, then by their characters; lines end with <eos>', () => {
    const tokenizer = WordTokenizer.fromTexts([' the cat <unk> the \n b a \n', 'the a b\n']);
    assert.deepEqual(tokenizer.words, ['<unk>', '<eos>', 'the', 'a', 'b', 'cat']);
    const ids = tokenizer.encode(' the dog \n\n a ');
    assert.deepEqual([...ids], [2, 0, 1, 1, 3]);
    assert.equal(tokenizer.decode(ids), 'the <unk>\n\na');
    assert.deepEqual(new WordTokenizer(JSON.parse(JSON.stringify(tokenizer))).words, tokenizer.words);
  });

  it('beyond the size of the vocabulary are <unk>', () => {
    const tokenizer = WordTokenizer.fromTexts(['x y y z z z'], { size: 4 });
    assert.deepEqual([tokenizer.vocabulary, ...tokenizer.encode('x y z')], [4, 0, 3, 2]);
  });

  it('refuse what is no vocabulary', () => {
    for (const [words, message] of [
      [['<unk>', '<eos>', 'a', 'a'], /words\[2\] is "a", which is there twice/],
      [['<unk>', '<eos>', 'a b'], /words\[2\] is "a b"; expected no white space/],
      [['<unk>', '<eos>', ''], /words\[2\] is ""/],
      [['<eos>'], /words has no <unk>/],
      [['<unk>'], /words has no <eos>/],
    ] as const) {
      refuses(() => new WordTokenizer(words), 'ERR_QRKD_VALUE', message);
    }
    refuses(() => new WordTokenizer([1] as never), 'ERR_QRKD_TYPE', /words must be an array of strings/);
    refuses(
      () => WordTokenizer.fromTexts([], { size: 2 }),
      'ERR_QRKD_VALUE',
      /size is 2; expected an integer of 3 or more/,
    );
    refuses(() => WordTokenizer.fromTexts([]).decode([2]), 'ERR_QRKD_VALUE', /ids\[0\] is 2; expected 0 to 1/);
  });
});

describe('02 blocks of a language model', () => {
  it('every id but the first is a label once; the rest is padding without labels', () => {
    const ids = Int32Array.from({ length: 11 }, (_, i) => i + 1);
    const { tokens, labels, shape } = languageBlocks(ids, { length: 4, padToken: 99 });
    assert.deepEqual(shape, [3, 4]);
    assert.deepEqual([...tokens], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 99, 99]);
    assert.deepEqual([...labels], [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, -1, -1]);
    // Nothing is padded where it fits, and no block is empty.
    assert.deepEqual(languageBlocks(ids.subarray(0, 9), { length: 4 }).shape, [2, 4]);
  });

  it('documents are joined with an end of text, once', () => {
    assert.deepEqual([...joinDocuments(['ab', '', 'c'], letters)], [97, 98, 0, 0, 99, 0]);
    const words = WordTokenizer.fromTexts(['a b\n']);
    assert.deepEqual([...joinDocuments(['a\nb\n', 'b'], words)], [2, 1, 3, 1, 3, 1]);
  });

  it('refuse lengths that are none, and texts of one token', () => {
    refuses(
      () => languageBlocks(Int32Array.of(1, 2), { length: 0 }),
      'ERR_QRKD_VALUE',
      /length is 0; expected a positive/,
    );
    refuses(
      () => languageBlocks(Int32Array.of(1), { length: 4 }),
      'ERR_QRKD_SHAPE',
      /there are 1 ids; expected two or more/,
    );
    refuses(
      () => languageBlocks([1, 2] as never, { length: 4 }),
      'ERR_QRKD_TYPE',
      /ids is an array of 2; expected an Int32Array/,
    );
    refuses(
      () => joinDocuments('ab' as never, letters),
      'ERR_QRKD_TYPE',
      /documents is "ab"; expected an array of texts/,
    );
    refuses(() => languageBlocks(Int32Array.of(1), { size: 4 } as never), 'ERR_QRKD_UNKNOWN_KEY', /unknown key "size"/);
  });
});

describe('03 rows of a classifier', () => {
  const set = { texts: ['abcde', 'fg'], labels: Int32Array.of(1, 0) };

  it('are cut at either end and padded on the right', () => {
    const rows = classificationRows(set, letters, { length: 3 });
    assert.deepEqual([...rows.tokens], [97, 98, 99, 102, 103, 0]);
    assert.deepEqual([[...rows.labels], [...rows.lengths], rows.truncated, rows.padToken], [[1, 0], [3, 2], 1, 0]);
    const ends = classificationRows(set, { ...letters, padToken: 127 }, { length: 3, keep: 'end' });
    assert.deepEqual([...ends.tokens], [99, 100, 101, 102, 103, 127]);
  });

  it('of long texts are the first tokens of the whole, however words and spaces lie', () => {
    const pieces = ['a', 'bc', ' ', '\n', '   ', 'defghijklmnop'.repeat(9), '!', 'é', '\u00a0x'];
    const random = seedrandom('rows');
    const texts = Array.from({ length: 40 }, () =>
      Array.from({ length: 1 + Math.floor(random() * 120) }, () => pieces[Math.floor(random() * pieces.length)]).join(
        '',
      ),
    );
    const bpe = bpeTokenizer(trainBpe(texts, { vocabulary: 290 }));
    const words = WordTokenizer.fromTexts(texts);
    const labels = new Int32Array(1);
    for (const text of texts) {
      for (const tokenizer of [bpe, words]) {
        const whole = tokenizer.encode(text);
        if (whole.length === 0) continue;
        for (const length of [1, 5, 30]) {
          const rows = classificationRows({ texts: [text], labels }, tokenizer, { length, padToken: 999 });
          assert.deepEqual(rows.tokens.subarray(0, rows.lengths[0]), whole.slice(0, length));
          assert.equal(rows.truncated, whole.length > length ? 1 : 0);
        }
      }
    }
  });

  it('refuse empty texts, padding inside a text, and what does not fit', () => {
    const rows = (texts: string[], options: object) => () =>
      classificationRows({ texts, labels: Int32Array.of(0) }, letters, { length: 3, ...options });
    refuses(rows([''], {}), 'ERR_QRKD_VALUE', /texts\[0\] has no token; leave out empty texts/);
    refuses(
      rows(['ab'], { padToken: 98 }),
      'ERR_QRKD_VALUE',
      /texts\[0\] has the padding token 98; .* such as 128 in a/,
    );
    refuses(rows(['a', 'b'], {}), 'ERR_QRKD_SHAPE', /there are 2 texts and 1 labels/);
    refuses(rows(['a'], { keep: 'middle' }), 'ERR_QRKD_VALUE', /keep is "middle"; expected "start" or "end"/);
    refuses(rows(['a'], { length: 1.5 }), 'ERR_QRKD_VALUE', /length is 1.5/);
  });
});

it('what is no text is refused in one line', async () => {
  const { perplexity } = await import('qrkd/text');
  const { exportGpt2 } = await import('qrkd/onnx');
  const { saveGpt2 } = await import('qrkd/models');
  const bpe = bpeTokenizer(trainBpe(['a'], { vocabulary: 257 }));
  const none = undefined as never;
  assert.throws(() => bpe.encode(none), /^TypeError: encode: text is undefined; expected a string$/);
  assert.throws(
    () => classificationRows(['a'] as never, bpe, { length: 2 }),
    /texts is undefined, labels is undefined; exp/,
  );
  await assert.rejects(
    perplexity(Int32Array.of(1, 2), {} as never, { context: 2 }),
    /model is Object; expected a function, such as \(rows\) => gpt2\.logits\(rows\)$/,
  );
  await assert.rejects(
    saveGpt2({} as never, 'nowhere'),
    /^TypeError: saveGpt2: gpt2 is Object; expected what makeGpt2/,
  );
  await assert.rejects(
    exportGpt2({} as never, 'nowhere'),
    /^TypeError: exportGpt2: gpt2 is Object; expected what makeG/,
  );
});
