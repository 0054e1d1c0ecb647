import { PNG } from 'pngjs';
import { scheme } from 'vega';
import type { Picture } from '../study/pictures.js';
import { escapeHtml } from './html.js';

/** Steps of the colour scale: as fine as it can be seen, and few enough that a picture stays small. */
const STEPS = 64;

const viridis = scheme('viridis') as (share: number) => string;
const COLORS = Array.from({ length: STEPS }, (_, i) => {
  const [r, g, b] = viridis(i / (STEPS - 1)).match(/\d+/g)!;
  return [Number(r), Number(g), Number(b), 255];
});

/** A square matrix of values 0 to 1 as a PNG of a pixel each, in a data URI. */
function pngOf(matrix: Picture): string {
  const n = matrix.length;
  const png = new PNG({ width: n, height: n });
  const step = (v: number) => Math.round(Math.min(Math.max(v, 0), 1) * (STEPS - 1));
  png.data = Buffer.from(matrix.flatMap((row) => row.flatMap((v) => COLORS[step(v)])));
  return `data:image/png;base64,${PNG.sync.write(png, { colorType: 2 }).toString('base64')}`;
}

/** Kernel matrices side by side, each under its name; images, since a mark for every entry would make a page of megabytes. */
export function matrixRow(panels: readonly { name: string; matrix: Picture }[], of: string): string {
  const cells = panels.map(
    ({ name, matrix }) =>
      `<div><img src="${pngOf(matrix)}" width="${matrix.length}" height="${matrix.length}" alt="${escapeHtml(`${of}, ${name}: kernel matrix of ${matrix.length} samples`)}">${escapeHtml(name)}</div>`,
  );
  return `<div class="matrices">${cells.join('')}</div>`;
}

/** The colour scale of every matrix. */
export function colorBar(): string {
  const stops = Array.from({ length: 9 }, (_, i) => viridis(i / 8)).join(', ');
  return `<div class="bar">0 <i style="background: linear-gradient(to right, ${stops})"></i> 1</div>`;
}
