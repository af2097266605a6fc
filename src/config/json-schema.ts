// The configuration's JSON Schema, for editors: config/server_config.schema.json, written by write-json-schema.ts.
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { configSchema } from './schema.js';

export const jsonSchemaPath = fileURLToPath(
  new URL('../../config/server_config.schema.json', import.meta.url),
);

/** The JSON Schema as the text of its file. */
export function jsonSchemaText(): string {
  const schema = z.toJSONSchema(configSchema, {
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      // Keys that know other names of their values (utf8, WARNING): offer ours, accept any.
      if (!(zodSchema instanceof z.ZodDefault) || !(zodSchema.unwrap() instanceof z.ZodPipe)) return;
      jsonSchema.anyOf = [{ enum: jsonSchema.enum ?? [] }, { type: 'string' }];
      jsonSchema.default = zodSchema.def.defaultValue;
      delete jsonSchema.enum;
      delete jsonSchema.type;
    },
  });
  return `${JSON.stringify({ title: 'Configuration of LinuxIT-TCP-IP', ...schema }, null, 2)}\n`;
}
