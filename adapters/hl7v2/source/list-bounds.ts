import { FicusError } from '../../../src/errors.ts';
import type { Resource } from '../../../src/fhir/types.ts';

/**
 * Items of a list times characters of its JSON. Each repetition of a field is found by passing over those before it, so
 * that the work grows like this product; what records have is far below it (50 identifiers: half a million).
 */
const MOST_WORK = 5_000_000;

/** @throws {FicusError} `unmappable`, naming a list that is too long for repetitions of a field. */
export function refuseLongLists(resource: Resource): void {
  for (const [name, list] of Object.entries(resource)) {
    if (!Array.isArray(list) || list.length < 2) continue;
    const most = Math.floor(MOST_WORK / list.length);
    if (JSON.stringify(list).length <= most) continue;
    const expression = [`${resource.resourceType}.${name}`];
    const message = `${expression[0]} is too long for an HL7v2 message: ${list.length} items may have ${most} characters together.`;
    throw new FicusError('unmappable', message, { expression });
  }
}
