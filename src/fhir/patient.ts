import compartment from './data/patient-compartment.json' with { type: 'json' };
import { isResourceType } from './elements.ts';
import { compileExpression } from './path.ts';
import type { CompiledExpression } from './path.ts';
import { parseReference } from './reference.ts';
import { searchParameter } from './search-parameters.ts';
import type { SearchFilter, SearchQuery } from './search-query.ts';
import type { Resource } from './types.ts';

/** A Map, for the type may be whatever a client has written: `constructor`. */
const PARAMETERS: ReadonlyMap<string, readonly string[]> = new Map(Object.entries(compartment));
const compiled = new Map<string, readonly CompiledExpression[]>();

/**
 * Parameters that say whose a resource is, in the order in which they are believed; none: resources of the type are in
 * no compartment.
 */
export function parametersOf(type: string): readonly string[] {
  const all = PARAMETERS.get(type) ?? [];
  const first = ['patient', 'subject'].filter((name) => searchParameter(type, name));
  return [...first, ...all.filter((name) => !first.includes(name))];
}

/** What those parameters find in a resource of a type: References. */
export function expressionsOf(type: string): readonly CompiledExpression[] {
  const known = compiled.get(type);
  if (known) return known;
  // Nothing is kept of names that clients make up.
  if (!isResourceType(type)) return [];
  const made = parametersOf(type).flatMap((name) => {
    const expression = searchParameter(type, name)?.expression;
    return expression === undefined ? [] : [compileExpression(expression, type)];
  });
  compiled.set(type, made);
  return made;
}

function patientId(text: unknown): string | undefined {
  const parsed = typeof text === 'string' ? parseReference(text) : undefined;
  if (parsed?.kind !== 'relative' && parsed?.kind !== 'absolute') return undefined;
  return parsed.type === 'Patient' ? parsed.id : undefined;
}

/** Where the body of a client or of a modern service has something else than text in the place of an id, it has none. */
function ownId({ id }: { readonly id?: unknown }): string | undefined {
  return typeof id === 'string' ? id : undefined;
}

/**
 * FHIR id of the patient whose a resource is, by the patient compartment (FHIR R4 compartmentdefinition-patient.html);
 * of a Patient its own.
 */
export function patientOfResource(resource: Resource): string | undefined {
  if (resource.resourceType === 'Patient') return ownId(resource);
  return referredPatients(resource).next().value ?? undefined;
}

/**
 * FHIR ids of all patients in whose compartment a resource is, each once; of a Patient its own and those it is linked
 * with.
 */
export function patientsOfResource(resource: Resource): readonly string[] {
  const own = resource.resourceType === 'Patient' ? ownId(resource) : undefined;
  return [...new Set([...(own === undefined ? [] : [own]), ...referredPatients(resource)])];
}

function* referredPatients(resource: Resource): Generator<string, undefined> {
  for (const select of expressionsOf(resource.resourceType)) {
    for (const value of select(resource)) {
      const reference =
        typeof value === 'object' && value !== null && 'reference' in value ? value['reference'] : undefined;
      const id = patientId(reference);
      if (id !== undefined) yield id;
    }
  }
  return undefined;
}

function patientOfFilter(type: string, filter: SearchFilter): string | undefined {
  const [value, ...others] = filter.values;
  if (!value || others.length > 0 || filter.chain) return undefined;
  if (filter.modifier !== undefined && filter.modifier !== 'Patient') return undefined;
  if (type === 'Patient') return filter.name === '_id' ? (value.code ?? value.text) : undefined;
  if (filter.type !== 'reference' || !parametersOf(type).includes(filter.name)) return undefined;
  const only = filter.name === 'patient' || filter.modifier === 'Patient';
  const isPatient = value.refType === 'Patient' || (value.refType === undefined && only);
  return isPatient ? (value.refId ?? value.text) : undefined;
}

/** FHIR id of the one patient that a search is about; undefined when it names none, or several. */
export function patientOfQuery(query: Pick<SearchQuery, 'type' | 'filters'>): string | undefined {
  for (const filter of query.filters) {
    const id = patientOfFilter(query.type, filter);
    if (id !== undefined) return id;
  }
  return undefined;
}

/** FHIR id of the patient that a request is about, as far as the request says it. */
export function patientOfRequest(request: {
  readonly type: string;
  readonly id?: string;
  readonly query?: SearchQuery;
  readonly resource?: Resource;
}): string | undefined {
  if (request.type === 'Patient' && request.id !== undefined) return request.id;
  if (request.resource) return patientOfResource(request.resource);
  return request.query && patientOfQuery(request.query);
}
