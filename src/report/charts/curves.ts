import { TERMS, type Term } from '../../losses/qrkd.js';
import { capitalized, type Measure, shown } from '../../study/measure.js';
import type { RunRecord } from '../../study/run.js';
import { spread } from '../../study/statistics.js';
import type { Panel } from '../html.js';
import { type LineStyle, lineStyles, PANEL_WIDTH, panelSvg, styleChannels } from '../svg.js';

/** Runs of the same method, in order of first appearance. */
export function byMethod(runs: readonly RunRecord[]): Map<string, RunRecord[]> {
  const groups = new Map<string, RunRecord[]>();
  for (const run of runs) groups.set(run.method, [...(groups.get(run.method) ?? []), run]);
  return groups;
}

type Epoch = RunRecord['result']['epochs'][number];

/** Mean and spread of a quantity over the runs that reached each epoch. */
function overEpochs(runs: readonly RunRecord[], value: (epoch: Epoch) => number | undefined) {
  const last = Math.max(0, ...runs.map(({ result }) => result.epochs.length));
  return Array.from({ length: last }, (_, e) => {
    const found = runs.flatMap(({ result }) => (result.epochs[e] ? (value(result.epochs[e]) ?? []) : []));
    return { epoch: e + 1, found };
  }).flatMap(({ epoch, found }) => {
    if (found.length === 0) return [];
    const { mean, deviation } = spread(found);
    return [{ epoch, mean, low: mean - (deviation ?? 0), high: mean + (deviation ?? 0) }];
  });
}

const EPOCH = {
  field: 'epoch',
  type: 'quantitative',
  scale: { zero: false, nice: false },
  axis: { tickMinStep: 1, tickCount: 6, format: 'd', title: 'Epoch', grid: false },
};

/** The measure on the validation part after each epoch. */
const onValidation =
  (measure: Measure) =>
  ({ validation }: Epoch) =>
    validation && shown(measure, validation);

/** The measure on the training part in the course of each epoch, where a step has measured it. */
const whileTraining = (measure: Measure) => (epoch: Epoch) => {
  const value = measure.whileTraining(epoch);
  return value === undefined ? undefined : measure.scale * value;
};

/** More bands than this in one chart cannot be told apart. */
export const MOST_BANDS = 6;

interface Curve {
  measure: Measure;
  bands: boolean;
  below?: object[];
  domain?: [number, number];
}

function curvePanel(
  size: { width: number; height: number },
  values: readonly object[],
  styles: readonly LineStyle[],
  { measure, bands, below = [], domain }: Curve,
): Promise<string> {
  const channels = styleChannels('method', styles);
  const y = (field: string) => ({
    field,
    type: 'quantitative',
    scale: { zero: false, ...(domain && { domain, nice: false }) },
    title: capitalized(measure.name) + measure.symbol,
  });
  const layer = [
    ...below,
    ...(bands
      ? [
          {
            data: { values },
            mark: { type: 'area', opacity: 0.2, clip: true },
            encoding: { x: EPOCH, y: y('low'), y2: { field: 'high' }, color: channels.color },
          },
        ]
      : []),
    {
      data: { values },
      mark: { type: 'line', strokeWidth: 2, clip: true },
      encoding: { x: EPOCH, y: y('mean'), ...channels },
    },
  ];
  return panelSvg(size, { layer });
}

/**
 * The measure over epochs, a panel for each part: means over seeds, with bands of one standard deviation where there are few. The
 * training part has one where methods have measured it.
 */
export async function learningPanels(
  runs: readonly RunRecord[],
  styles: readonly LineStyle[],
  measure: Measure,
): Promise<Panel[]> {
  const groups = byMethod(runs);
  const parts = [
    { title: 'Training part, while trained on', value: whileTraining(measure) },
    { title: 'Validation part', value: onValidation(measure) },
  ].map(({ title, value }) => ({
    title,
    values: [...groups].flatMap(([method, own]) => overEpochs(own, value).map((point) => ({ method, ...point }))),
  }));
  const size = { width: PANEL_WIDTH.wide, height: 320 };
  const bands = groups.size <= MOST_BANDS;
  return Promise.all(
    parts
      .filter(({ values }) => values.length > 0)
      .map(async ({ title, values }) => ({ title, html: await curvePanel(size, values, styles, { measure, bands }) })),
  );
}

