import { PALETTE, toSvg } from '#dist/report/svg.js';
import type { ContestResult } from './contest.js';

type Spec = Parameters<typeof toSvg>[0];

/** Times as long as ours, on a logarithmic scale: a dot for the median, a line for the range over rounds. */
export function ratioChart({ entries }: ContestResult): Promise<string> {
  const values = entries
    .filter(({ ratio }) => ratio)
    .map(({ name, precision, ratio }) => ({ name, precision, ...ratio! }));
  const most = Math.max(...values.map(({ high }) => high));
  const least = Math.min(1, ...values.map(({ low }) => low));
  const y = {
    field: 'name',
    type: 'nominal',
    sort: { field: 'median', order: 'ascending' },
    axis: { title: null, labelLimit: 600, grid: true },
  };
  const x = {
    type: 'quantitative',
    scale: { type: 'log' },
    axis: { title: 'Times as long as qrkd (same precision)', format: ',~r', values: ticks(least, most) },
  };
  const color = {
    field: 'precision',
    type: 'nominal',
    scale: { domain: ['float32', 'float64'], range: PALETTE },
    title: null,
  };
  return toSvg({
    data: { values },
    width: 460,
    height: { step: 22 },
    layer: [
      {
        mark: { type: 'rule', strokeWidth: 3, opacity: 0.5 },
        encoding: { y, x: { ...x, field: 'low' }, x2: { field: 'high' }, color },
      },
      {
        mark: { type: 'point', filled: true, size: 70, opacity: 1 },
        encoding: { y, x: { ...x, field: 'median' }, color },
      },
      {
        mark: { type: 'rule', strokeDash: [4, 3], color: '#888' },
        encoding: { x: { datum: 1, type: 'quantitative' } },
      },
    ],
  } as unknown as Spec);
}

/** Powers of ten; with 2 and 5 between where there would be few. */
function ticks(least: number, most: number): number[] {
  const decades = Math.ceil(Math.log10(most)) - Math.floor(Math.log10(least));
  const steps = decades > 3 ? [1] : [1, 2, 5];
  return Array.from({ length: decades + 1 }, (_, k) => 10 ** (Math.floor(Math.log10(least)) + k)).flatMap((decade) =>
    steps.map((step) => step * decade),
  );
}

/** Our rate over samples or qubits. */
export function growthChart({ job, curve = [] }: ContestResult): Promise<string> {
  const values = curve.map(({ at, gflops }) => ({ at, ...gflops }));
  const samples = job === 'growth-samples';
  const x = {
    field: 'at',
    type: 'quantitative',
    scale: samples ? { type: 'log', base: 2 } : { zero: false },
    axis: { title: samples ? 'Samples' : 'Qubits', values: values.map(({ at }) => at), format: 'd', grid: false },
  };
  const y = (field: string) => ({ field, type: 'quantitative', scale: { zero: true }, axis: { title: 'GFLOP/s' } });
  return toSvg({
    data: { values },
    width: 460,
    height: 220,
    layer: [
      { mark: { type: 'area', opacity: 0.2, color: PALETTE[0] }, encoding: { x, y: y('low'), y2: { field: 'high' } } },
      {
        mark: { type: 'line', point: { size: 50, color: PALETTE[0] }, color: PALETTE[0], strokeWidth: 2 },
        encoding: { x, y: y('median') },
      },
    ],
  } as unknown as Spec);
}
