import { z } from 'zod';
import { errorsSchema, interactionSchema } from './exchange-schema.ts';
import { messageSchema } from './message-schema.ts';
import { codesOverlaySchema, codesSchema, definitionsSchema, mapSchema, overlaySchema } from './schema.ts';

const SCHEMAS = {
  map: mapSchema,
  codes: codesSchema,
  definitions: definitionsSchema,
  message: messageSchema,
  interaction: interactionSchema,
  errors: errorsSchema,
  overlay: overlaySchema,
  'overlay-codes': codesOverlaySchema,
} as const;

/**
 * The JSON Schemas of the mapping files, by file name: `map.schema.json`. For editors; Ficus checks more than they say.
 */
export function mappingSchemas(): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(SCHEMAS).map(([kind, schema]) => {
      const json = {
        ...z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }),
        title: `Ficus mapping file: ${kind}`,
      };
      return [`${kind}.schema.json`, `${JSON.stringify(json, undefined, 2)}\n`];
    }),
  );
}
