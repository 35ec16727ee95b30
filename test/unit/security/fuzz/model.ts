import type { Json, Resource } from '../../../../src/fhir/types.ts';
import { BASE, labelsOf, marksOf, type Known } from './world.ts';

/*
 * What a caller may see and write, said once more and as plainly as can be: by the text of the scopes, a table of its own, and loops. Nothing of src/security is used.
 */

/** A caller as a token says it. */
export interface Caller {
  readonly scopes: readonly string[];
  readonly patient?: string;
  readonly fhirUser?: string;
  readonly purposes: readonly string[];
}

/** Elements that say whose a resource is. */
const WHOSE: Readonly<Record<string, readonly string[]>> = {
  Encounter: ['subject'],
  Observation: ['subject', 'performer'],
  Condition: ['subject', 'asserter'],
  RelatedPerson: ['patient'],
  Device: ['patient'],
};
const EVERYBODYS = ['Practitioner', 'Location'];
const V1: Readonly<Record<string, string>> = { read: 'rs', write: 'cud', '*': 'cruds' };

/** One scope, as far as it is about a type and one of some permissions. */
interface Scope {
  readonly ends: 'nowhere' | 'at patient' | 'at all';
  readonly patient: string;
  readonly wants: readonly (readonly [name: string, value: string])[];
}

export function scopesFor(caller: Caller, type: string, permissions: string): Scope[] {
  const found: Scope[] = [];
  for (const scope of caller.scopes) {
    const slash = scope.indexOf('/');
    const context = scope.slice(0, slash);
    const rest = scope.slice(slash + 1);
    const [target = '', query = ''] = rest.split('?');
    const dot = target.indexOf('.');
    const letters = V1[target.slice(dot + 1)] ?? target.slice(dot + 1);
    const name = target.slice(0, dot);
    if (name !== type && name !== '*') continue;
    const mine = permissions.split('').filter((it) => letters.includes(it));
    if (mine.length === 0) continue;
    const wants = query === '' ? [] : query.split('&').map((it) => it.split('=') as [string, string]);
    const [userType = '', userId = ''] = (caller.fhirUser ?? '').split('/');
    let limit: string | undefined;
    let limited = false;
    if (userType === 'Patient') {
      limited = true;
      limit = context === 'patient' && caller.patient !== userId ? undefined : userId;
    } else if (context === 'patient') {
      limited = true;
      limit = caller.patient;
    } else if (userType !== 'Practitioner' && !(context === 'system' && userType === '')) {
      limited = true;
      limit = caller.patient;
    }
    if (!limited) found.push({ ends: 'at all', patient: '', wants });
    else if (limit === undefined) continue;
    else if (type === 'Patient' || WHOSE[type]) found.push({ ends: 'at patient', patient: limit, wants });
    else if (EVERYBODYS.includes(type) && mine.every((it) => 'rs'.includes(it)))
      found.push({ ends: 'at all', patient: '', wants });
  }
  return found;
}

const HERE = [
  (id: string) => `Patient/${id}`,
  (id: string) => `${BASE}/Patient/${id}`,
  (id: string) => `Patient/${id}/_history/1`,
];

function isOf(resource: Resource, patient: string, elements: readonly string[]): boolean {
  if (resource.resourceType === 'Patient') return resource.id === patient;
  return elements.some((element) => {
    const value = resource[element] as Json;
    return (Array.isArray(value) ? value : [value]).some((it) => {
      const reference = (it as { reference?: string } | undefined)?.reference;
      return HERE.some((write) => write(patient) === reference);
    });
  });
}

function has(resource: Resource, [name, value]: readonly [string, string]): boolean {
  if (name === 'status') return resource['status'] === value;
  const categories = (resource[name] ?? []) as { coding: { code: string }[] }[];
  return categories.some(({ coding }) => coding.some(({ code }) => value.split(',').includes(code)));
}

export function isReached({ ends, patient, wants }: Scope, resource: Resource): boolean {
  const whose = ends === 'at all' || isOf(resource, patient, WHOSE[resource.resourceType] ?? []);
  return whose && wants.every((want) => has(resource, want));
}

/** Labels open to those who treat, or to nobody. */
export function isWithheld(caller: Caller, resource: Resource, labelled: boolean): boolean {
  if (!labelled || caller.purposes.includes('TREAT')) return false;
  return labelsOf(resource).some((label) => label === 'R' || label === 'V');
}

/** Whether a caller may see a resource in this state by one of some permissions. */
export function maySee(caller: Caller, resource: Resource, permissions: string, labelled: boolean): boolean {
  if (isWithheld(caller, resource, labelled)) return false;
  return scopesFor(caller, resource.resourceType, permissions).some((scope) => isReached(scope, resource));
}

/** Whether it is found when a search names no role: of a caller with one patient, what that patient is the subject of. */
export function isPlain(caller: Caller, resource: Resource): boolean {
  const scopes = scopesFor(caller, resource.resourceType, 's');
  const patients = new Set(scopes.map(({ ends, patient }) => (ends === 'at all' ? '' : patient)));
  const [patient = ''] = patients;
  if (patients.size !== 1 || patient === '') return true;
  return isOf(resource, patient, WHOSE[resource.resourceType]?.slice(0, 1) ?? []);
}

/**
 * Whether a caller may write a resource so: some scope reaches it; and if only scopes about one patient do, it says nothing of another.
 * @param find what is referred to
 */
export function mayWrite(
  caller: Caller,
  resource: Resource,
  permission: 'c' | 'u',
  find: (type: string, id: string) => Resource | undefined,
): boolean {
  const reaching = scopesFor(caller, resource.resourceType, permission).filter((it) =>
    isReached(it, resource),
  );
  if (reaching.length === 0) return false;
  if (reaching.some(({ ends }) => ends === 'at all')) return true;
  const [{ patient } = { patient: '' }] = reaching;
  return referencesIn(resource).every((reference) => {
    if (reference.includes('Patient/')) return HERE.some((write) => write(patient) === reference);
    const [type = '', id = ''] = reference.split('/');
    const whose = WHOSE[type];
    if (!whose) return true;
    const target = find(type, id);
    return target !== undefined && isOf(target, patient, whose);
  });
}

function referencesIn(value: Json | undefined): string[] {
  if (Array.isArray(value)) return value.flatMap(referencesIn);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, child]) =>
    name === 'reference' && typeof child === 'string' ? [child] : referencesIn(child as Json),
  );
}

/** Marks of every state that a caller may see by one of some permissions. */
export function allowedMarks(
  caller: Caller,
  states: readonly Known[],
  permissions: string,
  labelled: boolean,
): Set<string> {
  const seen = states.filter((state) => maySee(caller, state, permissions, labelled));
  return new Set(seen.flatMap((state) => [...marksOf(JSON.stringify(state))]));
}
