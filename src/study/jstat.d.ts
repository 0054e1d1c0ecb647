/** What we use of jstat, which comes without types. */
declare module 'jstat' {
  const jStat: {
    /** Regularised incomplete beta function I_x(a, b). */
    ibeta(x: number, a: number, b: number): number;
    studentt: { inv(p: number, freedom: number): number };
    noncentralt: { cdf(x: number, freedom: number, noncentrality: number): number };
  };
  export default jStat;
}
