import type { SearchFilter } from '../../../src/fhir/search-query.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import { createAuthorities } from '../../../src/identity/authorities.ts';
import { identity } from '../../../src/identity/layer.ts';
import { createSealer } from '../../../src/identity/seal.ts';
import type { FhirRequest, FhirResponse } from '../../../src/ports.ts';
import { createMemoryCrosswalkStore } from '../../../src/store/memory.ts';
import { createContext, createFakeClock } from '../resilience/support.ts';

const authorities = createAuthorities([
  { name: 'HOSP', namespaces: [], oid: '2.999.1.1', system: 'https://hospital.example/mrn' },
]);
export const key = (id: string, first: number) => ({
  id,
  secret: Uint8Array.from({ length: 64 }, (_, n) => first + n),
});
const sealer = createSealer({ keys: [key('b', 9), key('a', 0)], authorities });
export const oldSealer = createSealer({ keys: [key('a', 0)], authorities });
export const BASE = 'https://ficus.example/fhir/r4';
export const LONG = `HOSP|${'7'.repeat(40)}`;

export const idOf = (type: string, value: string) => sealer.seal(type, value).id;
export const ann = idOf('Patient', 'HOSP|1');
export const bob = idOf('Patient', 'HOSP|2');

/** The Layer over a backend that notes what it is asked and answers as told. */
export function over(
  respond: (request: FhirRequest) => FhirResponse,
  crosswalk = createMemoryCrosswalkStore(),
) {
  const asked: FhirRequest[] = [];
  const layer = identity({ sealer, crosswalk, publicBase: BASE, servedBy: 'legacy:core' });
  const backend = layer({
    handle: async (request) => {
      asked.push(request);
      return respond(request);
    },
  });
  return {
    asked,
    handle: (request: FhirRequest) => backend.handle(request, createContext(createFakeClock())),
  };
}

export function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(frozen);
  return value;
}

export function resourceOf(response: FhirResponse): Resource {
  if (response.body.kind !== 'resource') throw new Error(`a ${response.body.kind} body`);
  return response.body.resource;
}

export const reference = (name: string, values: SearchFilter['values'], modifier?: string): SearchFilter => ({
  name,
  type: 'reference',
  values,
  ...(modifier === undefined ? {} : { modifier }),
});
