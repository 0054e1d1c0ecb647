import { failAt, type Position } from './position.js';

/** `end` closes every list of tokens. Line and column are those of the first character. */
export interface Token extends Position {
  readonly kind: 'name' | 'integer' | 'float' | 'string' | 'symbol' | 'end';
  /** As written; of strings, without the quotes. */
  readonly text: string;
}

/** Sticky patterns, tried in this order. What is skipped has no kind. */
const PATTERNS: readonly [Token['kind'] | undefined, RegExp][] = [
  [undefined, /[ \t\r\n\f\v\u00a0\ufeff]+/y],
  [undefined, /\/\/[^\n]*/y],
  [undefined, /\/\*.*?\*\//sy],
  ['float', /(?:\d[\d_]*\.[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?|\d[\d_]*[eE][+-]?\d+/y],
  ['integer', /0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|\d[\d_]*/y],
  ['name', /[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{M}\p{Nd}_]*/uy],
  ['string', /"[^"\n]*"|'[^'\n]*'/y],
  ['symbol', /\$\d+|->|\*\*|==|!=|<=|>=|&&|\|\||<<|>>|\+\+|[-{}()[\];,:=@+*^.<>!&|~%#]|\/(?!\*)/y],
];

/**
 * Splits an OpenQASM text of either version into tokens; comments are dropped.
 *
 * @throws RangeError (ERR_QRKD_FORMAT) at a character that no token begins with.
 */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let [offset, line, lineStart] = [0, 1, 0];
  while (offset < text.length) {
    const at = { line, column: offset - lineStart + 1 };
    const [kind, match] = longestToken(text, offset, at);
    if (kind) tokens.push({ kind, text: kind === 'string' ? match.slice(1, -1) : match, ...at });
    for (let k = match.indexOf('\n'); k >= 0; k = match.indexOf('\n', k + 1)) {
      line++;
      lineStart = offset + k + 1;
    }
    offset += match.length;
  }
  tokens.push({ kind: 'end', text: 'the end of the text', line, column: offset - lineStart + 1 });
  return tokens;
}

function longestToken(text: string, offset: number, at: Position): [Token['kind'] | undefined, string] {
  for (const [kind, pattern] of PATTERNS) {
    pattern.lastIndex = offset;
    const match = pattern.exec(text);
    if (match) return [kind, match[0]];
  }
  const character = String.fromCodePoint(text.codePointAt(offset)!);
  const what =
    character === '"' || character === "'"
      ? 'a string that does not end on its line'
      : text.startsWith('/*', offset)
        ? 'a comment that does not end'
        : `unexpected character ${JSON.stringify(character)}`;
  failAt(at, 'ERR_QRKD_FORMAT', what);
}

/** The number that an integer or float token stands for. */
export function tokenValue({ text }: Token): number {
  return Number(text.replaceAll('_', ''));
}
