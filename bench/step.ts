// What a QRKD training step costs beside tfjs's own cross-entropy step, and what its terms add:
//   node dist-test/bench/step.js [rounds]
// A table goes to standard error, one JSON document to standard output.
import { simdInfo } from 'qrkd';
import { backendInfo } from 'qrkd/distill';
import { termTurns, trainingTurns } from './steps.js';
import { alternate, printTable } from './turns.js';

const BATCH = 64;
const rounds = Number(process.argv[2] ?? 7);
const times = await alternate({ ...(await trainingTurns(BATCH, 'tfjs')), ...termTurns(BATCH) }, rounds);
const ratio = (a: string, b: string) => times[a]! / times[b]!;

// Two ways to the same question. Whole steps with and without a term differ by the term and by all the noise of two steps;
// the terms timed alone differ by the term, and only its share of a step is then taken.
const addedToStep = (step: string, without: string) => 100 * (ratio(step, without) - 1);
const shareOfStep = (terms: string, without: string, step: string) =>
  (100 * (times[terms]! - times[without]!)) / times[step]!;
const verdicts = (['zz', 'angle'] as const).map((map) => ({
  map,
  toCrossEntropy: ratio(`qrkd step, ${map}`, 'tfjs cross-entropy step'),
  quantumAddsPercent: addedToStep(`qrkd step, ${map}`, 'qrkd step, no quantum term'),
  quantumTermPercent: shareOfStep(`terms, ${map}`, 'terms, no quantum term', 'qrkd step, no quantum term'),
  relationsAddPercent: addedToStep(`qrkd step, ${map}`, `qrkd step, ${map}, no relations`),
  relationsTermPercent: shareOfStep(`terms, ${map}`, `terms, ${map}, no relations`, `qrkd step, ${map}, no relations`),
}));
printTable(
  `Training step, paper's student, batch ${BATCH}`,
  ['', 'ms', 'to tfjs cross-entropy'],
  Object.entries(times).map(([name, time]) => [
    name,
    time.toFixed(time < 10 ? 3 : 2),
    `${ratio(name, 'tfjs cross-entropy step').toFixed(3)} x`,
  ]),
);
printTable(
  'Goals: at most 1.3 x, +10 %, +10 %',
  ['map', 'to tfjs cross-entropy', 'quantum term adds', '(timed alone)', 'relations add', '(timed alone)'],
  verdicts.map((v) => [
    v.map,
    `${v.toCrossEntropy.toFixed(3)} x`,
    `${v.quantumAddsPercent.toFixed(1)} %`,
    `${v.quantumTermPercent.toFixed(1)} %`,
    `${v.relationsAddPercent.toFixed(1)} %`,
    `${v.relationsTermPercent.toFixed(1)} %`,
  ]),
);
console.log(JSON.stringify({ backend: backendInfo(), simd: simdInfo(), rounds, milliseconds: times, verdicts }));
