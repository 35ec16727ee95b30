import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { mappingSchemas } from '../../../src/mapping/json-schema.ts';

describe('the JSON Schemas of the mapping files', () => {
  it.each([...mappingSchemas()])(
    'mappings/%s says what the engine checks (ficus map schema)',
    (name, text) => {
      expect(JSON.parse(readFileSync(`mappings/${name}`, 'utf8'))).toEqual(JSON.parse(text));
    },
  );

  it('know the keys of a row', () => {
    const schema = mappingSchemas().get('map.schema.json')!;
    for (const key of ['v2', 'xml', 'fhir', 'each', 'as', 'code', 'via', 'when', 'unless', 'keep', 'waiver'])
      expect(schema).toContain(`"${key}"`);
    expect(schema).toContain('"additionalProperties": false');
  });
});
