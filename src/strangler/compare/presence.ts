import { isJsonObject } from '../../fhir/json.ts';
import type { Json } from '../../fhir/types.ts';

/** `empty`: there, and says nothing (`""`, `[]`, `{}`, null), which FHIR forbids (R4 json.html). */
export type Presence = 'absent' | 'empty' | 'value';

export function presenceOf(value: Json | undefined): Presence {
  if (value === undefined) return 'absent';
  return isEmpty(value) ? 'empty' : 'value';
}

/** Whether a value says nothing. */
export function isEmpty(value: Json | undefined): boolean {
  if (value === undefined || value === null || value === '') return true;
  if (Array.isArray(value)) return value.every(isEmpty);
  return isJsonObject(value) && Object.values(value).every(isEmpty);
}
