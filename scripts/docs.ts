/** `npm run docs`: writes the pages that are made from the code. A test holds them to it. */
import { writeFileSync } from 'node:fs';
import { configJsonSchema, configPage } from '../src/config/describe.ts';

const docs = new URL('../docs/', import.meta.url);
writeFileSync(new URL('configuration.md', docs), configPage());
writeFileSync(new URL('configuration.schema.json', docs), `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
