import type { FeaturePair } from '../distill/pairs.js';
import { canSkipPadding, type FeatureSpec } from '../models/taps.js';
import type { StudyConfig } from './config.js';
import type { TextFacts } from './text.js';

/**
 * A study of texts with the token that fills up their sequences in all places of features that can leave it out and name none;
 * where nothing is filled up, and where no such place is, the study as it was.
 */
export function withPadTokens(config: StudyConfig, { padToken }: Pick<TextFacts, 'padToken'>): StudyConfig {
  const { featurePairs } = config;
  if (padToken === null || !featurePairs) return config;
  const fill = (place: FeatureSpec): FeatureSpec =>
    typeof place === 'string' || !canSkipPadding(place) ? place : { ...place, padToken: place.padToken ?? padToken };
  return {
    ...config,
    featurePairs: (featurePairs as FeaturePair[]).map((pair) => ({
      ...pair,
      student: fill(pair.student),
      teacher: fill(pair.teacher),
    })),
  };
}
