import { FicusError } from '../errors.ts';
import { isFhirId } from '../fhir/id.ts';
import type { Resource } from '../fhir/types.ts';
import { textOf } from '../fhir/written.ts';

/** A legacy key in a reference: `"reference":"Patient/HOSP|100234"`. */
const KEY_IN_REFERENCE = /"reference":"[A-Z][A-Za-z]*\/[^"\\/]*\|/;

/** Bytes of resources already written once: flights are shared, and so are their answers. */
const written = new WeakMap<Resource, Buffer>();

function leaked(): FicusError {
  return new FicusError('internal', 'An answer held an id that is no FHIR id; it was not sent');
}

/** Throws `internal` when a resource still carries a legacy key for an id. */
export function checkPublicId({ id }: { readonly id?: unknown }): void {
  // A number or null, which a backend may send against the rules, is none.
  if (id === undefined || id === null || typeof id === 'number') return;
  if (!isFhirId(id)) throw leaked();
}

/** Bytes of JSON text. Throws `internal` when a legacy key would leave. */
export function bytesOf(text: string): Buffer {
  if (text.includes('|') && KEY_IN_REFERENCE.test(text)) throw leaked();
  return Buffer.from(text);
}

/** JSON bytes of a resource. Throws `internal` when a legacy key would leave. */
export function serialise(resource: Resource, pretty: boolean): Buffer {
  const known = pretty ? undefined : written.get(resource);
  if (known) return known;
  checkPublicId(resource);
  const bytes = bytesOf(textOf(resource));
  if (pretty) return Buffer.from(`${JSON.stringify(resource, undefined, 2)}\n`);
  written.set(resource, bytes);
  return bytes;
}
