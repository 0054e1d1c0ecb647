export { type SvgOptions, svgOfCircuit } from './svg.js';
export { type DrawOptions, drawCircuit } from './text.js';
