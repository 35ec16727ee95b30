import type { Issue } from '../errors.ts';
import { isJsonObject } from '../fhir/json.ts';
import { parseReference } from '../fhir/reference.ts';
import type { Json, JsonObject, Resource } from '../fhir/types.ts';
import type { Access } from '../security-ports.ts';
import { BTG } from './break-glass.ts';

/** What the patients' consents say of a caller. */
export type ConsentDecision = 'permit' | 'deny' | 'break-glass';

interface Period {
  /** Epoch milliseconds, both inclusive. */
  readonly from?: number;
  readonly until?: number;
}

/** Whom a provision speaks of. */
type Actor = { readonly reference: string } | { readonly client: string };

interface Provision {
  readonly type: 'permit' | 'deny';
  readonly period: Period;
  /** Empty: whatever the purpose. */
  readonly purposes: ReadonlySet<string>;
  /** Empty: whoever asks. */
  readonly actors: readonly Actor[];
  /** Exceptions. */
  readonly provisions: readonly Provision[];
}

/** A Consent that Ficus enforces in every word. */
export interface ReadConsent {
  /** Logical id. */
  readonly patient: string;
  /** False: withdrawn, it says nothing. */
  readonly active: boolean;
  /** What holds where the provision does not speak. */
  readonly base: 'permit' | 'deny';
  readonly provision?: Provision;
}

const ACT_REASON = 'http://terminology.hl7.org/CodeSystem/v3-ActReason';
const POLICY = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const PARTICIPATION = 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType';
const SCOPE = 'http://terminology.hl7.org/CodeSystem/consentscope';
const PERSONS = new Set(['Practitioner', 'Patient', 'RelatedPerson']);

/** Elements that do not change what a Consent allows. */
const TOLD = [
  'resourceType',
  'id',
  'meta',
  'text',
  'language',
  'identifier',
  'category',
  'dateTime',
  'performer',
  'organization',
  'sourceReference',
  'sourceAttachment',
  'verification',
];
const CONSENT = new Set([...TOLD, 'status', 'scope', 'patient', 'policyRule', 'provision']);
const PROVISION = new Set(['id', 'type', 'period', 'actor', 'purpose', 'provision']);

/**
 * Reads a Consent (FHIR R4, in the manner of IHE PCF 1.1.0 Consent.Basic): a policy (OPTIN permits, OPTOUT denies) and
 * provisions with period, purpose and actor. What it says beyond that is refused, not passed over: a consent that is
 * enforced in part is none.
 * @returns what it says, or everything that stands in the way
 */
export function readConsent(resource: Resource): ReadConsent | { readonly issues: readonly Issue[] } {
  const issues: Issue[] = [];
  const wrong = (expression: string, diagnostics: string): undefined => {
    issues.push({ severity: 'error', code: 'not-supported', diagnostics, expression: [expression] });
  };
  refuseOthers(resource, CONSENT, 'Consent', wrong);
  const { status, scope, policyRule, provision } = resource;
  if (resource.resourceType !== 'Consent') wrong('Consent', 'The resource is no Consent.');
  if (status !== 'active' && status !== 'inactive')
    wrong('Consent.status', 'A consent is active, or inactive when it is withdrawn.');
  if (codeOf(scope, SCOPE) !== 'patient-privacy')
    wrong('Consent.scope', `Only consents of scope ${SCOPE}|patient-privacy are enforced here.`);
  const policy = codeOf(policyRule, POLICY);
  if (policy !== 'OPTIN' && policy !== 'OPTOUT')
    wrong('Consent.policyRule', `The policy is ${POLICY}|OPTIN (permits) or OPTOUT (denies).`);
  const patient = referenceOf(resource['patient']);
  if (patient?.type !== 'Patient') wrong('Consent.patient', 'A consent names its patient: Patient/id.');
  const read = provision === undefined ? undefined : readProvision(provision, 'Consent.provision', wrong);
  if (issues.length > 0) return { issues };
  return {
    patient: patient!.id,
    active: status === 'active',
    base: policy === 'OPTIN' ? 'permit' : 'deny',
    ...(read ? { provision: read } : {}),
  };
}

type Wrong = (expression: string, diagnostics: string) => undefined;

function readProvision(value: Json, path: string, wrong: Wrong): Provision | undefined {
  if (!isJsonObject(value)) return wrong(path, 'A provision is an object.');
  refuseOthers(value, PROVISION, path, wrong);
  const { type } = value;
  if (type !== 'permit' && type !== 'deny') return wrong(`${path}.type`, 'A provision permits or denies.');
  return {
    type,
    period: readPeriod(value['period'], `${path}.period`, wrong),
    purposes: new Set(
      list(value['purpose']).flatMap((coding, at) => {
        const { system, code } = isJsonObject(coding) ? coding : {};
        if (system === ACT_REASON && typeof code === 'string') return [code];
        wrong(`${path}.purpose[${at}]`, `A purpose is a code of ${ACT_REASON}.`);
        return [];
      }),
    ),
    actors: list(value['actor']).flatMap(
      (actor, at) => readActor(actor, `${path}.actor[${at}]`, wrong) ?? [],
    ),
    provisions: list(value['provision']).flatMap(
      (inner, at) => readProvision(inner, `${path}.provision[${at}]`, wrong) ?? [],
    ),
  };
}

