// What a QRKD training step costs beside tfjs's own cross-entropy step, and what its terms add, on both engines:
//   node dist-test/bench/step.js [rounds]
// Tables go to standard error, one JSON document to standard output.
import { simdInfo } from 'qrkd';
import { backendInfo } from 'qrkd/distill';
import { type Engine, termTurns, trainingTurns } from './steps.js';
import { alternate, printTable } from './turns.js';

const BATCH = 64;
// The public reproduction's step on MerLin, batch 64, as it was measured once on two cores, not in this run. It has no gradient of
// the quantum term, which is part of ours.
const REPRODUCTION_MILLISECONDS = 624;
const rounds = Number(process.argv[2] ?? 7);
const engines = [];
for (const engine of ['native', 'tfjs'] as const) engines.push(await measured(engine));
console.log(JSON.stringify({ backend: backendInfo(), simd: simdInfo(), rounds, engines }));

// Two ways to the same question. Whole steps with and without a term differ by the term and by all the noise of two steps;
// the terms timed alone differ by the term, and only its share of a step is then taken. The native engine has terms of
// its own, which cannot be timed alone.
async function measured(engine: Engine) {
  const alone = engine === 'tfjs';
  const times = await alternate({ ...(await trainingTurns(BATCH, engine)), ...(alone && termTurns(BATCH)) }, rounds);
  const ratio = (a: string, b: string) => times[a]! / times[b]!;
  const addedToStep = (step: string, without: string) => 100 * (ratio(step, without) - 1);
  const shareOfStep = (terms: string, without: string, step: string) =>
    (100 * (times[terms]! - times[without]!)) / times[step]!;
  const verdicts = (['zz', 'angle'] as const).map((map) => ({
    map,
    toCrossEntropy: ratio(`qrkd step, ${map}`, 'tfjs cross-entropy step'),
    quantumAddsPercent: addedToStep(`qrkd step, ${map}`, 'qrkd step, no quantum term'),
    relationsAddPercent: addedToStep(`qrkd step, ${map}`, `qrkd step, ${map}, no relations`),
    ...(alone && {
      quantumTermPercent: shareOfStep(`terms, ${map}`, 'terms, no quantum term', 'qrkd step, no quantum term'),
      relationsTermPercent: shareOfStep(
        `terms, ${map}`,
        `terms, ${map}, no relations`,
        `qrkd step, ${map}, no relations`,
      ),
    }),
  }));
  printTable(
    `Training step, paper's student, batch ${BATCH}, engine ${engine}`,
    ['', 'ms', 'to tfjs cross-entropy'],
    Object.entries(times).map(([name, time]) => [
      name,
      time.toFixed(time < 10 ? 3 : 2),
      `${ratio(name, 'tfjs cross-entropy step').toFixed(3)} x`,
    ]),
  );
  const merlin = REPRODUCTION_MILLISECONDS / times['qrkd step, zz']!;
  console.error(
    `The public reproduction's step takes ${REPRODUCTION_MILLISECONDS} ms (not measured in this run; without the quantum term's gradient): ${merlin.toFixed(0)} x`,
  );
  const percent = (value?: number) => (value === undefined ? '' : `${value.toFixed(1)} %`);
  printTable(
    alone ? 'Goals: at most 1.3 x, +10 %, +10 %' : 'The native step is short: the same terms are a larger part of it',
    ['map', 'to tfjs cross-entropy', 'quantum term adds', '(timed alone)', 'relations add', '(timed alone)'],
    verdicts.map((v) => [
      v.map,
      `${v.toCrossEntropy.toFixed(3)} x`,
      percent(v.quantumAddsPercent),
      percent(v.quantumTermPercent),
      percent(v.relationsAddPercent),
      percent(v.relationsTermPercent),
    ]),
  );
  return {
    engine,
    milliseconds: times,
    verdicts,
    reproduction: { milliseconds: REPRODUCTION_MILLISECONDS, ratio: merlin },
  };
}