/** The measure on the validation part over epochs, a panel for each method with its band before the means of all others, on one scale. */
export async function methodPanels(
  runs: readonly RunRecord[],
  styles: readonly LineStyle[],
  measure: Measure,
): Promise<Panel[]> {
  const curves = [...byMethod(runs)].map(([method, own]) => ({
    method,
    values: overEpochs(own, onValidation(measure)).map((point) => ({ method, ...point })),
  }));
  const all = curves.flatMap(({ values }) => values);
  const last = Math.max(...all.map(({ epoch }) => epoch));
  const late = all.filter(({ epoch }) => epoch >= last / 2);
  const [lowest, highest] = measure.bounds;
  const domain: [number, number] = [
    Math.max(lowest, Math.min(...late.map(({ low }) => low))),
    Math.min(highest, Math.max(...late.map(({ high }) => high))),
  ];
  return Promise.all(
    curves.map(async ({ method, values }) => {
      const others = {
        data: { values: all.filter((point) => point.method !== method) },
        mark: { type: 'line', strokeWidth: 1, color: '#888', opacity: 0.45, clip: true },
        encoding: {
          x: EPOCH,
          y: { field: 'mean', type: 'quantitative', scale: { domain, nice: false } },
          detail: { field: 'method' },
        },
      };
      const size = { width: PANEL_WIDTH.narrow, height: 200 };
      const own = styles.filter(({ name }) => name === method);
      const html = await curvePanel(size, values, own, { measure, bands: true, below: [others], domain });
      return { title: method, html };
    }),
  );
}

const TERM_NAMES: Record<Term, string> = {
  ce: 'cross-entropy',
  kd: 'logits (KD)',
  hidden: 'hidden states',
  distance: 'distance',
  angle: 'angle',
  quantum: 'kernel',
};

/** The terms that occur, as lines of a legend. */
export function termStyles(runs: readonly RunRecord[]): LineStyle[] {
  const used = TERMS.filter((term) => runs.some(({ result }) => result.epochs.some(({ terms }) => terms[term])));
  return lineStyles(TERMS.map((term) => TERM_NAMES[term])).filter((_, t) => used.includes(TERMS[t]));
}

const MEASURES = {
  loss: { title: 'Weighted loss', of: ({ weighted }: TermAt) => weighted },
  gradient: {
    title: 'Gradient norm',
    of: ({ raw, weighted, gradientNorm }: TermAt) => (raw === 0 ? 0 : (gradientNorm * weighted) / raw),
  },
} as const;
type TermAt = NonNullable<Epoch['terms'][Term]>;

/** Every term's weighted loss or weighted gradient norm over epochs, a panel for each method, all on one scale; means over seeds. */
export async function termPanels(runs: readonly RunRecord[], what: keyof typeof MEASURES): Promise<Panel[]> {
  const { title, of } = MEASURES[what];
  const styles = termStyles(runs);
  const panels = [...byMethod(runs)].map(([method, own]) => ({
    method,
    values: TERMS.flatMap(
      (term) =>
        overEpochs(own, ({ terms }) => terms[term] && of(terms[term])).map(({ epoch, mean }) => ({
          term: TERM_NAMES[term],
          epoch,
          mean,
        })),
      // A logarithm has no place for terms that are exactly 0.
    ).filter(({ mean }) => mean > 0),
  }));
  const all = panels.flatMap(({ values }) => values.map(({ mean }) => mean));
  const domain: [number, number] = [Math.min(...all), Math.max(...all)];
  return Promise.all(
    panels.map(async ({ method, values }) => ({
      title: method,
      html: await panelSvg(
        { width: PANEL_WIDTH.narrow, height: 200 },
        {
          data: { values },
          mark: { type: 'line', strokeWidth: 2, point: { size: 18 } },
          encoding: {
            x: EPOCH,
            y: {
              field: 'mean',
              type: 'quantitative',
              scale: { type: 'log', domain },
              axis: { values: powers(domain), format: '~g', title },
            },
            ...styleChannels('term', styles),
          },
        },
      ),
    })),
  );
}

/** The powers of ten within a range; every second, third ... where there are more than six. */
function powers([low, high]: [number, number]): number[] {
  const [first, last] = [Math.ceil(Math.log10(low)), Math.floor(Math.log10(high))];
  const step = Math.max(1, Math.ceil((last - first) / 5));
  const found: number[] = [];
  for (let power = last; power >= first; power -= step) found.push(Number(`1e${power}`));
  return found;
}
