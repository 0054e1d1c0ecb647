import { Circuit, type CircuitJson } from '../circuits/circuit.js';
import { QrkdRangeError } from '../errors.js';
import { finiteNumber, type MapDefinition } from './definition.js';

export interface CircuitSpec {
  type: 'circuit';
  /** A circuit, or what its toJSON writes. */
  circuit: Circuit | CircuitJson;
  bandwidth?: number;
}

/** Any circuit of the builder. */
export const circuitMap: MapDefinition<CircuitSpec> = {
  type: 'circuit',
  summary: 'any circuit: of circuit(qubits), as JSON, or from OpenQASM',
  formula: 'the circuit, x -> bandwidth x first',
  source: 'whoever builds it, with the gates of the table',
  defaults: { circuit: undefined, bandwidth: 1 },
  check({ circuit, bandwidth }) {
    finiteNumber('circuit', 'bandwidth', bandwidth);
    if (built(circuit).features === 0) {
      throw new QrkdRangeError('ERR_QRKD_VALUE', 'circuit: no angle has a feature, so that all samples are the same');
    }
  },
  features: ({ circuit }) => built(circuit).features,
  qubits: ({ circuit }) => circuit.qubits,
  circuit: ({ circuit }) => built(circuit),
};

const built = (circuit: Circuit | CircuitJson) => (circuit instanceof Circuit ? circuit : Circuit.fromJSON(circuit));
