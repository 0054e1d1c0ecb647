// Writes schema/study.schema.json, the JSON Schema of a study's configuration: `npm run build:schema`, after changes to
// src/study/schema.ts.
import { mkdirSync, writeFileSync } from 'node:fs';
import { studyJsonSchema } from '../dist/study/jsonSchema.js';

const folder = new URL('../schema/', import.meta.url);
mkdirSync(folder, { recursive: true });
writeFileSync(new URL('study.schema.json', folder), `${JSON.stringify(studyJsonSchema(), null, 2)}\n`);
