/** The report's style sheet: system fonts, light or dark as the reader's system is, charts' text in the page's colour. */
export const STYLE = `
:root { color-scheme: light dark; --line: #8886; --soft: #8881; --muted: #666; }
@media (prefers-color-scheme: dark) { :root { --muted: #aaa; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; margin: 0; line-height: 1.25; }
header p { margin: .25rem 0 0; color: var(--muted); }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; padding-bottom: .25rem; border-bottom: 1px solid var(--line); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--muted); padding-bottom: .5rem; font-size: .9rem; }
th, td { padding: .35rem .9rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th:first-child { text-align: left; padding-left: .4rem; white-space: normal; min-width: 11rem; }
thead th { border-bottom-width: 2px; white-space: normal; }
@media (max-width: 56rem) { th, td { padding: .35rem .45rem; } }
tbody tr:hover { background: var(--soft); }
tbody th { font-weight: 600; }
.note, figcaption { color: var(--muted); font-size: .9rem; max-width: 46rem; }
figure { margin: 1rem 0 1.5rem; }
figure svg { display: block; height: auto; max-width: 100%; }
figure svg text { fill: currentColor; }
details { margin: .75rem 0; }
summary { cursor: pointer; }
code, pre { font: .85em/1.45 ui-monospace, monospace; }
pre { background: var(--soft); padding: 1rem; overflow-x: auto; border-radius: .4rem; }
`;
