import seedrandom from 'seedrandom';
import type { Angle } from '../circuits/angle.js';
import { Circuit } from '../circuits/circuit.js';
import type { DrawOptions, SvgOptions } from '../circuits/draw/index.js';
import { lowerCircuit } from '../circuits/lower.js';
import type { QasmOptions } from '../circuits/qasm/index.js';
import type { NativeSpec } from '../engine/native.js';
import { describe, QrkdRangeError, QrkdTypeError, rejectUnknownKeys, suggest } from '../errors.js';
import { type AmplitudeSpec, amplitude } from './amplitude.js';
import { type AngleSpec, angle } from './angle.js';
import { type ChebyshevSpec, chebyshev } from './chebyshev.js';
import { type CircuitSpec, circuitMap } from './circuit.js';
import { type DataReuploadingSpec, dataReuploading } from './dataReuploading.js';
import type { MapDefinition } from './definition.js';
import { type HardwareEfficientSpec, hardwareEfficient } from './hardwareEfficient.js';
import { type HubregtsenSpec, hubregtsen } from './hubregtsen.js';
import { type IQPSpec, iqp } from './iqp.js';
import { type PauliSpec, pauli } from './pauli.js';
import { type QAOASpec, qaoa } from './qaoa.js';
import { type YZCXSpec, yzcx } from './yzcx.js';
import { type ZSpec, z } from './z.js';
import { type ZZSpec, zz } from './zz.js';

export type FeatureMapSpec =
  | ZZSpec
  | ZSpec
  | PauliSpec
  | IQPSpec
  | AngleSpec
  | ChebyshevSpec
  | HardwareEfficientSpec
  | DataReuploadingSpec
  | HubregtsenSpec
  | YZCXSpec
  | QAOASpec
  | CircuitSpec
  | AmplitudeSpec;
export type {
  AmplitudeSpec,
  AngleSpec,
  ChebyshevSpec,
  CircuitSpec,
  DataReuploadingSpec,
  HardwareEfficientSpec,
  HubregtsenSpec,
  IQPSpec,
  PauliSpec,
  QAOASpec,
  YZCXSpec,
  ZSpec,
  ZZSpec,
};

// biome-ignore lint/suspicious/noExplicitAny: each definition is checked against its own specification
const DEFINITIONS: readonly MapDefinition<any>[] = [
  zz,
  z,
  pauli,
  iqp,
  angle,
  chebyshev,
  hardwareEfficient,
  dataReuploading,
  hubregtsen,
  yzcx,
  qaoa,
  circuitMap,
  amplitude,
];

export interface FeatureMapInfo {
  type: FeatureMapSpec['type'];
  summary: string;
  formula: string;
  source: string;
  /** Every key of a specification besides `type`; undefined where it must be given (qubits: as many as features). */
  defaults: Readonly<Record<string, unknown>>;
}

/** Every feature map with its defaults and descriptions, for help texts and forms. */
export const FEATURE_MAPS: readonly FeatureMapInfo[] = DEFINITIONS;

/** A feature map: features to quantum states. Immutable; made by {@link featureMap}. */
export class FeatureMap {
  private built: Circuit | undefined;
  private lowered: NativeSpec | undefined;
  private product: boolean | undefined;

  private constructor(
    /** The complete specification, defaults filled in. */
    readonly spec: Readonly<Required<FeatureMapSpec>>,
    // biome-ignore lint/suspicious/noExplicitAny: that of the specification
    private readonly definition: MapDefinition<any>,
    /** Number of features of a sample. */
    readonly features: number,
    /** Number of qubits; a state has 2^qubits amplitudes. */
    readonly qubits: number,
  ) {}

