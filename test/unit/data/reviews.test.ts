// Labelled texts: IMDB as folders, archive and Parquet; SpamAssassin's mail as its npm package has it.
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { holdOutTexts, loadReviews, type Reviews, selectTexts } from 'qrkd/data';
import { create } from 'tar';
import { refuses, refusesLater, scratch } from './refused.js';

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

describe('01 IMDB', () => {
  const review = (part: string, label: string, i: number) => [
    `aclImdb/${part}/${label}/${i}_7.txt`,
    `${label} ${i}<br />`,
  ];
  const FILES: Record<string, string> = Object.fromEntries([
    ...['neg', 'pos'].flatMap((label) => [
      ...Array.from({ length: 11 }, (_, i) => review('train', label, i)),
      ...Array.from({ length: 2 }, (_, i) => review('test', label, i)),
    ]),
    ['aclImdb/train/unsup/0_0.txt', 'none'],
    ['aclImdb/train/urls_pos.txt', 'http'],
    ['aclImdb/README', 'x'],
  ]);

  it('folders: classes alternate, reviews in the order of their numbers', async () => {
    const dir = folder(FILES);
    const reviews = await loadReviews({ imdb: join(dir, 'aclImdb') });
    assert.deepEqual([reviews.train.texts.length, reviews.test.texts.length, reviews.train.classes], [22, 4, 2]);
    assert.deepEqual(reviews.test.texts, ['neg 0<br />', 'pos 0<br />', 'neg 1<br />', 'pos 1<br />']);
    assert.deepEqual([...reviews.test.labels], [0, 1, 0, 1]);
    // 10 after 9, not after 1.
    assert.deepEqual(reviews.train.texts.slice(18), ['neg 9<br />', 'pos 9<br />', 'neg 10<br />', 'pos 10<br />']);
    // Indices 3 and 8 of each class.
    const { train, validation } = holdOutTexts(reviews);
    assert.deepEqual(
      validation.texts,
      [3, 8].flatMap((i) => [`neg ${i}<br />`, `pos ${i}<br />`]),
    );
    assert.equal(train.texts.length + validation.texts.length, 22);
    assert.deepEqual(await loadReviews({ imdb: dir }), reviews);
    const archive = join(place(), 'aclImdb_v1.tar.gz');
    mkdirSync(dirname(archive));
    create({ file: archive, cwd: dir, gzip: true, sync: true }, ['aclImdb/train', 'aclImdb/test']);
    assert.deepEqual(await loadReviews({ imdb: archive }), reviews);
    assert.deepEqual(await loadReviews({ imdb: dirname(archive) }), reviews);
  });

  it('Parquet in shards, by pyarrow', async () => {
    const { train, test } = await loadReviews({ imdb: join(fixtures, 'imdb') });
    assert.deepEqual(train.texts.slice(0, 4), ['bad 0', 'good 0', 'bad 1', 'good 1']);
    assert.deepEqual([...train.labels], [0, 1, 0, 1, 0, 1, 0, 1]);
    assert.deepEqual(
      [test.texts, [...test.labels]],
      [
        ['worse', 'better'],
        [0, 1],
      ],
    );
  });

  it('refuses a folder without pos or neg, empty reviews, missing shards, other labels', async () => {
    const dir = folder(FILES);
    rmSync(join(dir, 'aclImdb/test/pos'), { recursive: true });
    await refusesLater(
      loadReviews({ imdb: dir }),
      'ERR_QRKD_FILE',
      /aclImdb\/test\/pos: has no reviews \(a .txt file each\)/,
    );
    mkdirSync(join(dir, 'aclImdb/test/pos'));
    await refusesLater(loadReviews({ imdb: dir }), 'ERR_QRKD_FILE', /test\/pos: has no reviews/);
    writeFileSync(join(dir, 'aclImdb/test/pos/0_9.txt'), ' \n');
    await refusesLater(loadReviews({ imdb: dir }), 'ERR_QRKD_FORMAT', /0_9.txt: is empty, expected a review/);
    await refusesLater(loadReviews({ imdb: folder({ x: '' }) }), 'ERR_QRKD_FILE', /train\/neg: has no reviews/);
    await refusesLater(loadReviews({ imdb: place() }), 'ERR_QRKD_FILE', /no such file or folder \(expected aclImdb/);
    const archive = `${place()}.tar.gz`;
    create({ file: archive, cwd: folder(FILES), gzip: true, sync: true }, ['aclImdb']);
    const whole = readFileSync(archive);
    writeFileSync(archive, whole.subarray(0, whole.length / 2));
    await refusesLater(
      loadReviews({ imdb: archive }),
      'ERR_QRKD_FORMAT',
      /is not a complete .tar, .tar.gz or .zip archive/,
    );
    const hub = place();
    cpSync(join(fixtures, 'imdb'), hub, { recursive: true });
    rmSync(join(hub, 'train-00000-of-00002.parquet'));
    await refusesLater(
      loadReviews({ imdb: hub }),
      'ERR_QRKD_FILE',
      /one of 2 shards, but there are train-00001-of-00002.parquet/,
    );
    cpSync(join(fixtures, 'imdb/unsupervised-00000-of-00001.parquet'), join(hub, 'test-00000-of-00001.parquet'));
    cpSync(join(fixtures, 'imdb/train-00000-of-00002.parquet'), join(hub, 'train-00000-of-00002.parquet'));
    await refusesLater(
      loadReviews({ imdb: hub }),
      'ERR_QRKD_FORMAT',
      /row 0 has label -1, expected 0 \(negative\) or 1/,
    );
    await refusesLater(loadReviews({ imdb: 1 } as never), 'ERR_QRKD_TYPE', /expected \{ imdb: PATH \}/);
  });

  it('selects rows, and refuses others', () => {
    const set = { texts: ['a', 'b'], labels: Int32Array.of(0, 1), classes: 2 };
    assert.deepEqual(selectTexts(set, [1]), { texts: ['b'], labels: Int32Array.of(1), classes: 2 });
    refuses(() => selectTexts(set, [2]), 'ERR_QRKD_VALUE', /rows\[0\] is 2; expected an integer in \[0, 2\)/);
  });
});

describe("02 SpamAssassin's mail", () => {
  const mail = (subject: string, body: string) =>
    JSON.stringify({ id: '1', group: 'x', text: `From a\nReceived: here\nSubject: ${subject}\nTo: b\n\n${body}\n\n` });
  const messages = (group: string, count: number) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, i) => [
        `data/${group}/${String(i + 1).padStart(5, '0')}.ab12.json`,
        mail(`about\n ${group}`, `${group} body\n\n${i}`),
      ]),
    );
  const FILES: Record<string, string> = {
    ...messages('easy-ham-1', 6),
    ...messages('hard-ham-1', 4),
    ...messages('spam-1', 5),
    // White space and case apart, the body of an earlier one.
    'data/spam-2/00001.cd.json': mail('other', 'SPAM-1  body 2'),
    'data/spam-2/00002.cd.json': mail('new', 'new'),
    'data/easy-ham-1/00001.ab12.txt': 'not read',
  };

  it('is subject and body, without repetitions; every fifth of a class is test', async () => {
    const dir = folder(FILES);
    const reviews = await loadReviews({ spamAssassin: dir });
    assert.equal(reviews.train.texts[0], 'about easy-ham-1\n\neasy-ham-1 body\n\n0\n');
    assert.deepEqual([reviews.train.texts.length, reviews.test.texts.length], [13, 3]);
    // Indices 4 and 9 of ten wanted messages, 4 of six that are spam.
    assert.deepEqual(
      reviews.test.texts.map((text) => text.split('\n\n').slice(1).join(' ')),
      ['easy-ham-1 body 4\n', 'spam-1 body 4\n', 'hard-ham-1 body 3\n'],
    );
    assert.deepEqual([...reviews.test.labels], [0, 1, 0]);
    assert.match(reviews.split, /index mod 5 = 4 is test; 1 repeated messages left out/);
    const archive = `${place()}.tgz`;
    create({ file: archive, cwd: dir, gzip: true, sync: true, prefix: 'package' }, ['data']);
    assert.deepEqual(await loadReviews({ spamAssassin: archive }), reviews);
  });

  it('refuses folders without messages, and damaged ones', async () => {
    const few = folder(messages('spam-1', 5));
    await refusesLater(loadReviews({ spamAssassin: few }), 'ERR_QRKD_FILE', /has 0 messages of wanted mail/);
    for (const [content, message] of [
      ['{', /00001.ab12.json: is not readable as JSON/],
      ['{"text": 1}', /has text of type number, expected \{ "text"/],
      ['null', /has text of type undefined/],
    ] as const) {
      const dir = folder({ ...FILES, 'data/easy-ham-1/00001.ab12.json': content });
      await refusesLater(loadReviews({ spamAssassin: dir }), 'ERR_QRKD_FORMAT', message);
    }
  });

  it('its real messages, where the package is installed', async (t) => {
    let reviews: Reviews;
    try {
      const { loadSpamAssassin } = await import('qrkd/data');
      reviews = loadSpamAssassin();
    } catch (error) {
      return t.skip((error as Error).message);
    }
    assert.deepEqual([reviews.train.texts.length, reviews.test.texts.length], [4672, 1167]);
    assert.equal(new Set([...reviews.train.texts, ...reviews.test.texts]).size, 5839);
  });
});
