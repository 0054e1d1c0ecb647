import type { SweepMetrics } from '../study/metrics.js';
export async function renderSweep(_: SweepMetrics): Promise<string> {
  return 'stub';
}
