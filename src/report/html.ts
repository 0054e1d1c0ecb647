import { STYLE } from './style.js';
import type { LineStyle, PANEL_WIDTH } from './svg.js';

export function escapeHtml(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return text.replace(/[&<>"']/g, (c) => entities[c]);
}

/** Minus signs in place of the hyphens of negative numbers. */
export const minus = (text: string): string => text.replace(/(^|\s)-(?=\d)/g, '$1−');

/** Three digits, with an exponent where a small number would be mostly zeros. */
export function short(value: number): string {
  if (value !== 0 && Math.abs(value) < 1e-3) return value.toExponential(2);
  return String(Number(value.toPrecision(3)));
}

/** A cell's text; what follows ± may go on a line of its own where columns are narrow, other signs stay with their numbers. */
function cellHtml(text: string): string {
  const breakable = minus(text)
    .replace(/(^|\()< /, '$1<\u00a0')
    .replace(/ \*/, '\u00a0*');
  return escapeHtml(breakable).replace(/ (± \S+)/, ' <span class="pm">$1</span>');
}

/** A box that scrolls sideways by itself when what it holds is wider than the page; reached by keyboard, too. */
const scrolling = (label: string, html: string) =>
  `<div class="scroll" role="region" tabindex="0" aria-label="${escapeHtml(label)}">${html}</div>`;

export function table(caption: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = ([first, ...rest]: readonly string[]) =>
    `<tr><th scope="row">${escapeHtml(first)}</th>${rest.map((cell) => `<td>${cellHtml(cell)}</td>`).join('')}</tr>`;
  return scrolling(
    caption,
    `<table>${caption && `<caption><span>${escapeHtml(caption)}</span></caption>`}
<thead><tr>${head.map((name) => `<th scope="col">${escapeHtml(name)}</th>`).join('')}</tr></thead>
<tbody>${rows.map(cells).join('\n')}</tbody></table>`,
  );
}

/** One picture of a figure: SVG or other HTML under a title. */
export interface Panel {
  title: string;
  html: string;
}

/** A figure of panels with one legend for all of them. */
export function figure(
  panels: readonly Panel[],
  caption: string,
  { size = 'wide', legend = [] }: { size?: keyof typeof PANEL_WIDTH; legend?: readonly LineStyle[] } = {},
): string {
  // What a reader who does not see the picture needs; its numbers are in tables.
  const [shows] = caption.split(/[.;](?= |$)/, 1);
  const drawn = panels.map(({ title, html }) => {
    const named = html.replace(
      '<svg ',
      `<svg role="img" aria-label="${escapeHtml(title ? `${title}: ${shows}` : shows)}" `,
    );
    return `<div class="panel">${title ? `<p class="title">${escapeHtml(title)}</p>` : ''}${named}</div>`;
  });
  return `<figure><div class="panels ${size}">${drawn.join('\n')}</div>${legendHtml(legend)}<figcaption>${escapeHtml(caption)}</figcaption></figure>`;
}

function legendHtml(styles: readonly LineStyle[]): string {
  if (styles.length === 0) return '';
  const key = ({ color, dash }: LineStyle) =>
    `<svg aria-hidden="true" width="26" height="10"><line x1="1" x2="25" y1="5" y2="5" stroke="${color}" stroke-width="3" stroke-dasharray="${dash.join(' ')}"/></svg>`;
  return `<ul class="legend">${styles.map((style) => `<li>${key(style)}${escapeHtml(style.name)}</li>`).join('')}</ul>`;
}

export const details = (summary: string, html: string) =>
  `<details><summary>${escapeHtml(summary)}</summary>${html}</details>`;

/** A part of the page; `html` is what follows its heading. */
export interface Section {
  title: string;
  html: string;
}

/** A whole page; `subtitle` is HTML. Nothing is loaded from anywhere. */
export function page(title: string, subtitle: string, sections: readonly Section[]): string {
  const links = sections.map(({ title }, i) => `<li><a href="#s${i + 1}">${escapeHtml(title)}</a></li>`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header><h1>${escapeHtml(title)}</h1>
<p>${subtitle}</p></header>
<nav aria-label="Sections"><ul>${links.join('')}</ul></nav>
<main>
${sections.map(({ title, html }, i) => `<section id="s${i + 1}"><h2>${escapeHtml(title)}</h2>\n${html}</section>`).join('\n')}
</main>
</body>
</html>
`;
}
