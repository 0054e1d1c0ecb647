import { failAt } from './position.js';
import type { Expression, Operator } from './syntax.js';
import type { TokenStream } from './tokenStream.js';
import { tokenValue } from './tokens.js';

/** How tightly operators bind; QASM 2 writes a power as ^, QASM 3 as **, and both agree on the rest. */
const OPERATORS: Readonly<Record<string, { operator: Operator; level: number }>> = {
  '+': { operator: '+', level: 1 },
  '-': { operator: '-', level: 1 },
  '*': { operator: '*', level: 2 },
  '/': { operator: '/', level: 2 },
  '**': { operator: '**', level: 4 },
  '^': { operator: '**', level: 4 },
};
const UNARY_LEVEL = 3;
const UNSUPPORTED = ['%', '<<', '>>', '<', '>', '<=', '>=', '==', '!=', '&', '|', '&&', '||', '!', '~', '++'];

/** Trees are walked recursively, so they may not be deeper than this. */
const MOST_LEVELS = 400;

const depths = new WeakMap<Expression, number>();

/**
 * Reads one expression by precedence climbing.
 *
 * @param level operators that bind less tightly are left to the caller
 * @param nesting parentheses and prefixes around this place
 */
export function parseExpression(stream: TokenStream, level = 0, nesting = 0): Expression {
  let left = parseOperand(stream, nesting);
  for (;;) {
    const token = stream.peek();
    const entry = token.kind === 'symbol' ? OPERATORS[token.text] : undefined;
    if (!entry) {
      if (token.kind === 'symbol' && UNSUPPORTED.includes(token.text)) {
        failAt(token, 'ERR_QRKD_UNSUPPORTED', `the operator ${token.text} is not supported in angles`);
      }
      return left;
    }
    if (entry.level < level) return left;
    stream.take();
    // Powers group from the right, the others from the left.
    const right = parseExpression(stream, entry.operator === '**' ? entry.level : entry.level + 1, nesting + 1);
    left = measured({ kind: 'binary', operator: entry.operator, left, right, at: token }, [left, right]);
  }
}

function parseOperand(stream: TokenStream, nesting: number): Expression {
  const at = stream.peek();
  if (nesting > MOST_LEVELS) failAt(at, 'ERR_QRKD_UNSUPPORTED', `expressions nest at most ${MOST_LEVELS} levels`);
  if (at.kind === 'integer' || at.kind === 'float') {
    stream.take();
    return { kind: 'number', value: tokenValue(at), integer: at.kind === 'integer', at };
  }
  if (stream.accept('-')) {
    const operand = parseExpression(stream, UNARY_LEVEL, nesting + 1);
    return measured({ kind: 'negative', operand, at }, [operand]);
  }
  if (stream.accept('+')) return parseExpression(stream, UNARY_LEVEL, nesting + 1);
  if (stream.accept('(')) {
    const inner = parseExpression(stream, 0, nesting + 1);
    stream.expect(')');
    return inner;
  }
  const { text: name } = stream.expectKind('name', 'an expression');
  if (stream.accept('(')) {
    const list = stream.list(')', () => parseExpression(stream, 0, nesting + 1));
    return measured({ kind: 'call', name, arguments: list, at }, list);
  }
  if (!stream.accept('[')) return { kind: 'name', name, at };
  const index = parseExpression(stream, 0, nesting + 1);
  stream.expect(']');
  return measured({ kind: 'name', name, index, at }, [index]);
}

/** Refuses a tree that has become too deep: long chains such as 1 + 1 + 1 + ... nest to the left. */
function measured(expression: Expression, children: readonly Expression[]): Expression {
  const depth = children.reduce((most, child) => Math.max(most, 1 + (depths.get(child) ?? 0)), 1);
  if (depth > MOST_LEVELS) {
    failAt(expression.at, 'ERR_QRKD_UNSUPPORTED', `an expression may have at most ${MOST_LEVELS} levels`);
  }
  depths.set(expression, depth);
  return expression;
}
