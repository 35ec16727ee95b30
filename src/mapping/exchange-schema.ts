import { z } from 'zod';
import { ERROR_CODES } from '../errors.ts';
import { mapNames, structureNode, text } from './message-schema.ts';

const param = z.strictObject({
  field: text.optional().describe('HL7: QPD-3 name, @PID.5.1.1; or a path of the request, PID-3'),
  xml: text.optional().describe('SOAP: path of the element below the request'),
  type: z.enum(['token', 'string', 'date', 'reference', 'number', 'quantity', 'uri']).optional(),
  match: z
    .enum(['exact', 'wider'])
    .default('wider')
    .describe('exact: the core returns what FHIR means; wider: a superset'),
  wildcard: text
    .optional()
    .describe(
      'What the core takes for any characters: it is appended to a string, and to a date less precise than a day',
    ),
  within: z
    .boolean()
    .default(false)
    .describe(
      'The core compares the whole text, punctuation too: wildcards stand in front and between the letters',
    ),
  any: z
    .array(text)
    .min(1)
    .optional()
    .describe(
      'Instead of field: other parameters of this file, of which one must hold; asked one after another',
    ),
  modifiers: z
    .array(z.string())
    .default([''])
    .describe("Modifiers that may be pushed; '' is the bare parameter"),
  prefixes: z.array(z.enum(['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'])).default(['eq']),
  precision: z
    .enum(['day', 'month', 'year', 'minute', 'second'])
    .optional()
    .describe('Date values that may be pushed'),
  code: text.optional().describe('Code map of the value'),
  or: z.boolean().default(false).describe('Several values in one request'),
  repeat: z.boolean().default(false).describe('The parameter twice in one request'),
  authority: text.optional().describe('Path of the assigning authority: @PID.3.4, AssigningAuthority'),
  from: text.optional().describe('Date range: path of the lower bound'),
  to: text.optional().describe('Date range: path of the upper bound'),
  of: text.optional().describe('Reference: resource type that the element names'),
  system: text.optional().describe('The element holds codes of this system only'),
  qualified: z
    .boolean()
    .default(false)
    .describe('The element holds the system before the code: https://portal.example/bookings|77'),
  days: z
    .int()
    .min(1)
    .optional()
    .describe('Date range: longest that the core takes where nothing else bounds the search'),
});

const hl7Request = z.strictObject({
  message: z
    .string()
    .regex(/^[A-Z0-9]{3}\^[A-Z0-9]{3}(\^[A-Z0-9_]+)?$/)
    .describe('MSH-9: QBP^Q22^QBP_Q21'),
  query: text.optional().describe('QPD-1'),
  structure: z
    .array(structureNode)
    .optional()
    .describe('Segments of the request, in order, where it is not a query'),
  maps: mapNames.optional().describe('Write: maps that write the resource'),
  set: z
    .record(text, text)
    .default({})
    .describe('Fixed values: { EVN-1: A28 }; $now, $controlId and $tag are filled in'),
  copy: z
    .strictObject({
      segments: z.array(text).min(1),
      from: text.describe('Interaction that reads them: Patient.read'),
      by: text.describe('Element whose reference names what is read: subject'),
    })
    .optional()
    .describe('Write: segments taken over from another resource, byte for byte'),
  implied: z
    .record(text, z.union([text, z.boolean()]))
    .default({})
    .describe('Write: elements whose value goes without saying and needs no place: { active: true }'),
  snapshots: z
    .record(
      text,
      z.strictObject({
        number: text.describe('Field that numbers the segments: NK1-1'),
        none: z.array(text).min(1).describe('Fields that say `""` in the one segment that stands for none'),
      }),
    )
    .default({})
    .describe('Write: segments by name that are told all together, and replace those that the core has'),
  onto: z
    .enum(['empty', 'current'])
    .default('empty')
    .describe('Write onto an empty message or onto what a read returns'),
});

/** Another operation for some writes: what cannot be said by the usual one. */
const soapInstead = z.strictObject({
  when: text.describe('Condition on the record as it is to be: StatusCode = CANC'),
  operation: text,
  action: text.optional(),
  element: text,
  answer: text.describe('Local name of the element that answers'),
  in: text.default('.'),
  set: z.record(text, text).default({}),
  order: z.array(text),
  implies: z.array(text).default([]).describe('Elements that the operation changes without being told'),
});

const soapRequest = z.strictObject({
  operation: text,
  action: text.optional().describe('SOAPAction'),
  namespace: text,
  element: text.describe('Local name of the body element'),
  maps: mapNames.optional(),
  in: text.default('.').describe('Element below the body element that the maps write'),
  set: z.record(text, text).default({}),
  onto: z.enum(['empty', 'current']).default('empty'),
  order: z.array(text).optional().describe('Order of the child elements; others cannot be sent'),
  keeps: z
    .array(text)
    .default([])
    .describe('Update: elements that the core keeps when the resource leaves them out'),
  instead: z.array(soapInstead).default([]),
});

