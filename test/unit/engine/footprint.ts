// Prints the bytes that one call says it needs and those that it took, as JSON: a process of its own, whose peak is that
// call's. Arguments: matrix | gradient | loss | states | projected (its gradient), a map's JSON, a precision, rows of X and,
// or 0, of Y.

import os from 'node:os';
import { mock } from 'node:test';
import { FidelityKernel, featureMap, type Precision, ProjectedKernel } from 'qrkd';

const [what, spec, precision, n, m] = process.argv.slice(2);
const map = featureMap(JSON.parse(spec));
const kernel = new FidelityKernel(map, { precision: precision as Precision });
const matrix = (rows: number, columns: number) => ({
  data: Float64Array.from({ length: rows * columns }, (_, k) => Math.sin(k)),
  shape: [rows, columns] as [number, number],
});
const X = matrix(Number(n), map.features);
const Y = Number(m) > 0 ? matrix(Number(m), map.features) : undefined;
const dK =
  what === 'gradient' || what === 'loss' || what === 'projected' ? matrix(Number(n), Number(m) || Number(n)) : X;

function call(): unknown {
  if (what === 'matrix') return kernel.matrix(X, Y);
  if (what === 'gradient') return kernel.gradient(X, dK, Y);
  if (what === 'projected') return new ProjectedKernel(map, { precision: kernel.precision }).gradient(X, dK, Y);
  return what === 'loss' ? kernel.lossGradient(X, dK, 'alignment') : kernel.states(X);
}

let named = 0;
mock.method(os, 'freemem', () => 2 ** 20);
try {
  call();
} catch (error) {
  named = Number(/needs (\S+) GiB/.exec((error as Error).message)?.[1]) * 2 ** 30;
}
mock.restoreAll();
// What the map itself takes, built with the first call, is not this call's.
kernel.matrix(matrix(1, map.features));
const before = process.memoryUsage().rss;
call();
process.stdout.write(JSON.stringify({ named, taken: process.resourceUsage().maxRSS * 1024 - before }));
