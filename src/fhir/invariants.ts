import { containedResource } from './reference.ts';
import { decimalText, isJsonObject } from './json.ts';
import { isNarrative } from './narrative.ts';
import type { Json, JsonObject, Resource } from './types.ts';

/** A rule of FHIR R4 over several elements, by its key in the standard. */
export interface Invariant {
  readonly key: string;
  readonly human: string;
  /** Judges well-typed elements; anything else is another rule's business and passes. */
  readonly holds: (value: JsonObject, root: Resource) => boolean;
}

/** A value or its primitive extension is there. */
function has(value: JsonObject, ...names: readonly string[]): boolean {
  return names.some((name) => value[name] !== undefined || value[`_${name}`] !== undefined);
}

function hasChoice(value: JsonObject, stem: string): boolean {
  return Object.keys(value).some((name) => new RegExp(`^_?${stem}[A-Z]`).test(name));
}

function list(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

function codings(concept: Json | undefined): string[] {
  if (!isJsonObject(concept)) return [];
  return list(concept['coding']).map((it) => `${textOf(it['system'])}|${textOf(it['code'])}`);
}

interface Span {
  readonly from: number;
  readonly to: number;
  readonly zoned: boolean;
}

/** Earliest and latest instant that a partial date can mean, in milliseconds; without a zone, as if in UTC. */
function span(text: string): Span | undefined {
  const zoned = text.includes('T');
  const from = Date.parse(zoned ? text.replace(':60', ':59') : text);
  if (Number.isNaN(from)) return undefined;
  if (zoned) return { from, to: from + (text.includes('.') ? 0 : 999), zoned };
  const end = new Date(from);
  if (text.length === 4) end.setUTCFullYear(end.getUTCFullYear() + 1);
  else if (text.length === 7) end.setUTCMonth(end.getUTCMonth() + 1);
  else end.setUTCDate(end.getUTCDate() + 1);
  return { from, to: end.getTime() - 1, zoned };
}

function ordered(start: Json | undefined, end: Json | undefined): boolean {
  if (typeof start !== 'string' || typeof end !== 'string') return true;
  const first = span(start);
  const last = span(end);
  if (!first || !last) return true;
  // A date without a zone may be up to 14 hours from UTC; two of them are taken to be in the same place.
  const slack = first.zoned === last.zoned ? 0 : 14 * 3600 * 1000;
  return first.from <= last.to + slack;
}

/** For comparing only; NaN when it is no number. */
function number(value: Json | undefined): number {
  return Number(decimalText(value));
}

/** `name` is allowed only together with `other`. */
function needs(key: string, name: string, other: string): Invariant {
  return { key, human: `${name} needs ${other}`, holds: (it) => !has(it, name) || has(it, other) };
}

const ALLERGY_VERIFICATION =
  'http://terminology.hl7.org/CodeSystem/allergyintolerance-verification|entered-in-error';

const MEALS: readonly Json[] = ['C', 'CM', 'CD', 'CV'];

const refuted = (value: JsonObject): boolean =>
  codings(value['verificationStatus']).includes(ALLERGY_VERIFICATION);

/** By type; a type has its own and those of what it specializes (Age those of Quantity). */
const INVARIANTS: Readonly<Record<string, readonly Invariant[]>> = {
  AllergyIntolerance: [
    {
      key: 'ait-1',
      human: 'clinicalStatus is required unless verificationStatus is entered-in-error',
      holds: (it) => has(it, 'clinicalStatus') || refuted(it),
    },
    {
      key: 'ait-2',
      human: 'clinicalStatus is not allowed when verificationStatus is entered-in-error',
      holds: (it) => !has(it, 'clinicalStatus') || !refuted(it),
    },
  ],
  Appointment: [
    { key: 'app-2', human: 'start and end go together', holds: (it) => has(it, 'start') === has(it, 'end') },
    {
      key: 'app-3',
      human: 'only a proposed, cancelled or waitlist appointment may lack start and end',
      holds: (it) =>
        (has(it, 'start') && has(it, 'end')) ||
        ['proposed', 'cancelled', 'waitlist'].includes(it['status'] as string),
    },
    {
      key: 'app-4',
      human: 'cancelationReason is only for a cancelled or no-show appointment',
      holds: (it) =>
        !has(it, 'cancelationReason') || ['cancelled', 'noshow'].includes(it['status'] as string),
    },
  ],
  'Appointment.participant': [
    {
      key: 'app-1',
      human: 'a participant needs a type or an actor',
      holds: (it) => has(it, 'type', 'actor'),
    },
  ],
  Attachment: [needs('att-1', 'data', 'contentType')],
  ContactPoint: [needs('cpt-2', 'value', 'system')],
  Narrative: [
    {
      key: 'txt-1',
      human: 'div is one XHTML div with basic formatting and some content, nothing active',
      holds: (it) => typeof it['div'] !== 'string' || isNarrative(it['div']),
    },
  ],
  Observation: [
    {
      key: 'obs-6',
      human: 'dataAbsentReason is only for an observation without a value',
      holds: (it) => !has(it, 'dataAbsentReason') || !hasChoice(it, 'value'),
    },
    {
      key: 'obs-7',
      human: 'with a component of the same code the value belongs to the component',
      holds: (it) => {
        if (!hasChoice(it, 'value')) return true;
        const own = codings(it['code']);
        return !list(it['component']).some((part) =>
          codings(part['code']).some((code) => own.includes(code)),
        );
      },
    },
  ],
  'Observation.referenceRange': [
    { key: 'obs-3', human: 'needs low, high or text', holds: (it) => has(it, 'low', 'high', 'text') },
  ],
  'Patient.contact': [
    {
      key: 'pat-1',
      human: 'needs a name, telecom, address or organization',
      holds: (it) => has(it, 'name', 'telecom', 'address', 'organization'),
    },
  ],
  Period: [{ key: 'per-1', human: 'start is not after end', holds: (it) => ordered(it['start'], it['end']) }],
  Quantity: [needs('qty-3', 'code', 'system')],
  Range: [
    {
      key: 'rng-2',
      human: 'low is not above high',
      holds: (it) => {
        const [low, high] = [it['low'], it['high']];
        if (!isJsonObject(low) || !isJsonObject(high)) return true;
        if (low['code'] !== high['code'] || low['unit'] !== high['unit']) return true;
        return !(number(low['value']) > number(high['value']));
      },
    },
  ],
  Ratio: [
    {
      key: 'rat-1',
      human: 'numerator and denominator go together',
      holds: (it) => has(it, 'numerator') === has(it, 'denominator') && has(it, 'numerator', 'extension'),
    },
  ],
  Reference: [
    {
      key: 'ref-1',
      human: 'a reference that starts with # needs a contained resource of that id',
      holds: (it, root) => {
        const reference = it['reference'];
        if (typeof reference !== 'string' || !reference.startsWith('#') || reference === '#') return true;
        return containedResource(root, reference.slice(1)) !== undefined;
      },
    },
  ],
  ServiceRequest: [needs('prr-1', 'orderDetail', 'code')],
  'Timing.repeat': [
    needs('tim-1', 'duration', 'durationUnit'),
    needs('tim-2', 'period', 'periodUnit'),
    { key: 'tim-4', human: 'duration is not negative', holds: (it) => !(number(it['duration']) < 0) },
    { key: 'tim-5', human: 'period is not negative', holds: (it) => !(number(it['period']) < 0) },
    needs('tim-6', 'periodMax', 'period'),
    needs('tim-7', 'durationMax', 'duration'),
    needs('tim-8', 'countMax', 'count'),
    {
      key: 'tim-9',
      human: 'offset needs when, and no meal itself (C, CM, CD, CV)',
      holds: (it) => {
        const when = Array.isArray(it['when']) ? it['when'] : [];
        return !has(it, 'offset') || (when.length > 0 && !when.some((code) => MEALS.includes(code)));
      },
    },
    {
      key: 'tim-10',
      human: 'timeOfDay and when exclude each other',
      holds: (it) => !has(it, 'timeOfDay') || !has(it, 'when'),
    },
  ],
};

/** The invariants that Ficus checks on a type itself, without those it inherits. */
export function invariantsOf(type: string): readonly Invariant[] {
  return INVARIANTS[type] ?? [];
}

/** Keys of all invariants checked, for docs and tests. */
export const INVARIANT_KEYS: readonly string[] = Object.values(INVARIANTS)
  .flat()
  .map((it) => it.key)
  .sort();
