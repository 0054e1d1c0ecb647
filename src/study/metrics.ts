import type { Comparison } from './comparisons.js';
import type { StudyConfig } from './config.js';
import type { RunRecord } from './run.js';
import type { TableRow } from './table.js';
import type { TunedMethod } from './tune.js';

/** A model that a study exported, and how its ONNX file did against it in onnxruntime. */
export interface ExportedModel {
  /** File name within the study's folder. */
  file: string;
  method: string;
  seed: number;
  parameters: number;
  /** On the validation part, in the study's measure: accuracy 0..1, perplexity of a token. */
  validation: number;
  /** Labels of the test part (of samples, or of their tokens) and how many the tfjs model and onnxruntime meet: equally many. */
  test: { samples: number; correct: number; onnxruntimeCorrect: number };
  /** Largest difference of any logit between the two, over verification inputs. */
  maxDifference: number;
}

/** What `metrics.json` holds, and what the report is made from. */
export interface StudyMetrics {
  title: string;
  versions: Record<string, string>;
  /** The machine: see environment.ts. */
  environment: Record<string, string>;
  config: StudyConfig;
  /** Images, texts or sequences of tokens; words of the test part, where it is text. */
  samples: { train: number; validation: number; test: number; testWords?: number };
  /** Processes of one thread each, and seconds from start to end without what an earlier attempt had finished. */
  processes: number;
  seconds: number;
  /** What was tried for methods with `tune`, on seeds of their own and the validation part. */
  tuning?: readonly TunedMethod[];
  table: TableRow[];
  /** One method minus another on the test part, paired by seed; Holm's correction is over all of them. */
  comparisons: Comparison[];
  /** No teacher where that came as an ONNX file. */
  exported: { teacher?: ExportedModel; student: ExportedModel };
  runs: RunRecord[];
}

/** One value of the key that a sweep is over: the study that was done with it. */
export interface SweepPoint {
  value: number | string;
  table: TableRow[];
  /** Holm's correction is over the comparisons of all values. */
  comparisons: Comparison[];
}

/** The same study for several values of one key of its configuration. */
export interface SweepMetrics {
  title: string;
  versions: Record<string, string>;
  environment: Record<string, string>;
  /** Dotted path of the key, as `--set` takes it. */
  over: string;
  values: (number | string)[];
  /** In the order of the values. */
  points: SweepPoint[];
  /** Of every run what later studies need to go on from it; no curves, no pictures. */
  runs: SweepRun[];
  /** The configuration that every value is set in. */
  config: StudyConfig;
}

/** A run of a sweep, slim, in the study's measure: accuracies 0..1, perplexities of a token. */
export interface SweepRun {
  value: number | string;
  method: string;
  seed: number;
  parameters: number;
  seconds: number;
  train: number;
  validation: number | null;
  test: number;
}
