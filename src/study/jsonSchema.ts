import { z } from 'zod';
import { LOSS_PRESETS } from '../losses/presets.js';
import { schema } from './schema.js';

type JsonSchema = Record<string, unknown> & {
  properties: Record<string, JsonSchema>;
  additionalProperties: JsonSchema;
};

/**
 * The JSON Schema (draft 7, which editors know best) of a study's configuration as it is written, for completion and checks
 * in editors. It knows keys and values; what only runs can tell (keys of feature maps, optimizers, file names) it lets pass.
 */
export function studyJsonSchema(): Record<string, unknown> {
  const json = z.toJSONSchema(schema, {
    target: 'draft-7',
    io: 'input',
    override({ jsonSchema }) {
      // The bound of whole numbers in JavaScript says nothing about the key.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  }) as unknown as JsonSchema;
  // What a method is made from before it is checked: see methods.ts.
  const method = json.properties.methods.additionalProperties;
  method.properties = {
    extends: { type: 'string', description: 'Takes what is not given from the method of this name.' } as never,
    preset: { enum: LOSS_PRESETS, description: 'Takes the weights that are not given from this loss preset.' } as never,
    ...method.properties,
  };
  const { $schema, ...rest } = json;
  return {
    $schema,
    title: 'qrkd study',
    description: 'Configuration of `qrkd distill` and `qrkd reproduce`.',
    ...rest,
  };
}
