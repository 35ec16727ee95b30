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
  readonly roles?: readonly string[];
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
    } else if (
      userType !== 'Practitioner' &&
      !(userType === '' && (context === 'system' || (caller.roles ?? []).length > 0))
    ) {
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

/** What keeps things back in a world. */
export interface Rules {
  /** Whether labels do. */
  readonly labelled: boolean;
  /** Patients whose consent denies everybody but themselves. */
  readonly denied: readonly string[];
}

/** Labels open to those who treat, or to nobody; a consent denies everything that names its patient. */
export function isWithheld(caller: Caller, resource: Resource, { labelled, denied }: Rules): boolean {
  const secret = labelsOf(resource).some((label) => label === 'R' || label === 'V');
  if (labelled && secret && !caller.purposes.includes('TREAT')) return true;
  return denied.some((id) => caller.fhirUser !== `Patient/${id}` && isAbout(resource, id));
}

/** Whether one of the elements that say whose it is names a patient, on whatever server. */
function isAbout(resource: Resource, id: string): boolean {
  const { resourceType, link } = resource;
  const linked =
    resourceType === 'Patient' ? ((link ?? []) as { other: Json }[]).map(({ other }) => other) : [];
  if (resourceType === 'Patient' && resource.id === id) return true;
  const named = (WHOSE[resourceType] ?? []).flatMap((element) => (resource[element] ?? []) as Json[]);
  return [...named, ...linked].some((it) => {
    const { reference = '' } = it as { reference?: string };
    return (
      reference
        .replace(/\/_history\/1$/, '')
        .split('/')
        .slice(-2)
        .join('/') === `Patient/${id}`
    );
  });
}

/**
 * Whether a caller may neither see a resource nor write it: nothing that is told to it depends on that. Who writes about a patient may refer to what is the patient's, also where no
 * scope shows it.
 */
export function isHidden(caller: Caller, resource: Resource, rules: Rules): boolean {
  const whose = [resource.resourceType, ...Object.keys(WHOSE)].flatMap((type) =>
    scopesFor(caller, type, 'cu'),
  );
  const isOwn = whose.some(({ ends, patient }) => ends === 'at patient' && isOf(resource, patient, WHOSE[resource.resourceType] ?? [])); // prettier-ignore
  if (isOwn && !isWithheld(caller, resource, rules)) return false;
  return !['c', 'r', 'u', 's'].some((permission) => maySee(caller, resource, permission, rules));
}

/** Whether a caller may see a resource in this state by one of some permissions. */
export function maySee(caller: Caller, resource: Resource, permissions: string, rules: Rules): boolean {
  if (isWithheld(caller, resource, rules)) return false;
  return scopesFor(caller, resource.resourceType, permissions).some((scope) => isReached(scope, resource));
}

/** Whether a resource is about a patient, and not only done by that patient. */
export function isSubject(resource: Resource, patient: string): boolean {
  return isOf(resource, patient, WHOSE[resource.resourceType]?.slice(0, 1) ?? []);
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

const marks = new WeakMap<Known, ReadonlySet<string>>();

function marksIn(state: Known): ReadonlySet<string> {
  let found = marks.get(state);
  if (!found) marks.set(state, (found = marksOf(JSON.stringify(state))));
  return found;
}

/** Marks of every state that a caller may see by one of some permissions. */
export function allowedMarks(
  caller: Caller,
  states: readonly Known[],
  permissions: string,
  rules: Rules,
): Set<string> {
  const seen = states.filter((state) => maySee(caller, state, permissions, rules));
  return new Set(seen.flatMap((state) => [...marksIn(state)]));
}

/** Elements that chains and `_has` of the fuzz lead through, by the parameter that names them. */
const LEADS: Readonly<Record<string, readonly [element: string, type: string]>> = {
  patient: ['subject', 'Patient'],
  subject: ['subject', 'Patient'],
  performer: ['performer', 'Practitioner'],
  encounter: ['encounter', 'Encounter'],
  asserter: ['asserter', 'Patient'],
  'general-practitioner': ['generalPractitioner', 'Practitioner'],
};

function refersTo(resource: Resource, element: string, { resourceType, id }: Known): boolean {
  const value = resource[element] as Json;
  const name = `${resourceType}/${id}`;
  return (Array.isArray(value) ? value : [value]).some((it) => {
    const reference = (it as { reference?: string } | undefined)?.reference;
    return [name, `${BASE}/${name}`, `${name}/_history/1`].includes(reference ?? '');
  });
}

/**
 * Whether a match of a search could have been found through what may be seen: what its chain or its `_has` leads through is there.
 * @param parameter the name as it was asked for
 * @param visible all states that may be found
 */
export function isLedTo(resource: Known, parameter: string, visible: readonly Known[]): boolean {
  if (parameter.startsWith('_has:')) {
    const [, source = '', param = '', ...rest] = parameter.split(':');
    const [element = ''] = LEADS[param] ?? [];
    return visible.some(
      (it) =>
        it.resourceType === source && refersTo(it, element, resource) && isLedTo(it, rest.join(':'), visible),
    );
  }
  const [first = '', ...rest] = parameter.split('.');
  if (rest.length === 0) return true;
  const [element = '', type = ''] = LEADS[first.split(':')[0] ?? ''] ?? [];
  return visible.some(
    (it) =>
      it.resourceType === type && refersTo(resource, element, it) && isLedTo(it, rest.join('.'), visible),
  );
}

/** Whether a resource meets criteria of the fuzz; undefined: that is not told. */
export function meets(resource: Known, criteria: string): boolean | undefined {
  let all = true;
  for (const pair of criteria.split('&')) {
    const [name = '', value = ''] = pair.split('=');
    const coded = (element: string) =>
      (resource[element] as { coding: { code: string }[] } | undefined)?.coding.some(
        ({ code }) => code === value,
      );
    if (name === 'identifier')
      all &&=
        (resource['identifier'] as { value: string }[] | undefined)?.some((it) => it.value === value) ===
        true;
    else if (name === 'code') all &&= coded('code') === true;
    else if (name === 'status') all &&= resource['status'] === value;
    else if (name === 'patient' || name === 'subject')
      all &&= isOf(resource, value.replace('Patient/', ''), ['subject']);
    else return undefined;
  }
  return all;
}
