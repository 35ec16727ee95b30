import type { Endpoint, Interaction } from './types.ts';

/** Far more than the types of FHIR: whatever is asked for beyond them is put together each time. */
const MOST_TYPES = 300;
const named = new Map<string, { [Name in Interaction]?: Endpoint }>();

/**
 * The name of an endpoint, e.g. `Patient.read`: the same string each time. Every request looks it up in several maps,
 * and a string that has just been put together is hashed and compared character by character in each of them.
 */
export function endpointNamed(type: string, interaction: Interaction): Endpoint {
  let known = named.get(type);
  if (!known) {
    if (named.size >= MOST_TYPES) return `${type}.${interaction}`;
    // A copy: a type that was cut out of an address would keep the whole of that in memory.
    named.set(structuredClone(type), (known = {}));
  }
  return (known[interaction] ??= `${type}.${interaction}`);
}
