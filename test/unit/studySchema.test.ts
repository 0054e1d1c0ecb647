import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { parseConfig } from '#dist/study/config.js';
import { studyJsonSchema } from '#dist/study/jsonSchema.js';
import { recipeMethods } from '#dist/study/recipe.js';

const root = new URL('../../../', import.meta.url);
const text = (path: string) => readFileSync(new URL(path, root), 'utf8');

describe("the JSON Schema of a study's configuration", () => {
  it('that is shipped is the one of the code', () => {
    const file = JSON.parse(readFileSync(fileURLToPath(import.meta.resolve('qrkd/schema/study.schema.json')), 'utf8'));
    assert.deepEqual(file, JSON.parse(JSON.stringify(studyJsonSchema())), 'run `npm run build:schema`');
  });

  const validate = new Ajv({ strict: true, strictTypes: false }).compile(studyJsonSchema());
  const errors = (config: unknown) => (validate(config) ? [] : validate.errors!);

  it("accepts the documentation's configurations and the demo's", () => {
    const documented = ['README.md', 'docs/studies.md'].flatMap((page) =>
      [...text(page).matchAll(/```yaml\n(.*?)```/gs)].map(([, yaml]) => parse(yaml)).filter(({ methods }) => methods),
    );
    assert.ok(documented.length > 0);
    for (const config of [...documented, { methods: recipeMethods() }]) {
      assert.deepEqual(errors(config), []);
      parseConfig(config, 'config');
    }
  });

  it('says what the command would say', () => {
    const methods = { A: {}, B: { extends: 'A', preset: 'recommended', quantum: 3 } };
    const good = { seeds: [3], student: { optimizer: { name: 'adamw', clipNorm: 1 } }, data: { idx: 'x' }, methods };
    assert.deepEqual(errors(good), []);
    parseConfig(good, 'config');
    for (const [wrong, path, keyword] of [
      [{ sedes: [1] }, '', 'additionalProperties'],
      [{ student: { epochs: 0 } }, '/student/epochs', 'minimum'],
      [{ student: { embedding: 'tanh' } }, '/student/embedding', 'enum'],
      [{ teacher: { learningrate: 1 } }, '/teacher', 'additionalProperties'],
      [{ methods: { A: { quantom: 1 } } }, '/methods/A', 'additionalProperties'],
      [{ methods: { A: { preset: 'recomended' } } }, '/methods/A/preset', 'enum'],
      [{ methods: undefined }, '', 'required'],
    ] as const) {
      const config = JSON.parse(JSON.stringify({ ...good, ...wrong }));
      assert.ok(errors(config).some((error) => error.instancePath === path && error.keyword === keyword));
      assert.throws(() => parseConfig(config, 'config'));
    }
  });

  it('explains keys', () => {
    const { properties } = studyJsonSchema() as { properties: Record<string, { description?: string }> };
    for (const key of ['data', 'seeds', 'engine', 'methods']) assert.ok(properties[key].description!.length > 20, key);
  });
});
