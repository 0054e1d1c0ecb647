/** The label of rows that neither losses nor evaluations count: padding, and tokens that a window only reads as context. */
export const UNCOUNTED = -1;

/** How many labels count. */
export function countedLabels(labels: Int32Array): number {
  let counted = 0;
  for (const label of labels) if (label !== UNCOUNTED) counted++;
  return counted;
}
