import { PANEL_WIDTH } from './svg.js';

// A single wide panel takes the whole width; few narrow ones do not grow.
const grid = (name: keyof typeof PANEL_WIDTH) =>
  `.panels.${name} { grid-template-columns: repeat(${name === 'wide' ? 'auto-fit' : 'auto-fill'}, minmax(min(100%, ${PANEL_WIDTH[name]}px), 1fr)); }`;

/** The report's style sheet: system fonts, light or dark as the reader's system is, charts' text in the page's colour. */
export const STYLE = `
:root { color-scheme: light dark; --line: #8886; --soft: #8881; --muted: #5f5f5f; --link: #0059a8; }
@media (prefers-color-scheme: dark) { :root { --muted: #b0b0b0; --link: #7ab8ff; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; overflow-wrap: break-word; }
h1 { font-size: 1.7rem; margin: 0; line-height: 1.25; }
header p { margin: .25rem 0 0; color: var(--muted); }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: 1rem 0 0; padding: 0; font-size: .9rem; }
a { color: var(--link); }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; padding-bottom: .25rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
.scroll { overflow-x: auto; margin: .75rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--muted); padding-bottom: .5rem; font-size: .9rem; }
caption span { display: block; position: sticky; left: 0; max-width: min(46rem, calc(100vw - 2.5rem)); width: max-content; }
th, td { padding: .35rem .7rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th:first-child { text-align: left; padding-left: .4rem; white-space: normal; min-width: 7rem; }
.pm { white-space: nowrap; }
thead th { border-bottom-width: 2px; white-space: normal; vertical-align: bottom; }
tbody tr:hover { background: var(--soft); }
tbody th { font-weight: 600; }
@media (max-width: 56rem) { th, td { padding: .35rem .45rem; } }
@media (max-width: 40rem) {
  body { padding: 1.25rem 1rem 3rem; }
  table { font-size: .8rem; }
  th, td { padding: .3rem .25rem; }
  td { white-space: normal; }
  th:first-child { min-width: 5rem; }
  .pm { display: block; font-size: .9em; color: var(--muted); }
}
.note, figcaption { color: var(--muted); font-size: .9rem; max-width: 46rem; }
figure { margin: 1rem 0 1.75rem; }
.panels { display: grid; gap: .75rem 1rem; align-items: start; margin-bottom: .5rem; }
${grid('wide')}
${grid('narrow')}
${grid('small')}
.panel { min-width: 0; }
.panels.small .panel { align-self: end; }
.title { margin: 0 0 .2rem; font-size: .85rem; font-weight: 600; }
.panel svg { display: block; height: auto; max-width: 100%; }
figure svg text { fill: currentColor; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; margin: .25rem 0 .5rem; padding: 0; font-size: .85rem; }
.legend li { display: flex; align-items: center; gap: .4rem; }
.matrices { display: grid; grid-template-columns: repeat(3, 1fr); gap: .5rem; font-size: .75rem; }
.matrices div { min-width: 0; line-height: 1.3; }
.matrices img { display: block; width: 100%; height: auto; image-rendering: pixelated; }
.bar { display: flex; align-items: center; gap: .5rem; font-size: .85rem; margin: .5rem 0; }
.bar i { flex: 0 1 14rem; height: .7rem; }
details { margin: .75rem 0; }
summary { cursor: pointer; }
code, pre { font: .85em/1.45 ui-monospace, monospace; }
pre { background: var(--soft); padding: 1rem; overflow-x: auto; border-radius: .4rem; }
`;
