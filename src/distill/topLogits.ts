import type { Matrix } from '../engine/types.js';

/**
 * Rows of logits in few numbers: the `k` largest and, for all of the others, one that stands for each and leaves their share of
 * the softmax what it is (at temperature 1; the largest keep their probabilities at any where k is all classes).
 *
 * @param logits [N, C], k at most C.
 * @returns [N, 2k + 1]: k classes in no order, of equals the first ones; their logits; that of all others.
 */
export function topLogits({ data, shape: [n, classes] }: Matrix, k: number): Matrix<Float32Array> {
  const width = 2 * k + 1;
  const out = new Float32Array(n * width);
  const best = new Int32Array(k);
  const chosen = new Uint8Array(classes);
  for (let i = 0; i < n; i++) {
    const row = data.subarray(i * classes, (i + 1) * classes);
    largest(row, best);
    for (const [place, c] of best.entries()) {
      out[i * width + place] = c;
      out[i * width + k + place] = row[c];
      chosen[c] = 1;
    }
    out[(i + 1) * width - 1] = evenLogit(row, chosen, classes - k);
    for (const c of best) chosen[c] = 0;
  }
  return { data: out, shape: [n, width] };
}

/** Rows of {@link topLogits} as logits of all classes, [N, C]. */
export function wholeLogits({ data, shape: [n, width] }: Matrix, classes: number): Matrix<Float32Array> {
  const k = (width - 1) / 2;
  const out = new Float32Array(n * classes);
  for (let i = 0; i < n; i++) {
    const row = out.subarray(i * classes, (i + 1) * classes);
    const first = i * width;
    row.fill(data[first + 2 * k]);
    for (let place = 0; place < k; place++) row[data[first + place]] = data[first + k + place];
  }
  return { data: out, shape: [n, classes] };
}

/**
 * The places of a row's largest entries, of equals the first ones. They are a heap with the least of them on top, which is all
 * that most entries are compared with.
 */
function largest(row: Matrix['data'], heap: Int32Array): void {
  const k = heap.length;
  const less = (a: number, b: number) => row[a] < row[b] || (row[a] === row[b] && a > b);
  const settle = (from: number) => {
    const moved = heap[from];
    let place = from;
    for (let child = 2 * place + 1; child < k; child = 2 * place + 1) {
      if (child + 1 < k && less(heap[child + 1], heap[child])) child++;
      if (!less(heap[child], moved)) break;
      heap[place] = heap[child];
      place = child;
    }
    heap[place] = moved;
  };
  for (let c = 0; c < k; c++) heap[c] = c;
  for (let place = (k >> 1) - 1; place >= 0; place--) settle(place);
  for (let c = k; c < row.length; c++) {
    if (row[c] <= row[heap[0]]) continue;
    heap[0] = c;
    settle(0);
  }
}

/** log of the mean of exp over the entries that are not chosen; 0 where there are none. */
function evenLogit(row: Matrix['data'], chosen: Uint8Array, others: number): number {
  if (others === 0) return 0;
  let top = Number.NEGATIVE_INFINITY;
  for (let c = 0; c < row.length; c++) if (!chosen[c] && row[c] > top) top = row[c];
  let sum = 0;
  for (let c = 0; c < row.length; c++) if (!chosen[c]) sum += Math.exp(row[c] - top);
  return top + Math.log(sum / others);
}
