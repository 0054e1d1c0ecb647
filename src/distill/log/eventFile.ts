import protobuf from 'protobufjs/light.js';
import type { LogEntry, LogFormat } from './entries.js';
import { frameRecord, readRecords } from './tfrecord.js';

/** A name by which TensorBoard knows an event file in a folder. */
export const EVENT_FILE = 'events.out.tfevents.qrkd';

/** The part of tensorflow.Event and Summary that scalars need; names and numbers of tensorboard/compat/proto. */
const eventType = protobuf.Root.fromJSON({
  nested: {
    Event: {
      fields: {
        wall_time: { type: 'double', id: 1 },
        step: { type: 'int64', id: 2 },
        file_version: { type: 'string', id: 3 },
        summary: { type: 'Summary', id: 5 },
      },
    },
    Summary: { fields: { value: { type: 'Value', id: 1, rule: 'repeated' } } },
    Value: { fields: { tag: { type: 'string', id: 1 }, simple_value: { type: 'float', id: 2 } } },
  },
}).lookupType('Event');

/** What an event file has of one moment. */
export interface Event {
  /** Seconds since 1970. */
  wall_time: number;
  step?: number;
  /** Of the first event only. */
  file_version?: string;
  summary?: { value: { tag: string; simple_value: number }[] };
}

export function encodeEvent(event: Event): Uint8Array {
  return frameRecord(eventType.encode(eventType.fromObject(event)).finish());
}

/** The events that a file begins with, up to the first one that is not whole. */
export function* readEvents(file: Buffer): Generator<{ event: Event; end: number }> {
  for (const { data, end } of readRecords(file)) {
    const event = eventType.toObject(eventType.decode(data), { longs: Number }) as Event;
    yield { event, end };
  }
}

/** Scalars by tag; those of single steps are under `step/`. */
export function scalars(entry: LogEntry): [tag: string, value: number][] {
  const { loss, terms, learningRate, runningAccuracy } = entry;
  const list: [string, number][] = [
    ['loss', loss],
    ...Object.entries(terms).flatMap(([term, { raw, weighted, gradientNorm }]): [string, number][] => [
      [`raw/${term}`, raw],
      [`weighted/${term}`, weighted],
      [`gradientNorm/${term}`, gradientNorm],
    ]),
    ['accuracy/running', runningAccuracy],
  ];
  if (learningRate !== null) list.push(['learningRate', learningRate]);
  if (entry.type === 'step') return list.map(([tag, value]) => [`step/${tag}`, value]);
  const { validation } = entry;
  if (validation) list.push(['accuracy/validation', validation.accuracy]);
  if (validation) list.push(['crossEntropy/validation', validation.crossEntropy]);
  return list;
}

const now = () => Date.now() / 1000;

/** TensorBoard's event file, version 2: an event for every entry. */
export const eventFile: LogFormat = {
  get header() {
    return encodeEvent({ wall_time: now(), file_version: 'brain.Event:2' });
  },

  encode(entry) {
    const value = scalars(entry).map(([tag, simple_value]) => ({ tag, simple_value }));
    return encodeEvent({ wall_time: now(), step: entry.step, summary: { value } });
  },

  keptBytes(file, step) {
    let kept = 0;
    for (const { event, end } of readEvents(file)) {
      if ((event.step ?? 0) > step) break;
      kept = end;
    }
    return kept;
  },
};