/** A person by reference (what the token's fhirUser says), an application as a Device by its client id. */
function readActor(value: Json, path: string, wrong: Wrong): Actor | undefined {
  const { role, reference } = isJsonObject(value) ? value : {};
  const receives = codeOf(role, PARTICIPATION);
  if (receives !== 'IRCP' && receives !== 'PRCP')
    wrong(`${path}.role`, `Only recipients are enforced here: ${PARTICIPATION}|IRCP or PRCP.`);
  const target = referenceOf(reference);
  if (target && PERSONS.has(target.type)) return { reference: `${target.type}/${target.id}` };
  const { type, identifier } = isJsonObject(reference) ? reference : {};
  const client = isJsonObject(identifier) ? identifier['value'] : undefined;
  if (type === 'Device' && typeof client === 'string' && client !== '') return { client };
  return wrong(
    `${path}.reference`,
    'An actor is a Practitioner, Patient or RelatedPerson, or an application: type Device with identifier.value, its client id.',
  );
}

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

/** Its ends are instants: when a day begins depends on where one is, and nobody is to guess that of a consent. */
function readPeriod(value: Json | undefined, path: string, wrong: Wrong): Period {
  if (value === undefined) return {};
  const { start, end } = isJsonObject(value) ? value : { start: null };
  const instant = (text: Json | undefined, name: string): number | undefined => {
    if (text === undefined) return undefined;
    const at = typeof text === 'string' && INSTANT.test(text) ? Date.parse(text) : Number.NaN;
    if (Number.isNaN(at)) wrong(`${path}.${name}`, 'The end of a period is an instant with its offset.');
    return at;
  };
  const from = instant(start, 'start');
  const until = instant(end, 'end');
  return { ...(from === undefined ? {} : { from }), ...(until === undefined ? {} : { until }) };
}

/**
 * What a patient's consents say of a caller: a denial by one of them is one. `break-glass`: denied, but not with
 * purpose BTG. A patient is never kept from its own data by its own consent.
 * @param consents of that patient
 * @param now epoch milliseconds
 * @param otherwise what holds without a consent
 */
export function decideConsent(
  patient: string,
  consents: readonly ReadConsent[],
  access: Access,
  now: number,
  otherwise: ConsentDecision,
): ConsentDecision {
  if (access.fhirUser === `Patient/${patient}`) return 'permit';
  const active = consents.filter((consent) => consent.active);
  const broken = access.purposes.includes(BTG);
  if (active.length === 0) return otherwise === 'break-glass' && broken ? 'permit' : otherwise;
  const permitted = (purposes: readonly string[]): boolean =>
    active.every((consent) => decided(consent, { ...access, purposes }, now) === 'permit');
  if (permitted(access.purposes)) return 'permit';
  return !broken && permitted([...access.purposes, BTG]) ? 'break-glass' : 'deny';
}

function decided({ base, provision }: ReadConsent, access: Access, now: number): 'permit' | 'deny' {
  return (provision && provided(provision, access, now)) ?? base;
}

/** Undefined: the provision does not speak of this. Of exceptions that contradict each other the denial counts. */
function provided(provision: Provision, access: Access, now: number): 'permit' | 'deny' | undefined {
  if (!speaksOf(provision, access, now)) return undefined;
  const exceptions = provision.provisions.flatMap((inner) => provided(inner, access, now) ?? []);
  if (exceptions.includes('deny')) return 'deny';
  return exceptions.includes('permit') ? 'permit' : provision.type;
}

function speaksOf({ period, purposes, actors }: Provision, access: Access, now: number): boolean {
  if (now < (period.from ?? -Infinity) || now > (period.until ?? Infinity)) return false;
  if (purposes.size > 0 && !access.purposes.some((purpose) => purposes.has(purpose))) return false;
  return (
    actors.length === 0 ||
    actors.some((actor) =>
      'client' in actor ? actor.client === access.client : actor.reference === access.fhirUser,
    )
  );
}

function refuseOthers(value: JsonObject, known: ReadonlySet<string>, path: string, wrong: Wrong): void {
  for (const name of Object.keys(value)) {
    const element = name.startsWith('_') ? name.slice(1) : name;
    if (!known.has(element) || element !== name)
      wrong(`${path}.${name}`, `${name} is not enforced here; a consent is not taken in part.`);
  }
}

function codeOf(concept: Json | undefined, system: string): string | undefined {
  const codings = isJsonObject(concept) ? list(concept['coding']) : [];
  const found = codings.find((coding) => isJsonObject(coding) && coding['system'] === system);
  return isJsonObject(found) && typeof found['code'] === 'string' ? found['code'] : undefined;
}

/** A relative reference, without a version. */
function referenceOf(value: Json | undefined): { readonly type: string; readonly id: string } | undefined {
  const text = isJsonObject(value) ? value['reference'] : undefined;
  const parsed = typeof text === 'string' ? parseReference(text) : undefined;
  return parsed?.kind === 'relative' && parsed.versionId === undefined ? parsed : undefined;
}

function list(value: Json | undefined): readonly Json[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}
