import type { Comparison } from '../../study/comparisons.js';
import { capitalized, measureOf } from '../../study/measure.js';
import type { SweepMetrics } from '../../study/metrics.js';
import type { Panel } from '../html.js';
import { type LineStyle, PALETTE, PANEL_WIDTH, panelSvg, styleChannels } from '../svg.js';
import { MOST_BANDS } from './curves.js';

const [BLUE] = PALETTE;
/** From this ratio of the largest to the smallest value on, the axis is logarithmic. */
const WIDE = 8;
/** Width of a letter of a label, roughly. */
const LETTER = 9;

/** The axis of the swept key: logarithmic for positive numbers that span much, in the given order for names. */
function valueAxis({ over, values }: SweepMetrics, width: number) {
  const title = over.length > 34 ? `… ${over.slice(-32)}` : over;
  const numbers = values.filter((value) => typeof value === 'number');
  if (numbers.length < values.length) {
    const longest = Math.max(...values.map((value) => String(value).length));
    const labelAngle = longest * LETTER * values.length < width ? 0 : -30;
    return { field: 'value', type: 'ordinal', sort: values, axis: { title, labelAngle, labelLimit: 130, grid: false } };
  }
  const wide = Math.min(...numbers) > 0 && Math.max(...numbers) / Math.min(...numbers) >= WIDE;
  return {
    field: 'value',
    type: 'quantitative',
    scale: { nice: false, padding: 8, ...(wide ? { type: 'log' } : { zero: false }) },
    axis: { title, values: numbers, format: '~g', labelOverlap: 'greedy', grid: false },
  };
}

/** The measure on the test part against the swept value, a line for each method, with bands where there are few. */
export async function measurePanel(sweep: SweepMetrics, styles: readonly LineStyle[]): Promise<Panel> {
  const values = sweep.points.flatMap(({ value, table }) =>
    table
      .filter(({ method }) => styles.some(({ name }) => name === method))
      .map(({ method, test: { mean, deviation } }) => ({
        value,
        method,
        mean,
        low: mean - (deviation ?? 0),
        high: mean + (deviation ?? 0),
      })),
  );
  const width = 1.1 * PANEL_WIDTH.wide;
  const x = valueAxis(sweep, width);
  const { name, symbol } = measureOf(sweep.config);
  const title = `Test ${name}${symbol}`;
  const y = (field: string) => ({ field, type: 'quantitative', scale: { zero: false }, title });
  const channels = styleChannels('method', styles);
  const html = await panelSvg(
    { width, height: 360 },
    {
      data: { values },
      layer: [
        ...(styles.length <= MOST_BANDS
          ? [
              {
                mark: { type: 'area', opacity: 0.15 },
                encoding: { x, y: y('low'), y2: { field: 'high' }, color: channels.color },
              },
            ]
          : []),
        { mark: { type: 'line', strokeWidth: 2 }, encoding: { x, y: y('mean'), ...channels } },
        {
          mark: { type: 'point', filled: true, size: 34, opacity: 1 },
          encoding: { x, y: y('mean'), color: channels.color },
        },
      ],
    },
  );
  return { title: '', html };
}

/** One comparison's mean difference and interval against the swept value, a panel for each, all on one scale. */
export async function differencePanels(sweep: SweepMetrics): Promise<Panel[]> {
  const all = sweep.points.flatMap(({ value, comparisons }) =>
    comparisons.map((comparison) => ({ value, name: nameOf(comparison), ...shown(comparison) })),
  );
  const bounds = all.flatMap(({ mean, low, high }) => [mean, low, high]).concat(0);
  const domain = [Math.min(...bounds), Math.max(...bounds)];
  const x = valueAxis(sweep, PANEL_WIDTH.narrow);
  const title = capitalized(measureOf(sweep.config).points);
  const y = (field: string) => ({ field, type: 'quantitative', scale: { domain }, title });
  return Promise.all(
    [...new Set(all.map(({ name }) => name))].map(async (name) => {
      const values = all.filter((point) => point.name === name);
      const layer = [
        {
          data: { values: [{ zero: 0 }] },
          mark: { type: 'rule', strokeDash: [4, 3], color: '#888' },
          encoding: { y: { field: 'zero', type: 'quantitative' } },
        },
        {
          mark: { type: 'rule', strokeWidth: 3, color: BLUE, opacity: 0.5 },
          encoding: { x, y: y('low'), y2: { field: 'high' } },
        },
        { mark: { type: 'line', strokeWidth: 1.5, color: BLUE }, encoding: { x, y: y('mean') } },
        { mark: { type: 'point', filled: true, size: 40, opacity: 1, color: BLUE }, encoding: { x, y: y('mean') } },
      ];
      const html = await panelSvg({ width: PANEL_WIDTH.narrow, height: 220 }, { data: { values }, layer });
      return { title: name, html };
    }),
  );
}

export const nameOf = ({ method, other }: Pick<Comparison, 'method' | 'other'>) => `${method} − ${other}`;

function shown({ difference: { mean }, interval }: Comparison) {
  const [low, high] = interval ?? [mean, mean];
  return { mean, low, high };
}
