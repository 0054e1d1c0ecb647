import type { TopLevelSpec } from 'vega-lite';
import type { ConcentrationReport } from '../analysis/concentration.js';
import type { BandwidthScore } from '../analysis/tuneBandwidth.js';
import type { Matrix } from '../engine/types.js';
import { PALETTE, standalone, toSvg } from './svg.js';

const [BLUE, ORANGE, GREEN] = PALETTE;
const PANEL = { width: 340, height: 240 };

/** Score over bandwidth, and beside it the mean of the entries off the diagonal with a band of one standard deviation. */
export async function bandwidthCurve(table: readonly BandwidthScore[], by: 'alignment' | 'spread'): Promise<string> {
  const best = table.reduce((a, b) => (b.score > a.score ? b : a));
  const values = table.map(({ mean, deviation, ...rest }) => ({
    ...rest,
    mean,
    low: Math.max(mean - deviation, 0),
    high: Math.min(mean + deviation, 1),
  }));
  const x = {
    field: 'bandwidth',
    type: 'quantitative',
    scale: { type: 'log', nice: false },
    axis: { title: 'Bandwidth', values: ticks(table.map(({ bandwidth }) => bandwidth)) },
  };
  const rule = {
    data: { values: [best] },
    mark: { type: 'rule', strokeDash: [4, 3], color: '#888' },
    encoding: { x },
  };
  const title = by === 'alignment' ? 'Alignment with the labels' : 'Spread off the diagonal';
  return standalone(
    await toSvg({
      data: { values },
      hconcat: [
        {
          ...PANEL,
          layer: [
            rule,
            {
              mark: { type: 'line', point: { size: 30, color: BLUE }, strokeWidth: 2, color: BLUE },
              encoding: { x, y: { field: 'score', type: 'quantitative', title } },
            },
            note(`best: ${Number(best.bandwidth.toPrecision(3))}`, '#000'),
          ],
        },
        {
          ...PANEL,
          layer: [
            rule,
            {
              mark: { type: 'area', opacity: 0.2, color: ORANGE },
              encoding: {
                x,
                y: {
                  field: 'low',
                  type: 'quantitative',
                  scale: { domain: [0, 1] },
                  title: 'Mean ± sd off the diagonal',
                },
                y2: { field: 'high' },
              },
            },
            {
              mark: { type: 'line', strokeWidth: 2, color: ORANGE },
              encoding: { x, y: { field: 'mean', type: 'quantitative' } },
            },
          ],
        },
      ],
    } as unknown as TopLevelSpec),
  );
}

/** Labels for a logarithmic axis: 1, 2 and 5 times the powers of ten that lie within, or powers alone over many decades. */
function ticks(values: readonly number[]): number[] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const steps = high / low < 1e4 ? [1, 2, 5] : [1];
  const result: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const step of steps) {
      const tick = Number(`${step}e${power}`);
      if (tick >= low * 0.999 && tick <= high * 1.001) result.push(tick);
    }
  }
  return result;
}

const BINS = 40;

/**
 * How many entries off the diagonal have which value, with what Haar-random states would give, and the spectrum.
 *
 * @param K the matrix of the report.
 */
export async function kernelPortrait(K: Matrix, { spectrum, haar }: ConcentrationReport): Promise<string> {
  const { bins, width, low } = histogram(K);
  const count = bins.reduce((sum, v) => sum + v, 0);
  const entries = bins.map((entries, i) => ({
    from: low + i * width,
    to: low + (i + 1) * width,
    density: entries / count / width,
  }));
  // The fidelity of random states has the density (d - 1)(1 - k)^(d - 2); d = 1 / mean. One qubit has a constant one.
  const d = haar ? 1 / haar.mean : undefined;
  const random = d
    ? Array.from({ length: 201 }, (_, i) => low + (i * BINS * width) / 200)
        .filter((k) => k >= 0 && k <= 1)
        .map((k) => ({ k, density: (d - 1) * (1 - k) ** (d - 2) }))
    : [];
  const top = 1.15 * Math.max(...entries.map(({ density }) => density));
  const value = { type: 'quantitative', title: 'Entry off the diagonal' };
  const eigenvalues = Array.from(spectrum, (v, i) => ({ index: i + 1, value: v })).filter((e) => e.value > 1e-10);
  return standalone(
    await toSvg({
      hconcat: [
        {
          ...PANEL,
          layer: [
            {
              data: { values: entries },
              mark: { type: 'bar', color: BLUE, binSpacing: 1 },
              encoding: {
                x: {
                  field: 'from',
                  ...value,
                  bin: { binned: true },
                  scale: { nice: false },
                  axis: { tickCount: 6 },
                },
                x2: { field: 'to' },
                y: {
                  field: 'density',
                  type: 'quantitative',
                  title: 'Density',
                  scale: { domain: [0, top] },
                  axis: { tickCount: 5 },
                },
              },
            },
            {
              data: { values: random },
              mark: { type: 'line', clip: true, strokeWidth: 2, color: ORANGE },
              encoding: {
                x: { field: 'k', ...value },
                y: { field: 'density', type: 'quantitative' },
              },
            },
            ...(d ? [note('— as random states would be', ORANGE)] : []),
          ],
        },
        {
          ...PANEL,
          data: { values: eigenvalues },
          mark: { type: 'line', point: { size: 18, color: GREEN }, strokeWidth: 1.5, color: GREEN },
          encoding: {
            x: {
              field: 'index',
              type: 'quantitative',
              axis: { title: 'Eigenvalue number', tickMinStep: 1, format: 'd' },
            },
            y: {
              field: 'value',
              type: 'quantitative',
              scale: { type: 'log' },
              axis: { title: 'Eigenvalue', format: '~g', tickCount: 5 },
            },
          },
        },
      ],
    } as unknown as TopLevelSpec),
  );
}

/** A line of text in the upper right corner of a panel. */
function note(text: string, color: string) {
  return {
    data: { values: [{ text }] },
    mark: { type: 'text', align: 'right', x: 'width', dx: -6, y: 12, color, fontSize: 12, fontWeight: 600 },
    encoding: { text: { field: 'text' } },
  };
}

function histogram({ data, shape: [n] }: Matrix): { bins: number[]; low: number; width: number } {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  const each = (visit: (value: number) => void) => {
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) visit(data[i * n + j]);
  };
  each((v) => {
    low = Math.min(low, v);
    high = Math.max(high, v);
  });
  const width = (high - low) / BINS || 1 / BINS;
  const bins = new Array<number>(BINS).fill(0);
  each((v) => {
    bins[Math.min(BINS - 1, Math.floor((v - low) / width))]++;
  });
  return { bins, low, width };
}
