import type { TopLevelSpec } from 'vega-lite';
import type { Term } from '../losses/qrkd.js';
import type { RunRecord } from '../study/run.js';
import { spread } from '../study/statistics.js';
import { PALETTE, toSvg } from './svg.js';

/** Runs of the same method, in order of first appearance. */
export function byMethod(runs: readonly RunRecord[]): Map<string, RunRecord[]> {
  const groups = new Map<string, RunRecord[]>();
  for (const run of runs) groups.set(run.method, [...(groups.get(run.method) ?? []), run]);
  return groups;
}

/** Accuracy over epochs: mean over seeds with a band of one standard deviation, one panel for training, one for validation. */
export function learningCurves(runs: readonly RunRecord[]): Promise<string> {
  const groups = byMethod(runs);
  const values = [...groups].flatMap(([method, own]) =>
    own[0].result.epochs.flatMap(({ epoch }, e) =>
      (['training (running)', 'validation'] as const).map((part) => {
        const accuracies = own.map(({ result }) => {
          const metrics = result.epochs[e];
          return 100 * (part === 'validation' ? (metrics.validation?.accuracy ?? Number.NaN) : metrics.runningAccuracy);
        });
        const { mean, deviation } = spread(accuracies);
        return { method, part, epoch, mean, low: mean - (deviation ?? 0), high: mean + (deviation ?? 0) };
      }),
    ),
  );
  const methods = [...groups.keys()];
  const color = {
    field: 'method',
    type: 'nominal',
    sort: methods,
    scale: { domain: methods, range: PALETTE },
    title: null,
    legend: { symbolOpacity: 1 },
  };
  const x = { field: 'epoch', type: 'quantitative', axis: { tickMinStep: 1, format: 'd', title: 'Epoch' } };
  return toSvg({
    data: { values },
    facet: { column: { field: 'part', type: 'nominal', title: null } },
    spec: {
      width: 360,
      height: 260,
      layer: [
        {
          mark: { type: 'area', opacity: 0.15 },
          encoding: {
            x,
            y: { field: 'low', type: 'quantitative', scale: { zero: false }, title: 'Accuracy (%)' },
            y2: { field: 'high' },
            color,
          },
        },
        {
          mark: { type: 'line', point: { size: 25 }, strokeWidth: 2 },
          encoding: {
            x,
            y: { field: 'mean', type: 'quantitative', scale: { zero: false }, title: 'Accuracy (%)' },
            color,
          },
        },
      ],
    },
  } as unknown as TopLevelSpec);
}

const TERM_NAMES: Record<Term, string> = {
  ce: 'cross-entropy',
  kd: 'logits (KD)',
  distance: 'distance',
  angle: 'angle',
  quantum: 'kernel',
};

/** Weighted loss (or weighted gradient norm) of every term over epochs, one panel for each method; means over seeds. */
export function termCurves(runs: readonly RunRecord[], what: 'loss' | 'gradient'): Promise<string> {
  const values = [...byMethod(runs)].flatMap(([method, own]) =>
    own[0].result.epochs.flatMap(({ epoch, terms }, e) =>
      (Object.keys(terms) as Term[]).map((term) => {
        const of = own.map(({ result }) => {
          const { raw, weighted, gradientNorm } = result.epochs[e].terms[term]!;
          return what === 'loss' ? weighted : raw === 0 ? 0 : (gradientNorm * weighted) / raw;
        });
        return { method, term: TERM_NAMES[term], epoch, value: spread(of).mean };
      }),
    ),
  );
  const terms = Object.values(TERM_NAMES).filter((term) => values.some((value) => value.term === term));
  const methods = [...byMethod(runs).keys()];
  return toSvg({
    // A logarithm has no place for terms that are exactly 0.
    data: { values: values.filter(({ value }) => value > 0) },
    facet: { field: 'method', type: 'nominal', sort: methods, title: null },
    columns: 4,
    spec: {
      width: 165,
      height: 140,
      mark: { type: 'line', point: { size: 20 }, strokeWidth: 2 },
      encoding: {
        x: { field: 'epoch', type: 'quantitative', axis: { tickMinStep: 1, format: 'd', title: 'Epoch' } },
        y: {
          field: 'value',
          type: 'quantitative',
          scale: { type: 'log' },
          axis: { tickCount: 4, format: '~g', title: what === 'loss' ? 'Weighted loss' : 'Weighted gradient norm' },
        },
        color: { field: 'term', type: 'nominal', sort: terms, scale: { domain: terms, range: PALETTE }, title: 'Term' },
      },
    },
  } as unknown as TopLevelSpec);
}

/** Kernel matrices as heat maps side by side, values 0 to 1 on one scale; samples are sorted by class. */
export function heatMaps(panels: readonly { name: string; matrix: readonly number[][] }[]): Promise<string> {
  const values = panels.flatMap(({ name, matrix }) =>
    matrix.flatMap((row, i) => row.map((value, j) => ({ name, i, j, value }))),
  );
  const n = panels[0].matrix.length;
  const position = (field: string) => ({ field, type: 'ordinal', axis: null });
  const side = 6 * n;
  return toSvg({
    data: { values },
    facet: { column: { field: 'name', type: 'nominal', sort: panels.map(({ name }) => name), title: null } },
    spec: {
      width: side,
      height: side,
      mark: { type: 'rect' },
      encoding: {
        x: position('j'),
        y: position('i'),
        color: {
          field: 'value',
          type: 'quantitative',
          scale: { scheme: 'viridis', domain: [0, 1] },
          legend: { title: 'Fidelity', gradientLength: side - 40 },
        },
      },
    },
  } as unknown as TopLevelSpec);
}
