import { PALETTE, PANEL_WIDTH, toSvg } from '../svg.js';

/** One line of a chart of intervals: a mean with an interval around it, on top of single values. */
export interface IntervalRow {
  name: string;
  mean: number;
  interval: [number, number] | null;
  points: readonly number[];
  /** A value to compare with, a tick across the line. */
  reference?: number;
}

// Light enough for a dark page, too.
const [, ORANGE, , , , SKY] = PALETTE;
const ROW_HEIGHT = 38;
const AXIS_HEIGHT = 44;
const SIDE_MARGIN = 14;

/**
 * Rows of means with intervals, the name of each above its line, so that long names leave the width to the numbers.
 *
 * @param domain of the axis; the same for charts that stand beside one another.
 */
export function intervalChart(
  rows: readonly IntervalRow[],
  {
    title,
    domain,
    zero = false,
    width = PANEL_WIDTH.wide,
  }: { title: string; domain: [number, number]; zero?: boolean; width?: number },
): Promise<string> {
  const order = rows.map(({ name }) => name);
  const y = {
    field: 'name',
    type: 'nominal',
    sort: order,
    axis: null,
    scale: { domain: order, paddingInner: 0, paddingOuter: 0 },
  };
  const x = (field: string) => ({
    field,
    type: 'quantitative',
    scale: { domain, nice: false },
    axis: { title, tickCount: 7 },
  });
  const below = ROW_HEIGHT * 0.26;
  const means = rows.map(({ name, mean }) => ({ name, mean }));
  const layer = [
    ...(zero
      ? [
          {
            data: { values: [{ mean: 0 }] },
            mark: { type: 'rule', strokeDash: [4, 3], color: '#888' },
            encoding: { x: x('mean') },
          },
        ]
      : []),
    {
      data: { values: rows.flatMap(({ name, points }) => points.map((point) => ({ name, point }))) },
      mark: { type: 'point', filled: true, size: 26, opacity: 0.8, color: SKY, yOffset: below },
      encoding: { y, x: x('point') },
    },
    {
      data: {
        values: rows.flatMap(({ name, interval }) => (interval ? [{ name, low: interval[0], high: interval[1] }] : [])),
      },
      mark: { type: 'rule', strokeWidth: 3, color: ORANGE, yOffset: below },
      encoding: { y, x: x('low'), x2: { field: 'high' } },
    },
    {
      data: { values: means },
      mark: { type: 'point', filled: true, shape: 'diamond', size: 90, color: ORANGE, opacity: 1, yOffset: below },
      encoding: { y, x: x('mean') },
    },
    {
      data: { values: rows.flatMap(({ name, reference }) => (reference === undefined ? [] : [{ name, reference }])) },
      mark: { type: 'tick', thickness: 2, size: 18, color: SKY, opacity: 1, yOffset: below },
      encoding: { y, x: x('reference') },
    },
    {
      data: { values: means },
      mark: { type: 'text', align: 'left', baseline: 'middle', x: 2, yOffset: -ROW_HEIGHT * 0.22, fontSize: 13 },
      encoding: { y, text: { field: 'name' } },
    },
  ];
  // The size is that of the plot alone: fitted to the texts, whose widths are only estimated, long names would narrow it.
  return toSvg({
    width: width - 2 * SIDE_MARGIN,
    height: rows.length * ROW_HEIGHT,
    autosize: 'none',
    padding: { left: SIDE_MARGIN, right: SIDE_MARGIN, top: 2, bottom: AXIS_HEIGHT },
    layer,
  } as never);
}

/** A domain that holds every point and interval of some rows, with a margin. */
export function domainOf(rows: readonly IntervalRow[], ...always: number[]): [number, number] {
  const values = rows.flatMap(({ mean, interval, points }) => [mean, ...(interval ?? []), ...points]).concat(always);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const margin = 0.04 * (high - low) || 1;
  return [low - margin, high + margin];
}
