import { objects, string, type Resource } from '../../modern/json.ts';
import { shareOf } from '../random.ts';
import type { PlantedFault } from './fault.ts';
import { finalForAmended } from './final-for-amended.ts';
import { lostEntries } from './lost-entries.ts';
import { otherOrder } from './other-order.ts';
import { trimmedZeros } from './trimmed-zeros.ts';
import { utcWithoutOffset } from './utc-without-offset.ts';
import { wrongUnit } from './wrong-unit.ts';

/** The catalogue. A new fault is a file here and its line in this list; dials, documentation and command follow. */
export const PLANTED = {
  'wrong-unit': wrongUnit,
  'utc-without-offset': utcWithoutOffset,
  'final-for-amended': finalForAmended,
  'other-order': otherOrder,
  'trimmed-zeros': trimmedZeros,
  'lost-entries': lostEntries,
} as const satisfies Readonly<Record<string, PlantedFault>>;

/**
 * Whether a fault touches this resource: always the same ones, by the number that the hospital gave it (by its id when
 * there is none), so that a second look, another start and a replay find the same bug.
 */
export function isTouched(fault: string, percent: number, resource: Resource): boolean {
  if (percent >= 100) return true;
  const number = string(objects(resource['identifier'])[0]?.['value']) || string(resource['id']);
  return shareOf(`${fault} ${number}`) * 100 < percent;
}