  /** Internal: use {@link featureMap}. */
  static create(given: FeatureMapSpec | Circuit): FeatureMap {
    const spec: FeatureMapSpec = given instanceof Circuit ? { type: 'circuit', circuit: given.toJSON() } : given;
    if (spec === null || typeof spec !== 'object') {
      throw new QrkdTypeError(
        'ERR_QRKD_TYPE',
        `featureMap: the specification must be an object, got ${describe(spec)}`,
      );
    }
    const types = DEFINITIONS.map((d) => d.type);
    const definition = DEFINITIONS.find((d) => d.type === spec.type);
    if (!definition) {
      const type = String(spec.type);
      throw new QrkdRangeError('ERR_QRKD_VALUE', `featureMap: unknown type "${type}"${suggest(type, types)}`);
    }
    rejectUnknownKeys(spec, ['type', ...Object.keys(definition.defaults)], `featureMap ${spec.type}`);
    const stated = Object.fromEntries(
      Object.entries(spec)
        .filter(([, value]) => value !== undefined)
        .map(([key, value]) => [key, value instanceof Circuit ? value.toJSON() : value]),
    );
    const complete = { type: spec.type, ...definition.defaults, ...definition.derived?.(stated), ...stated };
    definition.check(complete);
    // A copy: the caller may change its list of pairs later.
    const own = structuredClone(complete) as Required<FeatureMapSpec>;
    const features = definition.features?.(own) ?? (own as { features: number }).features;
    return new FeatureMap(own, definition, features, definition.qubits(own));
  }

  get type(): FeatureMapSpec['type'] {
    return this.spec.type;
  }

  /** The circuit, bandwidth included and frozen; undefined for `amplitude`, which has none. */
  get circuit(): Circuit | undefined {
    if (!this.built && this.definition.circuit) {
      const { bandwidth = 1 } = this.spec as { bandwidth?: number };
      const plain = this.definition.circuit(this.spec);
      const scaled = (a: Angle) => (typeof a === 'number' ? a : a.scaleFeatures(bandwidth));
      this.built = (bandwidth === 1 ? plain : plain.mapAngles(scaled)).freeze();
    }
    return this.built;
  }

  /** Number of trainable parameters. */
  get parameters(): number {
    return this.circuit?.parameters ?? 0;
  }

  /** Values to start training from: uniform in [0, 2 pi), the same for the same seed. */
  initialParameters(seed: number | string): Float64Array {
    const random = seedrandom(String(seed));
    return Float64Array.from({ length: this.parameters }, () => 2 * Math.PI * random());
  }

  /** Whether no gate couples two qubits: states are products, and their kernels need no statevector. */
  get isProduct(): boolean {
    this.product ??= this.circuit?.operations.every(({ qubits }) => qubits.length <= 1) ?? false;
    return this.product;
  }

  /** What the engine builds the map from. Internal. */
  get native(): NativeSpec {
    this.lowered ??= this.definition.native?.(this.spec) ?? lowerCircuit(this.circuit!);
    return this.lowered;
  }

  /** The circuit in box-drawing characters, see {@link Circuit.draw}. */
  draw(options?: DrawOptions): string {
    return this.needCircuit('draw').draw(options);
  }
  /** The circuit as an SVG document, see {@link Circuit.svg}. */
  svg(options?: SvgOptions): string {
    return this.needCircuit('svg').svg({ title: `Feature map ${this.type}`, ...options });
  }
  /** The circuit as OpenQASM, see {@link Circuit.toQasm}. */
  toQasm(options?: QasmOptions): string {
    return this.needCircuit('toQasm').toQasm(options);
  }

  private needCircuit(method: string): Circuit {
    if (this.circuit) return this.circuit;
    throw new QrkdRangeError('ERR_QRKD_UNSUPPORTED', `${method}: the feature map ${this.type} has no circuit`);
  }

  /** The complete specification as plain JSON; `featureMap(map.toJSON())` is the same map. */
  toJSON(): Required<FeatureMapSpec> {
    return structuredClone(this.spec);
  }
}

/**
 * Makes a feature map from plain JSON, for example `{ type: 'zz', features: 8, reps: 1, bandwidth: 0.1 }`, or from a
 * circuit.
 *
 * @throws TypeError or RangeError (ERR_QRKD_TYPE, ERR_QRKD_VALUE, ERR_QRKD_UNKNOWN_KEY) that names the key.
 */
export function featureMap(spec: FeatureMapSpec | Circuit): FeatureMap {
  return FeatureMap.create(spec);
}
