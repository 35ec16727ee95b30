import { FicusError } from '../../src/errors.ts';

/**
 * The refusal of what a legacy service sent. `what` is of our own words only: neither names nor values of the document,
 * which may be garbage that holds patient data. `at` counts characters of the decoded document from 0.
 */
export function malformedXml(what: string, at?: number, cause?: unknown): FicusError {
  const where = at === undefined ? '' : ` (at character ${at})`;
  return new FicusError('legacy-malformed', `The legacy service sent XML that is refused: ${what}${where}.`, {
    cause,
  });
}
