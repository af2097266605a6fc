// Renews config/server_config.schema.json after a change of the schema: `node dist/config/write-json-schema.js`.
import { writeFileSync } from 'node:fs';
import { jsonSchemaPath, jsonSchemaText } from './json-schema.js';

writeFileSync(jsonSchemaPath, jsonSchemaText());
