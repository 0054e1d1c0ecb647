import { InvalidArgumentError } from 'commander';

/** An option's value that counts something. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number of at least 1.');
  return value;
}

/** Gathers an option that may be given more than once. */
export const collect = (value: string, previous: string[]): string[] => [...previous, value];
