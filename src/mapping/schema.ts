import { z } from 'zod';
import { PRIMITIVES } from './primitive.ts';

const text = z.string().min(1);
const mapName = z
  .string()
  .regex(
    /^\w+ <-> [A-Z]\w*(\.\w+)*(\([A-Z]\w+\))?( \[[\w ,-]+\])?$|^\w+ <-> [a-z]\w*( \[[\w ,-]+\])?$/,
    'LEGACY <-> FhirType, e.g. PID <-> Patient, CWE <-> Coding [second]',
  );
const codesName = z.string().regex(/^[a-z][a-z0-9-]*$/, 'lower-case letters, digits and hyphens');

const waiver = z
  .strictObject({
    by: text.describe('Who answers for it'),
    why: text,
    until: z.iso.date().optional().describe('Last day it holds'),
    laws: z.array(z.enum(['get-put', 'put-get'])).min(1),
  })
  .describe('Lets a row break a measured law');

const rowShape = {
  v2: text.nullable().optional().describe('Legacy side: PID-5.1, CX.4, or the data type itself; ~ for none'),
  xml: text
    .optional()
    .describe('Legacy side of an XML map: Name/Given, Name/@code, or . for the element itself'),
  fhir: text
    .nullable()
    .optional()
    .describe(
      "FHIR side: name.given, coding[0].code, telecom.where(use='home'), extension('…').valueString, $this; ~ for none",
    ),
  each: mapName.optional().describe('Map of the value, e.g. XPN <-> HumanName'),
  as: z
    .enum(PRIMITIVES)
    .optional()
    .describe('How text and a primitive correspond; default: by the FHIR type'),
  code: codesName.optional().describe('Code map between the legacy code and the FHIR code'),
  via: codesName.optional().describe('Pair of functions registered in code'),
  of: z
    .string()
    .regex(/^[A-Z][A-Za-z]+$/)
    .optional()
    .describe('as: key | reference: the resource type'),
  authority: text
    .optional()
    .describe('as: key | reference of plain text: the assigning authority by its registered name'),
  number: text.optional().describe('as: key | reference of XML: path of the number below the place'),
  namespace: text
    .optional()
    .describe('as: key | reference of XML: path of the authority’s namespace below the place'),
  with: z
    .record(z.string().regex(/^[a-z][A-Za-z]*$/), text)
    .optional()
    .describe('Parameters of via: its name for a path, and the path below the place'),
  const: z
    .union([text, z.boolean()])
    .optional()
    .describe('A value that is always so: on the FHIR side when read, or on the legacy side when written'),
  when: text
    .optional()
    .describe("Condition on the legacy side: PID-29, XTN.3 in ('Internet', 'X.400'), $event = A28"),
  unless: text.optional().describe('The opposite of when'),
  from: z
    .enum(['minute', 'day'])
    .optional()
    .describe('Timestamps at least as precise as this; others are not this row’s'),
  upto: z
    .enum(['day'])
    .optional()
    .describe('Precision beyond this belongs to another row, and is not a loss'),
  split: text.optional().describe('Separator of several list items in one legacy text'),
  only: z.enum(['read', 'write']).optional().describe('One direction only; needs why'),
  keep: z
    .literal('raw')
    .optional()
    .describe('Not in the resource; an update leaves it byte for byte; needs why'),
  drop: z.literal(true).optional().describe('Has no home on the other side; needs why and by'),
  why: text.optional(),
  by: text.optional(),
  key: text.optional().describe('Name of the row for overlays; default: its legacy path'),
  waiver: waiver.optional(),
};

/** Rules between the keys of a row that a shape cannot say. */
function checkRow(row: z.infer<z.ZodObject<typeof rowShape>>, context: z.RefinementCtx): void {
  const wrong = (message: string, path: string) =>
    context.addIssue({ code: 'custom', message, path: [path] });
  const legacy = row.v2 ?? row.xml;
  if (row.v2 && row.xml) wrong('a row has v2 or xml, not both', 'xml');
  if (!legacy && !row.fhir) wrong('a row needs a legacy side or a FHIR side', 'fhir');
  const ways = (['each', 'as', 'via'] as const).filter((way) => row[way] !== undefined);
  if (ways.length > 1) wrong(`${ways.join(' and ')} exclude each other`, ways[1]!);
  if (row.const !== undefined && (ways.length > 0 || row.code !== undefined))
    wrong('a const has no conversion', 'const');
  if (row.const !== undefined && legacy && row.fhir) wrong('a const belongs to one side', 'const');
  if (row.code !== undefined && (row.as !== undefined || row.via !== undefined))
    wrong('code goes alone or with each', 'code');
  if (row.only && !row.why) wrong('a one-way row says why', 'why');
  if ((row.keep || row.drop) && !row.why) wrong('what is kept or dropped says why', 'why');
  if (row.drop && !row.by) wrong('what is dropped has a name under it', 'by');
  if (row.keep && row.drop) wrong('keep and drop exclude each other', 'drop');
  if (row.keep && !legacy) wrong('only a legacy field can be kept raw', 'keep');
  if ((row.keep || row.drop) && legacy && row.fhir)
    wrong('what is kept or dropped has no other side', 'fhir');
  const oneSided = !legacy || !row.fhir;
  if (oneSided && !row.keep && !row.drop && row.const === undefined) {
    wrong('a row with one side is a const, kept raw, or dropped with a reason', legacy ? 'fhir' : 'v2');
  }
  if ((row.as === 'key' || row.as === 'reference') && !row.of)
    wrong(`as: ${row.as} names the type in of`, 'of');
  if (row.with && row.via === undefined) wrong('with goes with via', 'with');
  const keyed = row.as === 'key' || row.as === 'reference';
  if ((row.number || row.namespace || row.authority) && !keyed)
    wrong('only as: key and as: reference have a number', 'as');
  if (row.from && row.as !== 'dateTime' && row.as !== 'instant')
    wrong('from goes with as: dateTime or instant', 'from');
  if (row.upto && row.as !== 'date' && row.as !== 'dateTime')
    wrong('upto goes with as: date or dateTime', 'upto');
}

