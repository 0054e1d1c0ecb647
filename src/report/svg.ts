import { Error as LogErrors, parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';

/** Okabe and Ito's colours without black, told apart with every common kind of colour vision, on light and on dark ground; two more. */
export const PALETTE = ['#0072B2', '#E69F00', '#009E73', '#CC79A7', '#D55E00', '#56B4E9', '#a6761d', '#8c6bb1'];

/** Widths that panels of a page are drawn for, in pixels; as many stand beside one another as the page has room for. */
export const PANEL_WIDTH = { wide: 400, narrow: 300, small: 150 } as const;

/** More lines than colours: the second eight are dashed, the third dotted. */
const DASHES = [[], [6, 3], [2, 3]];

/** How a line of several is drawn. */
export interface LineStyle {
  name: string;
  color: string;
  dash: number[];
}

/** A style for each of up to 24 names; the same in every chart that is given the same names. */
export function lineStyles(names: readonly string[]): LineStyle[] {
  return names.map((name, i) => ({
    name,
    color: PALETTE[i % PALETTE.length],
    dash: DASHES[Math.floor(i / PALETTE.length) % DASHES.length],
  }));
}

/** Vega-lite channels that give `field` its colour and dashes. */
export function styleChannels(field: string, styles: readonly LineStyle[]) {
  const scaled = (range: unknown[]) => ({
    field,
    type: 'nominal',
    scale: { domain: styles.map(({ name }) => name), range },
    legend: null,
  });
  return {
    color: scaled(styles.map(({ color }) => color)),
    // Vega takes an empty list of dashes for none given.
    strokeDash: scaled(styles.map(({ dash }) => (dash.length > 0 ? dash : [1, 0]))),
  };
}

// Text takes the page's colour by its style sheet; lines are a grey that is seen on white and on black.
const LOOK = {
  background: null,
  font: 'system-ui, sans-serif',
  // The page says what a picture shows; every mark's numbers, read out, would not.
  aria: false,
  axis: { gridColor: '#88888840', domainColor: '#888', tickColor: '#888', labelFontSize: 12, titleFontSize: 13 },
  view: { stroke: null },
  legend: { labelFontSize: 12, titleFontSize: 12 },
  header: { labelFontSize: 12, labelFontWeight: 600 },
} as const;

/** A chart as SVG, drawn without a browser. */
export async function toSvg(spec: Omit<TopLevelSpec, '$schema' | 'config'>): Promise<string> {
  const vegaSpec = compile({ ...spec, config: LOOK } as unknown as TopLevelSpec).spec;
  const view = new View(parse(vegaSpec), { renderer: 'none', logLevel: LogErrors });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** A chart of a given size with axes and all, in pixels: it is read at this size, on a phone too. */
export function panelSvg(size: { width: number; height: number }, spec: object): Promise<string> {
  return toSvg({ ...size, autosize: { type: 'fit', contains: 'padding' }, padding: 2, ...spec } as never);
}

/**
 * A chart that is to stand alone in a file: text and background follow the reader's light or dark setting, as the
 * report's style sheet makes it inside a page.
 */
export function standalone(svg: string): string {
  const style =
    '<style>:root{color-scheme:light dark;background:#fff}text[fill="#000"]{fill:#222}@media (prefers-color-scheme:dark){:root{background:#161616}text[fill="#000"]{fill:#ddd}}</style>';
  return svg.replace(/>/, `>${style}`);
}
