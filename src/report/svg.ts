import { Error as LogErrors, parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';

/** Okabe and Ito's colours, told apart with every common kind of colour vision, on light and on dark ground. */
export const PALETTE = ['#0072B2', '#E69F00', '#009E73', '#CC79A7', '#D55E00', '#56B4E9', '#999999', '#8c6bb1'];

// Text takes the page's colour by its style sheet; lines are a grey that is seen on white and on black.
const LOOK = {
  background: null,
  font: 'system-ui, sans-serif',
  axis: { gridColor: '#88888840', domainColor: '#888', tickColor: '#888', labelFontSize: 11, titleFontSize: 12 },
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

/**
 * A chart that is to stand alone in a file: text and background follow the reader's light or dark setting, as the
 * report's style sheet makes it inside a page.
 */
export function standalone(svg: string): string {
  const style =
    '<style>:root{color-scheme:light dark;background:#fff}text[fill="#000"]{fill:#222}@media (prefers-color-scheme:dark){:root{background:#161616}text[fill="#000"]{fill:#ddd}}</style>';
  return svg.replace(/>/, `>${style}`);
}
