import { type DataSource, holdOut, type ImageSet, loadData, selectRows } from '../data/index.js';
import { samplesIdentity } from '../distill/checkpoint.js';
import { QrkdRangeError } from '../errors.js';
import type { StudyConfig } from './config.js';

/** The parts of the data that a study uses. */
export interface Parts {
  train: ImageSet;
  validation: ImageSet;
  test: ImageSet;
}

/** A value for the last arguments asked for; kept for the next run of the same process. */
function remembered<A, T>(make: (argument: A) => T): (argument: A) => T {
  let last: { key: string; value: T } | undefined;
  return (argument) => {
    const key = JSON.stringify(argument);
    if (last?.key !== key) {
      last = undefined;
      last = { key, value: make(argument) };
    }
    return last.value;
  };
}

const loadWhole = remembered((data: StudyConfig['data']) => {
  const source = loadData(data as DataSource);
  return { ...holdOut(source), test: source.test };
});

/** What the data are, wherever their files lie. */
export const dataIdentity = remembered((data: StudyConfig['data']) =>
  Object.values(loadWhole(data)).map((set) => samplesIdentity(set)),
);

const cutParts = remembered(
  ({ data, samples, validationSamples }: Pick<StudyConfig, 'data' | 'samples' | 'validationSamples'>): Parts => {
    const { train, validation, test } = loadWhole(data);
    return {
      train: firstRows(train, samples, 'samples', 'training samples that there are without the validation part'),
      validation: firstRows(validation, validationSamples, 'validationSamples', 'validation samples'),
      test,
    };
  },
);

/** `samples` and `validationSamples` where they are fewer than there are. */
export function cutSizes({ data, samples, validationSamples }: StudyConfig) {
  const { train, validation } = loadWhole(data);
  return {
    ...(samples !== undefined && samples < train.shape[0] && { samples }),
    ...(validationSamples !== undefined && validationSamples < validation.shape[0] && { validationSamples }),
  };
}

/** The data's parts. */
export function loadParts({ data, samples, validationSamples }: StudyConfig): Parts {
  return cutParts({ data, samples, validationSamples });
}

function firstRows(set: ImageSet, n: number | undefined, key: string, what: string): ImageSet {
  if (n === undefined) return set;
  if (n > set.shape[0]) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${key} is ${n}, more than the ${set.shape[0]} ${what}`);
  }
  return selectRows(
    set,
    Int32Array.from({ length: n }, (_, i) => i),
  );
}

export function trainingSize(config: StudyConfig): number {
  return loadParts(config).train.shape[0];
}
