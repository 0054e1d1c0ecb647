// Prints the bytes that matrixToFile takes at its peak, as JSON: a process of its own. Arguments: file, map, precision, rows of
// X and, or 0, of Y, memory.
import { FidelityKernel, featureMap, type Precision, simdInfo } from 'qrkd';

const [path, spec, precision, n, m, memory] = process.argv.slice(2);
const map = featureMap(JSON.parse(spec!));
const kernel = new FidelityKernel(map, { precision: precision as Precision });
const matrix = (rows: number) => ({
  data: Float64Array.from({ length: rows * map.features }, (_, k) => Math.sin(k)),
  shape: [rows, map.features] as [number, number],
});
const X = matrix(Number(n));
const Y = Number(m) > 0 ? matrix(Number(m)) : undefined;
simdInfo();
const before = process.memoryUsage().rss;
const { tiles } = await kernel.matrixToFile(path!, X, Y, { memory: memory! });
process.stdout.write(JSON.stringify({ tiles, taken: process.resourceUsage().maxRSS * 1024 - before }));
