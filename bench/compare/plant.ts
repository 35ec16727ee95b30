import { decimalText } from '../../src/fhir/json.ts';
import type { Json, Resource } from '../../src/fhir/types.ts';
import type { ComparableSet } from '../../src/strangler/compare/answer.ts';
import { edited, type Edit } from './edit.ts';
import type { Random } from './random.ts';
import type { Subject } from './resources.ts';

/** The severity that a planted difference must get. */
type Severity = 'critical' | 'major' | 'minor';

/** One kind of difference, planted in a resource. */
export interface Fault {
  readonly name: string;
  readonly on: Subject;
  /** Where it must be found, and what it must be called. */
  readonly path: string;
  readonly severity: Severity;
  readonly plant: (resource: Resource, random: Random) => Resource;
}

/** One kind of difference, planted in what a search found. */
export interface SetFault {
  readonly name: string;
  readonly path: string;
  readonly severity: Severity;
  readonly plant: (set: ComparableSet, random: Random) => ComparableSet;
}

export const text =
  (change: (text: string) => string): Edit =>
  (value) =>
    change(value as string);
export const to =
  (value: Json): Edit =>
  () =>
    value;
export const gone: Edit = () => undefined;
export const number =
  (change: (value: number) => number): Edit =>
  (value) =>
    change(Number(decimalText(value)));
export const listed =
  (change: (list: Json[]) => Json[]): Edit =>
  (value) =>
    change(value as Json[]);

/** A row: what, on which resource, where it is planted, the edit, where it must be found, its severity. */
export function fault(
  name: string,
  on: Subject,
  place: string,
  edit: Edit,
  path: string,
  severity: Severity = 'critical',
): Fault {
  return { name, on, path, severity, plant: (resource) => edited(resource, place, edit) };
}

export function special(
  name: string,
  on: Subject,
  path: string,
  severity: Severity,
  plant: Fault['plant'],
): Fault {
  return { name, on, path, severity, plant };
}

export const shifted = (ms: number): Edit =>
  text((time) => new Date(Date.parse(time) + ms).toISOString().replace('.000Z', 'Z'));
export const HOUR = 3_600_000;
export const ANOTHER = 'Patient/somebody-else';
export const NEGATION: Json = [{ url: 'https://hospital.example/not-given', valueBoolean: true }];
