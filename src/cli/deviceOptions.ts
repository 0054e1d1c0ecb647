import { type Command, InvalidArgumentError, Option } from 'commander';
import { DEPOLARIZING_METHODS, type DepolarizingMethod } from '../analysis/mitigation.js';
import type { ReadoutError } from '../analysis/noise.js';
import { PSD_METHODS, type PsdMethod } from '../analysis/psd.js';
import type { DeviceOptions } from '../kernels/Device.js';
import { number } from './mapOptions.js';

/** What the options of `addDeviceOptions` parse to. */
export interface DeviceFlags {
  shots?: number;
  seed?: number;
  depolarizing?: number;
  noiseLayers?: number;
  readout?: ReadoutError;
  mitigateReadout?: boolean;
  mitigateDepolarizing?: DepolarizingMethod;
  psd?: PsdMethod;
}

/** Gives a command the options of the device that a kernel is measured on. */
export function addDeviceOptions(command: Command): Command {
  return command
    .option('--shots <n>', 'measure every entry with so many runs of the circuit (default: exact)', number)
    .option('--seed <n>', 'of the shots (default 0); the same seed gives the same matrix', number)
    .option('--depolarizing <p>', 'strength of a global depolarising channel, 0 to 1', number)
    .option('--noise-layers <n>', 'how many times the channel acts (default 1)', number)
    .option('--readout <e>', 'probability of a wrong reading of a qubit, or two: after 0,after 1', readout)
    .option('--mitigate-readout', 'undo the effect of --readout in closed form')
    .addOption(
      new Option('--mitigate-depolarizing <method>', 'undo depolarisation, its strength read off the diagonal').choices(
        DEPOLARIZING_METHODS,
      ),
    )
    .addOption(new Option('--psd <method>', 'what is done about negative eigenvalues').choices(PSD_METHODS));
}

/** The device that the options ask for. */
export function deviceFromOptions(flags: DeviceFlags): DeviceOptions {
  const given = <T extends object>(values: T): Partial<T> =>
    Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
  const { shots, seed, psd, depolarizing, noiseLayers, readout, mitigateReadout, mitigateDepolarizing } = flags;
  const noise = given({ depolarizing, layers: noiseLayers, readout });
  const mitigation = given({ readout: mitigateReadout, depolarizing: mitigateDepolarizing });
  const options = given({ shots, seed, noise, mitigation, psd });
  if (Object.keys(noise).length === 0) delete options.noise;
  if (Object.keys(mitigation).length === 0) delete options.mitigation;
  return options;
}

function readout(text: string): ReadoutError {
  const values = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (values.every(Number.isFinite)) {
    if (values.length === 1) return values[0];
    if (values.length === 2) return { meas1prep0: values[0], meas0prep1: values[1] };
  }
  throw new InvalidArgumentError('expected a probability, or two with a comma between them.');
}
