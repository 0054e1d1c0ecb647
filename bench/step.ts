// What a QRKD training step costs beside tfjs's own cross-entropy step, and what its terms add:
//   node dist-test/bench/step.js [rounds]
// A table goes to standard error, one JSON document to standard output.
import { simdInfo } from 'qrkd';
import { backendInfo } from 'qrkd/distill';
import { trainingTurns } from './steps.js';
import { alternate, printTable } from './turns.js';

const BATCH = 64;
const rounds = Number(process.argv[2] ?? 7);
const times = await alternate(await trainingTurns(BATCH), rounds);
const ratio = (a: string, b: string) => times[a]! / times[b]!;

const added = (with_: string, without: string) => 100 * (ratio(with_, without) - 1);
const verdicts = (['zz', 'angle'] as const).map((map) => ({
  map,
  toCrossEntropy: ratio(`qrkd step, ${map}`, 'tfjs cross-entropy step'),
  quantumAddsPercent: added(`qrkd step, ${map}`, 'qrkd step, no quantum term'),
  relationsAddPercent: added(`qrkd step, ${map}`, `qrkd step, ${map}, no relations`),
}));
printTable(
  `Training step, paper's student, batch ${BATCH}`,
  ['', 'ms', 'to tfjs cross-entropy'],
  Object.entries(times).map(([name, time]) => [
    name,
    time.toFixed(2),
    `${ratio(name, 'tfjs cross-entropy step').toFixed(3)} x`,
  ]),
);
printTable(
  'Goals: at most 1.3 x, +10 %, +10 %',
  ['map', 'to tfjs cross-entropy', 'quantum term adds', 'relations add'],
  verdicts.map((v) => [
    v.map,
    `${v.toCrossEntropy.toFixed(3)} x`,
    `${v.quantumAddsPercent.toFixed(1)} %`,
    `${v.relationsAddPercent.toFixed(1)} %`,
  ]),
);
console.log(JSON.stringify({ backend: backendInfo(), simd: simdInfo(), rounds, milliseconds: times, verdicts }));
