import { FicusError } from '../errors.ts';
import type { Interaction } from '../fhir/types.ts';

/** Conditions of HTTP and FHIR, by the name of their element in a batch. */
type Precondition = 'ifNoneMatch' | 'ifUnmodifiedSince' | 'ifMatch' | 'ifNoneExist';

/** What a write cannot depend on, and why. */
const SENSELESS: Readonly<Partial<Record<Interaction, Readonly<Partial<Record<Precondition, string>>>>>> = {
  create: {
    ifNoneMatch: 'A write cannot depend on If-None-Match; a create has If-None-Exist',
    ifUnmodifiedSince: 'A write cannot depend on If-Unmodified-Since; a create has If-None-Exist',
    ifMatch: 'A create has no version to match; it has If-None-Exist',
  },
  update: {
    ifNoneMatch: 'A write cannot depend on If-None-Match; an update has If-Match',
    ifUnmodifiedSince: 'A write cannot depend on If-Unmodified-Since; an update has If-Match',
    ifNoneExist: 'An update cannot depend on If-None-Exist; its criteria stand in the address',
  },
};

/**
 * A write is not carried out as if a condition had not been said that it has no use for (RFC 9110 §13.1). Reads are:
 * what they answer says its version.
 *
 * @param given whether a condition was said, and what: undefined where not
 * @param nameOf the header, or path of the element that stands for it
 * @throws FicusError `parameter-invalid`
 */
export function refuseSenseless(
  interaction: Interaction,
  given: (condition: Precondition) => unknown,
  nameOf: (condition: Precondition) => string,
): void {
  const senseless = SENSELESS[interaction];
  if (!senseless) return;
  for (const condition of Object.keys(senseless) as Precondition[]) {
    if (given(condition) === undefined) continue;
    const expression = [nameOf(condition)];
    throw new FicusError('parameter-invalid', senseless[condition]!, { expression });
  }
}

const HEADERS: Readonly<Record<Precondition, string>> = {
  ifNoneMatch: 'If-None-Match',
  ifUnmodifiedSince: 'If-Unmodified-Since',
  ifMatch: 'If-Match',
  ifNoneExist: 'If-None-Exist',
};

/** The same for the headers of a request. Throws `parameter-invalid`. */
export function refuseSenselessHeaders(
  interaction: Interaction,
  headers: Readonly<Record<string, string | string[] | undefined>>,
): void {
  refuseSenseless(
    interaction,
    (condition) => headers[HEADERS[condition].toLowerCase()],
    (condition) => HEADERS[condition],
  );
}
