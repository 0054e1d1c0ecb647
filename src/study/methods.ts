import { QrkdRangeError, suggest } from '../errors.js';
import { type LossPreset, lossPreset } from '../losses/presets.js';

type Plain = Record<string, unknown>;

const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The methods of a configuration that is not checked yet; none where it has no such thing. */
export function methodsOf(config: unknown): Record<string, Plain> {
  const methods = isPlain(config) ? config.methods : undefined;
  if (!isPlain(methods)) return {};
  return Object.fromEntries(Object.entries(methods).filter((entry): entry is [string, Plain] => isPlain(entry[1])));
}

/**
 * The methods that a method extends, nearest first.
 *
 * @throws RangeError ERR_QRKD_VALUE for a method that does not exist or that extends itself.
 */
export function ancestors(methods: Record<string, Plain>, name: string, where: string): string[] {
  const chain: string[] = [];
  for (let own = methods[name]?.extends; own !== undefined; own = methods[String(own)]?.extends) {
    const base = String(own);
    const at = `${where}: methods.${chain.at(-1) ?? name}.extends`;
    if (!(base in methods)) {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `${at}: there is no method "${base}"${suggest(base, Object.keys(methods))}`,
      );
    }
    if (base === name || chain.includes(base)) {
      throw new QrkdRangeError('ERR_QRKD_VALUE', `${at}: "${base}" would extend itself`);
    }
    chain.push(base);
  }
  return chain;
}

/** A method with the weights of its `preset` in place of the name; its own keys come before those. */
function unfold(method: Plain, where: string): Plain {
  const { preset, ...own } = method;
  return preset === undefined ? own : { ...lossPreset(preset as LossPreset, `${where}: preset`), ...own };
}

/**
 * A configuration in which every method has the keys of its preset and of those that it extends, except their `tune`, and
 * none says `preset` or `extends`. What is no configuration comes back as it is, for the schema to complain about.
 */
export function inherit(config: unknown, where: string): unknown {
  const methods = methodsOf(config);
  if (Object.values(methods).every((method) => method.extends === undefined && method.preset === undefined)) {
    return config;
  }
  const whole = (name: string): Plain => {
    const bases = ancestors(methods, name, where).reverse();
    const unfolded = (method: string) => unfold(methods[method], `${where}: methods.${method}`);
    const own = [...bases.map((base) => ({ ...unfolded(base), tune: undefined })), unfolded(name)];
    const { extends: _, tune, ...merged } = Object.assign({}, ...own) as Plain;
    return tune === undefined ? merged : { ...merged, tune };
  };
  const given = (config as { methods: Plain }).methods;
  return {
    ...(config as Plain),
    methods: Object.fromEntries(
      Object.entries(given).map(([name, method]) => [name, isPlain(method) ? whole(name) : method]),
    ),
  };
}
