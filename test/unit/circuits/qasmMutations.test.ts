// Texts that were damaged at random are read, or refused with a place; nothing else is thrown and nothing hangs.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Circuit, QrkdRangeError } from 'qrkd';
import seedrandom from 'seedrandom';
import { readFixture } from '../../golden/fixtures.js';
import { FUZZ_CASES } from '../../mutations.js';

const { exported, written } = readFixture<Record<'exported' | 'written', { text: string }[]>>('qasm.json');
const TEXTS = [...exported, ...written].map(({ text }) => text);

/** Pieces of the language, and of what is none of it. */
const PIECES = [
  ...'qubit qreg bit creg input const gate ctrl inv pow negctrl measure barrier float angle array int pi x0 theta1'.split(
    ' ',
  ),
  ...'; , ( ) [ ] { } @ -> = * / + - ** ^ . : " // /* */ $0 0 1 2 7 1e999 -1 0.5 99999999999 0x 1_0 é € \u0000 \n h cx rx U'.split(
    ' ',
  ),
];

function mutated(text: string, random: () => number): string {
  const below = (n: number) => Math.floor(random() * n);
  let result = text;
  for (let k = 0; k < 1 + below(2); k++) {
    const at = below(result.length);
    const [head, tail] = [result.slice(0, at), result.slice(at)];
    const kinds = [
      () => head + tail.slice(1 + below(8)),
      () => `${head} ${PIECES[below(PIECES.length)]} ${tail}`,
      () => head + PIECES[below(PIECES.length)] + tail.slice(1 + below(3)),
      () => head + String.fromCharCode(32 + below(96)) + tail.slice(1),
      () => head + tail.slice(0, below(40)) + tail,
      () => head + TEXTS[below(TEXTS.length)].slice(-1 - below(300)),
      () => head,
      // Numbers for numbers and lines for lines: damage that the grammar does not see.
      () => head + tail.replace(/\d/, () => String(below(10))),
      () => head + tail.replace(/\d+\.?\d*/, () => String(below(1e6) / 1e3)),
      () => head + tail.replace(/\n(.*)\n(.*)\n/, '\n$2\n$1\n'),
      () => head + tail.replace(/\n.*\n/, '\n'),
    ];
    result = kinds[below(kinds.length)]();
  }
  return result;
}

it('damaged OpenQASM texts', { timeout: FUZZ_CASES * 60 }, () => {
  const random = seedrandom('damaged OpenQASM');
  let [read, refused] = [0, 0];
  for (let k = 0; k < FUZZ_CASES; k++) {
    const text = mutated(TEXTS[Math.floor(random() * TEXTS.length)], random);
    try {
      Circuit.fromQasm(text);
      read++;
    } catch (error) {
      const good = error instanceof QrkdRangeError && /^QASM line \d+, column \d+: ./.test(error.message);
      assert.ok(good, `case ${k}: ${error instanceof Error ? error.stack : error}\n${text}`);
      refused++;
    }
  }
  // Damage that never shows, or always, would test little.
  assert.ok(read > FUZZ_CASES / 20 && refused > FUZZ_CASES / 2, `${read} read, ${refused} refused`);
});
