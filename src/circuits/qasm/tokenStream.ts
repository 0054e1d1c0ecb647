import { failAt } from './position.js';
import { type Token, tokenize } from './tokens.js';

/** Tokens one after the other, with what every parser asks of them. */
export class TokenStream {
  private readonly tokens: Token[];
  private next = 0;

  constructor(text: string) {
    this.tokens = tokenize(text);
  }

  /** The token that comes next, or one further ahead. */
  peek(ahead = 0): Token {
    return this.tokens[Math.min(this.next + ahead, this.tokens.length - 1)]!;
  }

  take(): Token {
    const token = this.peek();
    if (token.kind !== 'end') this.next++;
    return token;
  }

  /** Takes the next token if it is this symbol or word. */
  accept(text: string): boolean {
    const { kind, text: found } = this.peek();
    if (found !== text || (kind !== 'symbol' && kind !== 'name')) return false;
    this.next++;
    return true;
  }

  expect(symbol: string): void {
    if (!this.accept(symbol)) this.unexpected(`"${symbol}"`);
  }

  /** Takes a token of this kind; `what` names it in the error otherwise. */
  expectKind(kind: Token['kind'], what: string): Token {
    if (this.peek().kind !== kind) this.unexpected(what);
    return this.take();
  }

  unexpected(wanted: string): never {
    const token = this.peek();
    const found = token.kind === 'end' ? token.text : `"${token.text}"`;
    failAt(token, 'ERR_QRKD_FORMAT', `expected ${wanted}, found ${found}`);
  }

  /** Items separated by commas up to the closing symbol, which is taken, too. */
  list<T>(close: string, item: () => T): T[] {
    const items: T[] = [];
    if (this.accept(close)) return items;
    do items.push(item());
    while (this.accept(','));
    this.expect(close);
    return items;
  }

  /** Where the stream is, for {@link textSince}. */
  get mark(): number {
    return this.next;
  }
  textSince(mark: number): string {
    return this.tokens
      .slice(mark, this.next)
      .map((token) => token.text)
      .join(' ');
  }
}