const response = z.strictObject({
  message: z
    .union([text, z.array(text).min(1)])
    .optional()
    .describe('MSH-9.1^9.2 accepted: RSP^K22'),
  structure: text.optional().describe('Message file that groups the answer: RSP_K22'),
  element: text.optional().describe('SOAP: local name of the body element'),
  status: text.optional().describe('QAK-2, or the path of a return code'),
  done: z
    .array(text)
    .default([])
    .describe('SOAP: return codes of what was done: the first in full, others in part'),
  reason: text.optional().describe('SOAP: path of the reason code beside the return code'),
  text: text.optional().describe('SOAP: path of the words beside it; for the error table only'),
  faultReason: text.optional().describe('SOAP: path of a reason code below the detail of a Fault'),
  faultRetry: text.optional().describe('SOAP: path of a boolean there that says to try again'),
  each: z
    .strictObject({ in: text.describe('Group, or path of the repeating element'), maps: mapNames })
    .optional(),
  key: text.optional().describe('Write: where the answer gives the key of what was made'),
  total: text.optional(),
  next: text.optional().describe('Where the answer goes on: DSC-1, Paging/NextPageToken'),
  warnings: text.optional().describe('Path of the repeating element of a partial success'),
  warningCode: text.optional().describe('SOAP: path of its code'),
  warningSource: text.optional().describe('SOAP: path of the name of the source that is missing'),
});

/** An endpoint as an exchange with one legacy protocol. */
export const interactionSchema = z.strictObject({
  interaction: z
    .string()
    .regex(/^([a-z][a-z0-9-]*\/)?[A-Z][A-Za-z]+\.(read|search|create|update)$/)
    .describe('Patient.read; of one of several services of a protocol: hospix/Appointment.read'),
  basis: text.optional(),
  adapter: z.enum(['hl7v2', 'soap']),
  request: z.union([hl7Request, soapRequest]),
  params: z.record(z.string().regex(/^[_a-z][A-Za-z0-9-]*$/), param).default({}),
  anchors: z
    .array(z.array(text))
    .default([])
    .describe('Sets of parameters that bound a search; one empty set: an unfiltered search is bounded'),
  maxPage: z.int().min(1).max(1000).optional().describe('Largest page the core gives'),
  internal: z.boolean().default(false).describe('Asked by other interactions only: no endpoint of its own'),
  mint: z
    .strictObject({
      authority: text.describe('Registered name: FICUS'),
      type: text.optional().describe('Identifier.type, HL7 table 0203: PLAC'),
    })
    .optional()
    .describe('Write: the number that a new resource gets when its client gives none of this authority'),
  page: text.optional().describe('Where a continuation and a page size go'),
  response,
  errors: z
    .array(
      z.strictObject({
        when: text,
        code: z.enum(ERROR_CODES as [string, ...string[]]),
        why: text.optional(),
      }),
    )
    .default([])
    .describe('Ahead of mappings/errors.yaml: condition on the answer, code'),
  verify: z
    .strictObject({
      by: text.describe(
        'Interaction that reads what was written: after an acknowledged write for the answer, after an unacknowledged one to know',
      ),
      on: text.describe('Value to ask by: key (of the resource), mint (the number that we gave)'),
    })
    .optional(),
});

/** mappings/errors.yaml: what the legacy says -> our error code. The first row that matches wins. */
export const errorsSchema = z.strictObject({
  errors: text.describe('Of what, e.g. HL7 v2, SOAP'),
  rows: z
    .array(
      z.strictObject({
        on: z.enum(['read', 'search', 'write', 'any']).default('any'),
        ack: z.string().optional().describe('MSA-1'),
        err: z.string().optional().describe('ERR-3 (HL7 table 0357)'),
        status: z.string().optional().describe('QAK-2 (HL7 table 0208), or a return code'),
        fault: z.string().optional().describe('SOAP Fault code or subcode, local name'),
        reason: z.string().optional().describe('Reason code of the answer or of the Fault’s detail'),
        says: z.string().optional().describe('Pattern of the text'),
        retry: z.boolean().optional().describe('Whether a Fault says to try again'),
        code: z
          .union([z.enum(ERROR_CODES as [string, ...string[]]), z.literal('empty')])
          .describe('empty: no error, no result'),
        why: text.optional(),
      }),
    )
    .min(1),
});

export type InteractionFile = z.output<typeof interactionSchema>;
export type ErrorsFile = z.output<typeof errorsSchema>;
