import { STYLE } from './style.js';

export function escapeHtml(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return text.replace(/[&<>"']/g, (c) => entities[c]);
}

/** A minus sign in place of the hyphen of a negative number. */
export const minus = (text: string): string => text.replace(/^-(?=\d)/, '−');

export function table(caption: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = ([first, ...rest]: readonly string[]) =>
    `<tr><th scope="row">${escapeHtml(first)}</th>${rest.map((cell) => `<td>${escapeHtml(minus(cell))}</td>`).join('')}</tr>`;
  return `<div class="scroll"><table><caption>${escapeHtml(caption)}</caption>
<thead><tr>${head.map((name) => `<th scope="col">${escapeHtml(name)}</th>`).join('')}</tr></thead>
<tbody>${rows.map(cells).join('\n')}</tbody></table></div>`;
}

export function figure(svg: string, caption: string): string {
  // The figure's caption says what a reader who does not see it needs; its numbers are in the tables.
  const hidden = svg.replace('<svg ', '<svg aria-hidden="true" ');
  return `<figure><div class="scroll">${hidden}</div><figcaption>${escapeHtml(caption)}</figcaption></figure>`;
}

/** A whole page; `subtitle` and `sections` are HTML. Nothing is loaded from anywhere. */
export function page(title: string, subtitle: string, sections: readonly string[]): string {
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
<main>
${sections.filter(Boolean).join('\n')}
</main>
</body>
</html>
`;
}
