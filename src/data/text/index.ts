import { describe, QrkdTypeError, rejectUnknownKeys } from '../../errors.js';
import { locateSet } from '../locate.js';
import { loadBrown } from './brown.js';
import type { Corpus, CorpusOptions } from './corpus.js';
import { loadImdb } from './imdb.js';
import { loadText, type PlainTextOptions } from './plainText.js';
import { loadPtb } from './ptb.js';
import { loadSpamAssassin } from './spamAssassin.js';
import type { Reviews } from './textSet.js';
import { loadWikitext } from './wikitext.js';

/**
 * Running text: `'brown'` for the corpus that installs with the package, another name for one that `qrkd data fetch` brings
 * (`wikitext2`, `wikitext2-raw`, `ptb`), or where files of one's own are.
 */
export type CorpusSource =
  | string
  | { readonly wikitext: string }
  | { readonly ptb: string }
  | { readonly brown: string }
  | ({ readonly text: string | readonly string[] } & PlainTextOptions);

/** Labelled texts: `'imdb'` and `'spam-assassin'` as they were fetched, or where their files are. */
export type ReviewSource = string | { readonly imdb: string } | { readonly spamAssassin: string };

/**
 * The corpus that a configuration names.
 *
 * @throws {QrkdTypeError} `ERR_QRKD_TYPE` for anything but the forms of {@link CorpusSource}, and for `detokenize` of plain
 * text, which has no rules; what the loaders throw.
 */
export async function loadCorpus(source: CorpusSource, options: CorpusOptions = {}): Promise<Corpus> {
  rejectUnknownKeys(options, ['detokenize'], 'loadCorpus');
  if (options.detokenize !== undefined && typeof options.detokenize !== 'boolean') {
    const found = describe(options.detokenize);
    throw new QrkdTypeError('ERR_QRKD_TYPE', `loadCorpus: detokenize is ${found}; expected true or false`);
  }
  if (source === 'brown') return loadBrown(options);
  if (typeof source === 'string') {
    const { folder, set } = locateSet(source, 'corpus', 'brown');
    return { ...(await set.load(folder, options)), name: source };
  }
  const { form, path, rest } = formOf(source, ['wikitext', 'ptb', 'brown', 'text'], 'corpus');
  rejectUnknownKeys(source, [form, ...(form === 'text' ? ['heldOut'] : [])], 'corpus');
  if (form === 'text') {
    if (options.detokenize) {
      throw new QrkdTypeError(
        'ERR_QRKD_TYPE',
        'detokenize is for corpora with rules of their own, plain text has none',
      );
    }
    return loadText(path, rest);
  }
  const only = typeof path === 'string' ? path : refuse(source, 'corpus', 'one path');
  if (form === 'brown') return loadBrown({ ...options, path: only });
  return form === 'ptb' ? loadPtb(only, options) : loadWikitext(only, options);
}

/**
 * The labelled texts that a configuration names.
 *
 * @throws {QrkdTypeError} `ERR_QRKD_TYPE` for anything but the forms of {@link ReviewSource}; what the loaders throw.
 */
export async function loadReviews(source: ReviewSource): Promise<Reviews> {
  if (typeof source === 'string') {
    const { folder, set } = locateSet(source, 'reviews');
    return { ...(await set.load(folder)), name: source };
  }
  const { form, path } = formOf(source, ['imdb', 'spamAssassin'], 'reviews');
  rejectUnknownKeys(source, [form], 'reviews');
  const only = typeof path === 'string' ? path : refuse(source, 'reviews', 'one path');
  return form === 'imdb' ? loadImdb(only) : loadSpamAssassin(only);
}

function formOf(source: object, forms: readonly string[], what: string) {
  const given = Object(source) as Record<string, unknown>;
  const form = forms.find((key) => key in given);
  if (form === undefined)
    return refuse(source, what, `a name, or { ${forms[0]}: PATH } (or ${forms.slice(1).join(', ')})`);
  const { [form]: path, ...rest } = given;
  const several = Array.isArray(path) && path.every((one) => typeof one === 'string');
  if (typeof path !== 'string' && !several) return refuse(source, what, `{ ${form}: PATH }`);
  return { form, path: path as string | string[], rest };
}

function refuse(source: unknown, what: string, expected: string): never {
  throw new QrkdTypeError('ERR_QRKD_TYPE', `${what} is ${JSON.stringify(source)}; expected ${expected}`);
}
