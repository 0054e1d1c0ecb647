import type { StudyConfig } from './config.js';
import type { RunRecord } from './run.js';
import type { Spread, TableRow } from './table.js';

/** A model that a study exported, and how its ONNX file did against it in onnxruntime. */
export interface ExportedModel {
  /** File name within the study's folder. */
  file: string;
  method: string;
  seed: number;
  parameters: number;
  validationAccuracy: number;
  /** Test samples classified correctly by the tfjs model and by onnxruntime; they must be equal. */
  test: { samples: number; correct: number; onnxruntimeCorrect: number };
  /** Largest difference of any logit between the two, over verification inputs. */
  maxDifference: number;
}

/** What `metrics.json` holds, and what the report is made from. */
export interface StudyMetrics {
  title: string;
  versions: Record<string, string>;
  config: StudyConfig;
  samples: { train: number; validation: number; test: number };
  /** Processes of one thread each, and seconds from start to end without what an earlier attempt had finished. */
  processes: number;
  seconds: number;
  table: TableRow[];
  /** Test accuracy of one method minus another's, paired by seed, in percentage points. */
  differences: { method: string; other: string; difference: Spread }[];
  exported: { teacher: ExportedModel; student: ExportedModel };
  runs: RunRecord[];
}
