import { philox4x32 } from './philox.js';

/** Below this mean, stepping through the distribution is faster than rejection, which needs at least this much to be exact. */
const INVERSION_MEAN = 10;

/** Steps of the inversion end where probabilities no longer change the sum of those before. */
const NEGLIGIBLE = 2 ** -60;

/** A stream of pairs of random numbers: the blocks with the counter (i, j, stream, 0), (i, j, stream, 1), ... */
export class CounterStream {
  /** Uniform in the open interval (0, 1), with 52 bits. */
  u = 0;
  /** A second one, independent of `u`. */
  v = 0;
  private readonly words = new Uint32Array(4);
  private readonly k0: number;
  private readonly k1: number;
  private i = 0;
  private j = 0;
  private stream = 0;
  private block = 0;

  /** @param seed a whole number from 0 to 2^53 - 1: the generator's key. */
  constructor(seed: number) {
    this.k0 = seed >>> 0;
    this.k1 = Math.floor(seed / 2 ** 32);
  }

  /** Goes to the start of the numbers that belong to (i, j, stream). */
  seek(i: number, j: number, stream: number): void {
    this.i = i;
    this.j = j;
    this.stream = stream;
    this.block = 0;
  }

  next(): void {
    const { words } = this;
    philox4x32(this.i, this.j, this.stream, this.block++, this.k0, this.k1, words);
    this.u = ((words[0] & 0xfffff) * 2 ** 32 + words[1] + 0.5) * 2 ** -52;
    this.v = ((words[2] & 0xfffff) * 2 ** 32 + words[3] + 0.5) * 2 ** -52;
  }
}

/**
 * One draw from the binomial distribution, exact up to the rounding of float64: by inversion for small means, by
 * transformed rejection for the others (algorithm BTRS: Hörmann, "The generation of binomial random variates", J. Stat.
 * Comput. Simul. 46, 1993).
 *
 * @param n number of trials, a whole number below 2^53.
 * @param p probability of a success; below 0 counts as 0, above 1 as 1.
 */
export function binomial(random: CounterStream, n: number, p: number): number {
  if (!(p > 0)) return 0;
  if (p >= 1) return n;
  if (p > 0.5) return n - smallProbability(random, n, 1 - p);
  return smallProbability(random, n, p);
}

function smallProbability(random: CounterStream, n: number, p: number): number {
  return n * p < INVERSION_MEAN ? inversion(random, n, p) : transformedRejection(random, n, p);
}

function inversion(random: CounterStream, n: number, p: number): number {
  random.next();
  let rest = random.u;
  let probability = Math.exp(n * Math.log1p(-p));
  const odds = p / (1 - p);
  let k = 0;
  while (rest > probability && k < n && probability > NEGLIGIBLE) {
    rest -= probability;
    probability *= (odds * (n - k)) / (k + 1);
    k++;
  }
  return k;
}

function transformedRejection(random: CounterStream, n: number, p: number): number {
  const deviation = Math.sqrt(n * p * (1 - p));
  const b = 1.15 + 2.53 * deviation;
  const a = -0.0873 + 0.0248 * b + 0.01 * p;
  const c = n * p + 0.5;
  const sure = 0.92 - 4.2 / b;
  const odds = p / (1 - p);
  const alpha = (2.83 + 5.1 / b) * deviation;
  const mode = Math.floor((n + 1) * p);
  for (;;) {
    random.next();
    const u = random.u - 0.5;
    const us = 0.5 - Math.abs(u);
    const k = Math.floor((2 * (a / us) + b) * u + c);
    if (us >= 0.07 && random.v <= sure) return k;
    if (k < 0 || k > n) continue;
    const v = Math.log((random.v * alpha) / (a / (us * us) + b));
    // log of P(k) / P(mode). Factorials by Stirling's formula with its remainder: their logarithms alone would cancel badly.
    const ratio =
      (mode + 0.5) * Math.log((mode + 1) / (odds * (n - mode + 1))) +
      (n + 1) * Math.log((n - mode + 1) / (n - k + 1)) +
      (k + 0.5) * Math.log((odds * (n - k + 1)) / (k + 1)) +
      stirlingRemainder(mode) +
      stirlingRemainder(n - mode) -
      stirlingRemainder(k) -
      stirlingRemainder(n - k);
    if (v <= ratio) return k;
  }
}

/** log k! - ((k + 1/2) log(k + 1) - (k + 1) + log(2 pi) / 2), small k from a table, the others from the series. */
function stirlingRemainder(k: number): number {
  if (k < REMAINDERS.length) return REMAINDERS[k];
  const next = k + 1;
  const square = next * next;
  return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / next;
}

const REMAINDERS = Float64Array.from({ length: 16 }, (_, k) => {
  let logFactorial = 0;
  for (let i = 2; i <= k; i++) logFactorial += Math.log(i);
  return logFactorial - ((k + 0.5) * Math.log(k + 1) - (k + 1) + Math.log(2 * Math.PI) / 2);
});
