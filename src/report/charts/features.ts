import type { FeaturePlane } from '../../study/pictures.js';
import type { Panel } from '../html.js';
import { type LineStyle, lineStyles, panelSvg } from '../svg.js';

/** Colours of up to ten classes (Tableau 10, as its authors published it), then the same again. */
const CLASS_COLORS = '#4c78a8 #f58518 #e45756 #72b7b2 #54a24b #eeca3b #b279a2 #ff9da6 #9d755d #a0a0a0'.split(' ');
const SIDE = 220;

const colorOf = (index: number) => CLASS_COLORS[index % CLASS_COLORS.length];

/** The classes as a legend; none where there is one, or too many to be told apart. */
export function classStyles(labels: readonly number[]): LineStyle[] {
  const classes = [...new Set(labels)].sort((a, b) => a - b);
  if (classes.length < 2 || classes.length > 2 * CLASS_COLORS.length) return [];
  return lineStyles(classes.map((label) => `class ${label}`)).map((style, i) => ({
    ...style,
    color: colorOf(i),
    dash: [],
  }));
}

/** Samples on two principal components, coloured by class; axes have no unit of their own. */
export async function featurePanel(
  name: string,
  { points, explained }: FeaturePlane,
  labels: readonly number[],
): Promise<Panel> {
  const classes = [...new Set(labels)].sort((a, b) => a - b);
  const values = points.map(([x, y], i) => ({ x, y, class: labels[i] }));
  const axis = (field: string) => ({
    field,
    type: 'quantitative',
    axis: null,
    scale: { zero: false, nice: false, padding: 6 },
  });
  const html = await panelSvg(
    { width: SIDE, height: SIDE },
    {
      data: { values },
      view: { stroke: '#8886' },
      mark: { type: 'point', filled: true, size: 16, opacity: 0.85 },
      encoding: {
        x: axis('x'),
        y: axis('y'),
        color: {
          field: 'class',
          type: 'nominal',
          scale: { domain: classes, range: classes.map((_, i) => colorOf(i)) },
          legend: null,
        },
      },
    },
  );
  return { title: `${name}, ${(100 * explained).toFixed(0)}\u00a0%`, html };
}
