import { FicusError } from '../../../src/errors.ts';
import type { Resource } from '../../../src/fhir/types.ts';

/**
 * Items that one list of a written resource may have, and characters of its JSON: far more than a record has. Each
 * repetition of a field is found by passing over those before it, so that the work grows with the square.
 */
const MOST_ITEMS = 500;
const MOST_CHARACTERS = 200_000;

/** @throws {FicusError} `unmappable`, naming a list that is too long for repetitions of a field. */
export function refuseLongLists(resource: Resource): void {
  for (const [name, list] of Object.entries(resource)) {
    if (!Array.isArray(list) || list.length < 2) continue;
    if (list.length <= MOST_ITEMS && JSON.stringify(list).length <= MOST_CHARACTERS) continue;
    const expression = [`${resource.resourceType}.${name}`];
    const message = `${expression[0]} is too long for an HL7v2 message: a list takes at most ${MOST_ITEMS} items and ${MOST_CHARACTERS} characters.`;
    throw new FicusError('unmappable', message, { expression });
  }
}
