import { isFhirId } from '../fhir/id.ts';
import { isJsonObject } from '../fhir/json.ts';
import { patientOfRequest, patientsOfResource } from '../fhir/patient.ts';
import type { Json, Resource } from '../fhir/types.ts';
import { Written, matchesOf } from '../fhir/written.ts';
import type { FhirRequest, FhirResponse } from '../ports.ts';
import { pipeOf } from '../resilience/held.ts';

/** A reference to a patient in the JSON text of a resource. */
const IN_TEXT = /"reference"\s*:\s*"(?:[^"]*\/)?Patient\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/[^"]*)?"/g;
/** The text has a patient, whose own id no reference tells. */
const HAS_PATIENT = /"resourceType"\s*:\s*"Patient"/;

/** Whom a request and its answer are about. */
export interface Concerned {
  /** Logical ids. */
  readonly patients: readonly string[];
  /**
   * Whether the answer was looked at: one that is still on its way was not, and only the request says whom it is about.
   */
  readonly looked: boolean;
  /** The answer, to be used in place of the one that was given: what was taken from a stream is in it. */
  readonly response?: FhirResponse;
}

/** @param response absent: there was none, or it is not to be looked at */
export function concernedBy(request: FhirRequest, response?: FhirResponse): Concerned {
  const asked = patientOfRequest(request);
  const location = response?.headers['location'];
  const single = location === undefined ? singleOf(response) : undefined;
  if (response && single) {
    const patients = patientsIn(single);
    // Whom the request names comes first.
    if (asked === undefined || patients[0] === asked) return { patients, looked: true, response };
  }
  const patients = new Set<string>();
  if (asked !== undefined && isFhirId(asked)) patients.add(asked);
  const made = location === undefined ? undefined : /^Patient\/([^/]+)/.exec(location)?.[1];
  if (made !== undefined && isFhirId(made)) patients.add(made);
  if (!response) return { patients: [...patients], looked: true };
  const { body } = response;
  if (body.kind === 'resource') addAll(patients, body.resource);
  if (body.kind === 'searchset') {
    for (const match of matchesOf(body.set)) addAll(patients, match);
    for (const resource of body.set.included) addAll(patients, resource);
  }
  if (body.kind !== 'pipe') return { patients: [...patients], looked: true, response };
  const coded = (response.headers['content-encoding'] ?? 'identity') !== 'identity';
  const bytes = coded ? undefined : body.whole?.();
  if (!bytes) return { patients: [...patients], looked: false, response };
  const looked = addFromText(patients, bytes.toString('utf8'));
  return { patients: [...patients], looked, response: { ...response, body: pipeOf(bytes) } };
}

/** The one resource of an answer; undefined: there is none, or there may be more in it. */
function singleOf(response: FhirResponse | undefined): Resource | undefined {
  if (response?.body.kind !== 'resource') return undefined;
  const { resource } = response.body;
  return resource.resourceType === 'Bundle' ? undefined : resource;
}

/** @returns whether the text told everything */
function addFromText(patients: Set<string>, text: string): boolean {
  for (const [, id] of text.matchAll(IN_TEXT)) patients.add(id!);
  if (!HAS_PATIENT.test(text)) return true;
  try {
    const resource: unknown = JSON.parse(text);
    if (isJsonObject(resource as Json)) addAll(patients, resource as Resource);
    return true;
  } catch {
    return false;
  }
}

function addAll(patients: Set<string>, resource: Resource | Written): void {
  if (resource instanceof Written) {
    // Not taken apart for this: whoever the text names is one too many rather than one too few.
    if (resource.resourceType === 'Patient') patients.add(resource.id);
    for (const [, id] of resource.text.matchAll(IN_TEXT)) patients.add(id!);
    return;
  }
  if (resource.resourceType !== 'Bundle') {
    for (const id of patientsIn(resource)) patients.add(id);
    return;
  }
  const { entry } = resource;
  for (const one of Array.isArray(entry) ? entry : []) {
    const inner = isJsonObject(one) ? one['resource'] : undefined;
    if (isJsonObject(inner) && typeof inner['resourceType'] === 'string') addAll(patients, inner as Resource);
  }
}

/** Whom frozen resources are about: one that was read lately is given again while its record is the same. */
const known = new WeakMap<Resource, readonly string[]>();

function patientsIn(resource: Resource): readonly string[] {
  if (!Object.isFrozen(resource)) return patientsOfResource(resource);
  const before = known.get(resource);
  if (before) return before;
  const patients = patientsOfResource(resource);
  known.set(resource, patients);
  return patients;
}
