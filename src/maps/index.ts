import type { NativeSpec } from '../engine/native.js';
import { describe, QrkdRangeError, QrkdTypeError, rejectUnknownKeys, suggest } from '../errors.js';
import { type AmplitudeSpec, amplitude } from './amplitude.js';
import { type AngleSpec, angle } from './angle.js';
import type { MapDefinition } from './definition.js';
import { type IQPSpec, iqp } from './iqp.js';
import { type ZSpec, z } from './z.js';
import { type ZZSpec, zz } from './zz.js';

export type FeatureMapSpec = ZZSpec | ZSpec | IQPSpec | AngleSpec | AmplitudeSpec;
export type { AmplitudeSpec, AngleSpec, IQPSpec, ZSpec, ZZSpec };

// biome-ignore lint/suspicious/noExplicitAny: each definition is checked against its own specification
const DEFINITIONS: readonly MapDefinition<any>[] = [zz, z, iqp, angle, amplitude];

export interface FeatureMapInfo {
  type: FeatureMapSpec['type'];
  summary: string;
  formula: string;
  source: string;
  /** Every key of a specification besides `type`; undefined where it must be given. */
  defaults: Readonly<Record<string, unknown>>;
}

/** Every feature map with its defaults and descriptions, for help texts and forms. */
export const FEATURE_MAPS: readonly FeatureMapInfo[] = DEFINITIONS;

/** A feature map: features to quantum states. Immutable; made by {@link featureMap}. */
export class FeatureMap {
  private constructor(
    /** The complete specification, defaults filled in. */
    readonly spec: Readonly<Required<FeatureMapSpec>>,
    /** Number of qubits; a state has 2^qubits amplitudes. */
    readonly qubits: number,
    /** What the engine builds the map from. Internal. */
    readonly native: NativeSpec,
  ) {}

  /** Internal: use {@link featureMap}. */
  static create(spec: FeatureMapSpec): FeatureMap {
    if (spec === null || typeof spec !== 'object') {
      throw new QrkdTypeError(
        'ERR_QRKD_TYPE',
        `featureMap: the specification must be an object, got ${describe(spec)}`,
      );
    }
    const types = DEFINITIONS.map((d) => d.type);
    const definition = DEFINITIONS.find((d) => d.type === spec.type);
    if (!definition) {
      const given = String(spec.type);
      throw new QrkdRangeError('ERR_QRKD_VALUE', `featureMap: unknown type "${given}"${suggest(given, types)}`);
    }
    rejectUnknownKeys(spec, ['type', ...Object.keys(definition.defaults)], `featureMap ${spec.type}`);
    const given = Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== undefined));
    const complete = { type: spec.type, ...definition.defaults, ...given };
    definition.check(complete);
    // A copy: the caller may change its list of pairs later.
    const own = structuredClone(complete) as Required<FeatureMapSpec>;
    return new FeatureMap(own, definition.qubits(own), definition.native(own));
  }

  get type(): FeatureMapSpec['type'] {
    return this.spec.type;
  }
  /** Number of features of a sample. */
  get features(): number {
    return this.spec.features;
  }
  /** Number of trainable parameters. */
  get parameters(): number {
    return 0;
  }
  /** The complete specification as plain JSON; `featureMap(map.toJSON())` is the same map. */
  toJSON(): Required<FeatureMapSpec> {
    return structuredClone(this.spec);
  }
}

/**
 * Makes a feature map from plain JSON, for example `{ type: 'zz', features: 8, reps: 1, bandwidth: 0.1 }`.
 *
 * @throws TypeError or RangeError (ERR_QRKD_TYPE, ERR_QRKD_VALUE, ERR_QRKD_UNKNOWN_KEY) that names the key.
 */
export function featureMap(spec: FeatureMapSpec): FeatureMap {
  return FeatureMap.create(spec);
}
