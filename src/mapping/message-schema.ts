import { z } from 'zod';

/** A text that says something. */
export const text = z.string().min(1);
const segment = z
  .string()
  .regex(/^[A-Z][A-Z0-9]{2}[?*]?$/, 'SEG, SEG? optional, SEG* repeating (and optional)');
const groupName = z.string().regex(/^[A-Z][A-Z0-9_]*[?*]?$/, 'GROUP, GROUP? or GROUP*');
/** Names of maps: `PID <-> Patient`. */
export const mapNames = z.array(z.string().regex(/^\w+ <-> \S+/)).min(1);

/** A segment or a group of a message structure. */
export type StructureNode =
  | string
  | { readonly group: string; readonly of: readonly StructureNode[]; readonly open?: true | undefined };

/** A segment or a group, as a file writes it. */
export const structureNode: z.ZodType<StructureNode> = z.lazy(() =>
  z.union([
    segment,
    z.strictObject({
      group: groupName,
      of: z.array(structureNode).min(1),
      open: z
        .literal(true)
        .optional()
        .describe(
          'Its segments are seen from the group around it, too: those of all its repetitions, in order',
        ),
    }),
  ]),
);

const resourceType = z.string().regex(/^[A-Z][A-Za-z]+$/);
const readingName = z.string().regex(/^[a-z][a-zA-Z]*$/);
const field = z.string().regex(/^[A-Z][A-Z0-9]{2}-\d+(\.\d+){0,2}$/, 'a field: PV1-7, OBX-3.1');

const nthField = z
  .string()
  .regex(/^[A-Z][A-Z0-9]{2}(\[[1-9]\])?-\d+$/, 'a field, of the second segment of its name: PID[2]-3');
const keyField = z
  .string()
  .regex(
    /^[A-Z][A-Z0-9]{2}-\d+(\.\d+){0,2}( or [A-Z][A-Z0-9]{2}-\d+(\.\d+){0,2})*$/,
    'a field, or the first of several that says something: AL1-3.1 or AL1-3.2',
  );

/** What becomes of one group (or of the whole message). */
const reading = z.strictObject({
  as: readingName.exactOptional().describe('Name of the reading, for refers'),
  resource: resourceType,
  in: text
    .default('.')
    .describe('Group or repeating segment, one resource each: PATIENT/NK1; . for the message'),
  maps: mapNames.describe('Maps that feed the one resource'),
  when: text.optional().describe('Condition on the message, e.g. $event in (A01, A04)'),
  mode: z
    .enum(['snapshot', 'update', 'mention'])
    .default('update')
    .describe(
      'snapshot: what the message does not say is gone; update: it stays; mention: only made when it is not known',
    ),
  key: z
    .array(z.array(keyField).min(1))
    .default([])
    .describe(
      'Where the maps give no id: alternatives, each a list of fields whose texts make the key; the first whose first field says something',
    ),
  refers: z
    .record(z.string().regex(/^[a-z]\w*(\.[a-z]\w*)*$/), readingName)
    .default({})
    .describe(
      'Elements that refer to what other readings make, by name: { result: observation, content.attachment.url: file }',
    ),
});

/** Small resources that fields name in passing. */
const mention = z.strictObject({
  resource: resourceType,
  map: z
    .string()
    .regex(/^\w+ <-> \S+/)
    .describe('Map of the data type: XCN <-> Practitioner'),
  fields: z.array(field).min(1).describe('One resource for each repetition, wherever the segment stands'),
});

/** A change of identity that the message brings. */
const identityChange = z.strictObject({
  in: text.default('.').describe('Group or repeating segment, one change each'),
  kind: z.enum(['merge', 'unmerge', 'move']),
  type: resourceType,
  from: nthField.describe('Identifier of the one that goes, comes back, or is moved: MRG-1, PID[2]-3'),
  into: nthField.describe('Identifier of the survivor, or of the patient that it belongs to now: PID-3'),
  when: text.optional().describe('Condition on the message'),
});

export const messageSchema = z.strictObject({
  message: z
    .string()
    .regex(/^[A-Z0-9]{3}(_[A-Z0-9]{3})?$/)
    .describe('Message structure: ADT_A01'),
  of: z
    .array(z.string().regex(/^[A-Z0-9]{3}(\^[A-Z0-9]{3})?$/))
    .min(1)
    .describe('Message types with this structure, MSH-9.1 and 9.2: ADT^A01'),
  basis: text.optional(),
  structure: z.array(structureNode).min(1),
  reads: z.array(reading).default([]),
  mentions: z.array(mention).default([]),
  merges: z.array(identityChange).default([]),
  drops: z
    .record(z.string().regex(/^[A-Z][A-Z0-9]{2}$/), z.strictObject({ why: text, by: text }))
    .default({})
    .describe('Segments that no map reads, each with a reason and a name'),
});

export type MessageFile = z.output<typeof messageSchema>;
