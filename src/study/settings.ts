import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import { QrkdRangeError } from '../errors.js';

type Plain = Record<string, unknown>;

/** Reads a YAML or JSON file (JSON is YAML). */
export function readConfigFile(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new QrkdRangeError('ERR_QRKD_FILE', `config ${file}: cannot be read (${(error as Error).message})`);
  }
  return parseYaml(text, `config ${file}`);
}

function parseYaml(text: string, where: string): unknown {
  const document = parseDocument(text);
  const error = document.errors[0];
  if (error) {
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${where}: not YAML or JSON (${error.message.split('\n', 1)[0]})`);
  }
  return document.toJS();
}

/** `key=value` as its two parts. */
export function splitSetting(setting: string, option: string): [string, string] {
  const equals = setting.indexOf('=');
  if (equals < 1) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${option} ${setting}: expected key=value, for example student.epochs=10`,
    );
  }
  return [setting.slice(0, equals), setting.slice(equals + 1)];
}

/** The values of `--over key=a,b,c`, each YAML: a value that is a list has brackets of its own. */
export function parseValues(text: string, where: string): unknown[] {
  const values = parseYaml(`[${text}]`, where);
  if (!Array.isArray(values) || values.length === 0) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${where}: expected values, for example 4,16,64`);
  }
  return values;
}

/**
 * Sets a value in place. Keys are dotted paths, a `*` stands for every key that is there (`methods.*.quantum`).
 *
 * @param where names the setting in errors.
 */
export function setPath(config: Plain, path: string, value: unknown, where: string): void {
  const [key, ...rest] = path.split('.');
  const keys = key === '*' ? Object.keys(config) : [key];
  for (const own of keys) {
    if (rest.length === 0) {
      config[own] = structuredClone(value);
      continue;
    }
    const inner = config[own] ?? {};
    if (typeof inner !== 'object' || Array.isArray(inner)) {
      throw new QrkdRangeError('ERR_QRKD_VALUE', `${where}: "${own}" holds a value, not keys`);
    }
    config[own] = inner;
    setPath(inner as Plain, rest.join('.'), value, where);
  }
}

/**
 * Applies `key=value` settings to a configuration before it is checked. Keys are dotted paths (`student.epochs`,
 * `methods.QRKD.quantum`), values YAML (`3`, `[0, 1]`, `linear`).
 */
export function applySettings(config: unknown, settings: readonly string[]): unknown {
  const copy = structuredClone(config ?? {}) as Plain;
  for (const setting of settings) {
    const [path, value] = splitSetting(setting, '--set');
    setPath(copy, path, parseYaml(value, `--set ${setting}`), `--set ${setting}`);
  }
  return copy;
}
