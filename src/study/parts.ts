import { type DataSource, holdOut, loadData } from '../data/index.js';
import { samplesIdentity } from '../distill/checkpoint.js';
import { type SampleSet, sliceSamples } from '../distill/samples.js';
import { QrkdRangeError } from '../errors.js';
import type { StudyConfig } from './config.js';
import { isTextSource, loadTextParts, type TextFacts } from './text.js';

/** Samples, and how many classes (of tokens: how large a vocabulary) their labels are of. */
export interface StudySet extends SampleSet {
  readonly classes: number;
}

/** The parts of the data that a study uses. */
export interface Parts {
  train: StudySet;
  validation: StudySet;
  test: StudySet;
  /** Where the data are text: how it became tokens. */
  text?: TextFacts;
}

type Source = Pick<StudyConfig, 'data' | 'text'>;
type Cut = Source & Pick<StudyConfig, 'samples' | 'validationSamples'>;

/** A value for the last arguments asked for; kept for the next run of the same process. */
function remembered<A, T>(make: (argument: A) => Promise<T>): (argument: A) => Promise<T> {
  let last: { key: string; value: Promise<T> } | undefined;
  return (argument) => {
    const key = JSON.stringify(argument);
    if (last?.key !== key) {
      last = undefined;
      last = { key, value: make(argument) };
    }
    return last.value;
  };
}

const loadWhole = remembered(async ({ data, text }: Source): Promise<Parts> => {
  if (text) return loadTextParts(data, text);
  if (isTextSource(data)) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `data is text, ${JSON.stringify(data)}; say how it is learned: text: {} for the next token, text: { task: classification }`,
    );
  }
  const source = loadData(data as DataSource);
  return { ...holdOut(source), test: source.test };
});

const identify = remembered(async (source: Source) => {
  const { train, validation, test } = await loadWhole(source);
  return [train, validation, test].map(samplesIdentity);
});

/** What the data are, wherever their files lie. */
export function dataIdentity({ data, text }: StudyConfig): Promise<string[]> {
  return identify({ data, text });
}

const cutParts = remembered(async ({ samples, validationSamples, ...source }: Cut): Promise<Parts> => {
  const { train, validation, ...others } = await loadWhole(source);
  const rest = 'training samples that there are without the validation part';
  return {
    ...others,
    train: firstRows(train, samples, 'samples', rest),
    validation: firstRows(validation, validationSamples, 'validationSamples', 'validation samples'),
  };
});

/** `samples` and `validationSamples` where they are fewer than there are. */
export async function cutSizes({ data, text, samples, validationSamples }: StudyConfig) {
  const { train, validation } = await loadWhole({ data, text });
  return {
    ...(samples !== undefined && samples < train.shape[0] && { samples }),
    ...(validationSamples !== undefined && validationSamples < validation.shape[0] && { validationSamples }),
  };
}

/** The data's parts. */
export function loadParts({ data, text, samples, validationSamples }: StudyConfig): Promise<Parts> {
  return cutParts({ data, text, samples, validationSamples });
}

function firstRows(set: StudySet, n: number | undefined, key: string, what: string): StudySet {
  if (n === undefined) return set;
  if (n > set.shape[0]) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${key} is ${n}, more than the ${set.shape[0]} ${what}`);
  }
  return { ...sliceSamples(set, 0, n), classes: set.classes };
}

export async function trainingSize(config: StudyConfig): Promise<number> {
  return (await loadParts(config)).train.shape[0];
}
