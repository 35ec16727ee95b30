import { primitiveOf, type Primitive } from './primitive.ts';

/** HL7 types that later versions put in each other's place (HL7 v2.5.1 §2.A), and primitive wrappers. */
const FAMILIES: readonly (readonly string[])[] = [
  ['CE', 'CF', 'CWE', 'CNE', 'IS', 'ID', 'ST', 'CM'],
  ['TS', 'DTM', 'DT'],
  ['XPN', 'PN'],
  ['XAD', 'AD'],
  ['XTN', 'TN'],
  ['CX', 'CK', 'EI', 'ST'],
  ['XCN', 'CN', 'CNN'],
  ['FN', 'ST'],
  ['SAD', 'ST'],
  ['HD', 'IS', 'ST'],
  ['NM', 'SI', 'SNM'],
  ['ST', 'TX', 'FT', 'ID', 'IS'],
];

/** Whether a map of HL7 type `a` reads a place of type `b`. */
export function related(a: string, b: string): boolean {
  return a === b || FAMILIES.some((family) => family.includes(a) && family.includes(b));
}

const TEXTUAL = new Set([
  'string',
  'code',
  'uri',
  'url',
  'canonical',
  'id',
  'oid',
  'uuid',
  'markdown',
  'http://hl7.org/fhirpath/System.String',
]);

/** Whether a conversion makes values of a FHIR type. */
export function fitsPrimitive(as: Exclude<Primitive, 'key' | 'reference'>, type: string): boolean {
  if (as === 'string' || as === 'code' || as === 'uri') return TEXTUAL.has(type);
  if (as === 'yes-no') return type === 'boolean';
  return primitiveOf(type) === as;
}