export const rowSchema = z.strictObject(rowShape).superRefine(checkRow);

const elementName = z.string().regex(/^[a-z]\w*$/);

const updateRule = z.strictObject({
  when: text.optional().describe('Condition on the message'),
  unless: text.optional(),
  clears: z
    .array(text)
    .default([])
    .describe('Elements that the event takes back; what the message itself says of them stays'),
  removes: z
    .strictObject({
      from: z
        .string()
        .regex(/^[a-z]\w*$/)
        .describe('A list of the resource'),
      each: mapName.describe(
        'Map of the segment that names an item; conditions are asked at each of its repetitions',
      ),
      by: z
        .array(text)
        .min(1)
        .describe(
          'What tells the item that is named: the first has to be said, others where they are: [actor.identifier.value, actor.type]',
        ),
    })
    .optional()
    .describe('Items of a list that the message takes away, by what tells them'),
  yields: z
    .record(
      elementName,
      z.union([z.literal(true), z.array(text).min(1), z.record(elementName, z.array(text).min(1))]),
    )
    .default({})
    .describe(
      'Elements that the message only supposes: what is known of them stays; a list: where it is one of these codes; an element and a list: where that one is',
    ),
  why: text,
});

export type UpdateRule = z.output<typeof updateRule>;

export const mapSchema = z.strictObject({
  map: mapName.describe('Name: legacy structure, FHIR type; [variant] where there are several'),
  basis: text.optional().describe('What it follows, e.g. v2-to-FHIR, data type CX[Identifier]'),
  syntax: z.enum(['v2', 'xml']).default('v2'),
  segments: z
    .array(z.string().regex(/^[A-Z][A-Z0-9]{2}$/))
    .optional()
    .describe('Segments whose every field this map answers for; default: the one in its name'),
  part: z
    .boolean()
    .default(false)
    .describe('It speaks of a part of the structure only; other maps of the rest'),
  order: z
    .array(text)
    .optional()
    .describe('XML: the order of the child elements, when its schema is a sequence'),
  updates: z
    .array(updateRule)
    .default([])
    .describe('What a message of a feed does to what is known, beside what it says'),
  rows: z.array(rowSchema).min(1),
});

export const overlaySchema = z.strictObject({
  overlay: mapName.describe('The map that it changes'),
  by: text.describe('Who answers for it'),
  why: text.optional(),
  segments: z
    .array(z.string().regex(/^[A-Z][A-Z0-9]{2}$/))
    .optional()
    .describe('Further segments, e.g. [ZPI]'),
  rows: z
    .array(
      z
        .strictObject({
          ...rowShape,
          row: text.optional().describe('Key of the row that this one replaces; without it the row is added'),
          remove: z.literal(true).optional().describe('Takes the named row away; needs why'),
        })
        .superRefine((row, context) => {
          if (!row.remove) return checkRow(row, context);
          if (!row.row || !row.why)
            context.addIssue({ code: 'custom', message: 'remove names a row and says why' });
        }),
    )
    .min(1),
});

const codeRow = z.strictObject({
  v2: text.describe('Legacy code'),
  fhir: text.describe('FHIR code'),
  display: text.optional(),
  system: text.optional().describe('FHIR code system, when not the map’s'),
  prefer: z
    .enum(['read', 'write', 'both'])
    .optional()
    .describe('Of several rows with the same code: the one to read as, to write as'),
  only: z.enum(['read', 'write']).optional(),
});

const unknownPolicy = z.enum(['refuse', 'keep', 'text', 'park']);

export const codesSchema = z.strictObject({
  codes: codesName,
  basis: text.optional(),
  table: z
    .string()
    .regex(/^\d{4}$/)
    .optional()
    .describe('HL7 table of the legacy codes'),
  v2System: text.optional().describe('URI of the legacy codes; default: that of the HL7 table'),
  system: text.optional().describe('URI of the FHIR codes; absent for bare codes'),
  unknown: unknownPolicy.describe(
    'A legacy code without a row: refuse (reported, not read), keep (as a Coding of the legacy system), text (as text)',
  ),
  rows: z.array(codeRow).describe('May be empty with unknown: keep: the codes are the same on both sides'),
});

export const codesOverlaySchema = z.strictObject({
  overlayCodes: codesName.describe('The code map that it changes'),
  by: text,
  why: text.optional(),
  unknown: unknownPolicy.optional(),
  rows: z.array(codeRow).min(1).describe('Rows that replace those with the same v2 code, or are added'),
});

const element = z.string().regex(/^(\w+)(\*?)( .+)?$/, 'TYPE, TYPE* for a repeating one, then a name');

export const definitionsSchema = z.strictObject({
  definitions: text.describe('What is defined, e.g. HL7 v2'),
  datatypes: z.record(z.string().regex(/^[A-Z][A-Z0-9]{1,2}$/), z.array(element)).default({}),
  segments: z.record(z.string().regex(/^[A-Z][A-Z0-9]{2}$/), z.array(element)).default({}),
});

export type Row = z.output<typeof rowSchema>;
export type CodesFile = z.output<typeof codesSchema>;
export type CodeRow = z.output<typeof codeRow>;
export type DefinitionsFile = z.output<typeof definitionsSchema>;
