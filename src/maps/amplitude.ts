import { type MapDefinition, positiveInteger } from './definition.js';

export interface AmplitudeSpec {
  type: 'amplitude';
  features: number;
}

/** No circuit: the features are the amplitudes. A bandwidth would cancel in the normalisation, so there is none. */
export const amplitude: MapDefinition<AmplitudeSpec> = {
  type: 'amplitude',
  summary: 'the features as amplitudes (PennyLane AmplitudeEmbedding); K is the squared cosine',
  formula: 'pad with zeros to a power of two, divide by the L2 norm; a vector of zeros is an error',
  source: 'Schuld and Petruccione, Supervised Learning with Quantum Computers (2018); PennyLane AmplitudeEmbedding',
  defaults: { features: undefined },
  check({ features }) {
    positiveInteger('amplitude', 'features', features, 2 ** 30);
  },
  qubits: ({ features }) => Math.max(1, Math.ceil(Math.log2(features))),
  native: ({ features }) => ({ kind: 'vector', features, zeroVectors: false }),
};
