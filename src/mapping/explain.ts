import type { MappingSet } from './mapping-set.ts';
import type { SourceRow } from './compiled-map.ts';

/** A row that speaks of a place, and where it was written. */
export interface Explanation {
  readonly map: string;
  readonly row: SourceRow;
}

/**
 * The rows that speak of a legacy place (`PID-5`, `PID-5.1`, `CX.4`, `Patient/MRN`) or of an element (`Patient.name`),
 * in the order in which they are asked; after overlays, so each is the one that wins.
 */
export function explain(set: MappingSet, place: string): Explanation[] {
  const found: Explanation[] = [];
  for (const map of set.maps.values()) {
    for (const row of map.rows) {
      if (speaksOf(row, map.fhirType, place)) found.push({ map: map.name, row });
    }
  }
  return found;
}

function speaksOf({ row }: SourceRow, fhirType: string, place: string): boolean {
  const legacy = row.v2 ?? row.xml;
  if (legacy && (legacy === place || isBelow(legacy, place) || isBelow(place, legacy))) return true;
  if (!row.fhir) return false;
  const element = `${fhirType}.${row.fhir}`;
  return element === place || isBelow(element, place);
}

/** Whether `inner` is a place below `outer`: `PID-5.1` below `PID-5`, `PID-5` below `PID`. */
function isBelow(inner: string, outer: string): boolean {
  return inner.startsWith(outer) && /^[-./[]/.test(inner.slice(outer.length));
}

/** A row in one line, as it would be written. */
export function describeRow({ row }: SourceRow): string {
  const shown = Object.entries(row).filter(([name, value]) => value !== undefined && name !== 'key');
  return `{ ${shown.map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`).join(', ')} }`;
}
