import { QrkdRangeError, suggest } from '../../errors.js';

/**
 * Undoing a corpus's tokenisation, token by token within a line: each rule says which tokens lose the space before or after
 * them. What a tokeniser threw away cannot come back (Penn Treebank's N, `<unk>`, capitals), so it stays.
 */
export interface DetokenizationRules {
  /** Tokens that become another text. */
  readonly rewritten: Readonly<Record<string, string>>;
  /** Lose the space on both sides. */
  readonly joined: RegExp;
  /** Lose the space before them. */
  readonly left: RegExp;
  /** Lose the space after them. */
  readonly right: RegExp;
  /** Quotes whose opening and closing signs look alike: they open and close in turn, anew in every line. */
  readonly alternating: readonly string[];
  /** Opening and closing quotes that differ. */
  readonly opening?: string;
  readonly closing?: string;
  /** Signs that the corpus repeats at the end of a sentence and that are written once. */
  readonly doubled?: RegExp;
  /** A full stop after a token that ends with one, an abbreviation's, is left out. */
  readonly oneStop?: boolean;
  /** Between two numbers these lose the space on both sides. */
  readonly betweenNumbers?: RegExp;
  /** Lines in equals signs are headings. */
  readonly headings?: boolean;
  /** Two tokens that were one word. */
  readonly split?: Readonly<Record<string, string>>;
}

const CONTRACTIONS = "'(?:s|t|re|ve|d|ll|m|S|T|RE|VE|D|LL|M)";

/**
 * - `wikitext`: Moses' escapes `@-@ @,@ @.@`, punctuation, brackets, quotes, contractions (`don 't`), `%`, currency signs,
 *   `1990 – 1995`, `12 : 30`, headings (`= = Title = =`).
 * - `ptb`: contractions (`do n't`, `it 's`), possessives (`dealers '`), `$ N`, `N %`, `can not`.
 * - `brown`: punctuation, brackets, ``` `` ``` and `''`, single quotes, the second of `; ;`, `? ?` and `! !`,
 *   the full stop after that of an abbreviation.
 */
export const DETOKENIZATION = {
  wikitext: {
    rewritten: { '@-@': '-', '@,@': ',', '@.@': '.' },
    joined: /^(@[-,.]@|\/)$/,
    left: new RegExp(`^([,.;:!?)\\]}%°″′]|${CONTRACTIONS}|n't)$`),
    right: /^([([{$£€¥#])$/,
    alternating: ['"', "'"],
    betweenNumbers: /^[–:]$/,
    headings: true,
  },
  ptb: {
    rewritten: {},
    joined: /^$/,
    left: new RegExp(`^([%']|${CONTRACTIONS}|n't)$`),
    right: /^[$#]$/,
    alternating: [],
    split: { 'can not': 'cannot' },
  },
  brown: {
    rewritten: {},
    joined: /^$/,
    left: /^[,.;:!?)\]]$/,
    right: /^[([]$/,
    alternating: ["'"],
    opening: '``',
    closing: "''",
    doubled: /^[;?!]$/,
    oneStop: true,
  },
} as const satisfies Record<string, DetokenizationRules>;

export type DetokenizationName = keyof typeof DETOKENIZATION;

const NUMBER = /^[\d.,]*\d$/;

/**
 * A text without the spaces that a tokeniser put in: line by line, spaces at both ends of a line left out, line ends kept.
 *
 * @param name of the rules, see {@link DETOKENIZATION}.
 * @throws {QrkdRangeError} `ERR_QRKD_VALUE` for another name.
 */
export function detokenize(text: string, name: DetokenizationName): string {
  if (!Object.hasOwn(DETOKENIZATION, name)) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `detokenize: name is ${JSON.stringify(name)}${suggest(String(name), Object.keys(DETOKENIZATION))}`,
    );
  }
  const rules: DetokenizationRules = DETOKENIZATION[name];
  return text
    .split('\n')
    .map((line) => line.split(/[ \t]+/).filter(Boolean))
    .map((tokens) => (rules.headings && isHeading(tokens) ? heading(tokens) : tokens))
    .map((tokens) => joinLine(tokens, rules))
    .join('\n');
}

/** WikiText's `= = Title = =`, whose signs are one token each. */
const isHeading = (tokens: readonly string[]): boolean =>
  tokens.length > 2 && tokens[0] === '=' && tokens[tokens.length - 1] === '=';

function heading(tokens: readonly string[]): string[] {
  let depth = 0;
  while (tokens[depth] === '=' && tokens[tokens.length - 1 - depth] === '=' && 2 * depth + 2 < tokens.length) depth++;
  const signs = '='.repeat(depth);
  return [signs, ...tokens.slice(depth, tokens.length - depth), signs];
}

function joinLine(tokens: readonly string[], rules: DetokenizationRules): string {
  let line = '';
  /** The next token follows without a space. */
  let glued = true;
  const open = new Set<string>();
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i];
    const previous = tokens[i - 1] ?? '';
    const next = tokens[i + 1] ?? '';
    if (rules.doubled?.test(token) && token === previous) continue;
    if (rules.oneStop && token === '.' && previous.endsWith('.')) continue;
    const whole = rules.split?.[`${token} ${next}`];
    if (whole !== undefined) i++;
    const side = whole !== undefined ? 'none' : sideOf(token, previous, next, open, rules);
    const written =
      whole ?? (token === rules.opening || token === rules.closing ? '"' : (rules.rewritten[token] ?? token));
    if (!glued && side !== 'left' && side !== 'both') line += ' ';
    line += written;
    glued = side === 'right' || side === 'both';
  }
  return line;
}

type Side = 'left' | 'right' | 'both' | 'none';

/** On which side a token loses its space. */
function sideOf(token: string, previous: string, next: string, open: Set<string>, rules: DetokenizationRules): Side {
  if (rules.joined.test(token)) return 'both';
  if (rules.betweenNumbers?.test(token) && NUMBER.test(previous) && NUMBER.test(next)) return 'both';
  if (token === rules.opening) return 'right';
  if (token === rules.closing) return 'left';
  if (rules.alternating.includes(token)) {
    // "the players ' union": nothing is open, so this is a possessive.
    if (token === "'" && !open.has(token) && /s$/i.test(previous)) return 'left';
    if (open.delete(token)) return 'left';
    open.add(token);
    return 'right';
  }
  if (rules.left.test(token)) return 'left';
  return rules.right.test(token) ? 'right' : 'none';
}
