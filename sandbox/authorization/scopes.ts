/** What concerns the launch and the session instead of data (SMART App Launch 2.2.0, scopes-and-launch-context). */
export const SESSION_SCOPES = [
  'openid',
  'profile',
  'fhirUser',
  'launch',
  'launch/patient',
  'launch/encounter',
  'offline_access',
  'online_access',
] as const;

type Context = 'patient' | 'user' | 'system';

interface DataScope {
  readonly context: Context;
  /** `*`: every type. */
  readonly type: string;
  /** Of `cruds`, in that order. */
  readonly permissions: string;
  /** Search parameters that a resource must meet besides, by name; a value may be `system|code`. */
  readonly constraints: readonly (readonly [name: string, value: string])[];
}

const DATA_SCOPE =
  /^(patient|user|system)\/(\*|[A-Z][A-Za-z]*)\.(read|write|\*|(?=[cruds])c?r?u?d?s?)(?:\?(\S+))?$/;
const VERSION_1: Readonly<Record<string, string>> = { read: 'rs', write: 'cud', '*': 'cruds' };

/** One scope about data, of version 1 or 2; undefined: it is none. */
function parseDataScope(scope: string): DataScope | undefined {
  const [, context, type, permissions, query] = DATA_SCOPE.exec(scope) ?? [];
  if (!context || !type || !permissions) return undefined;
  return {
    context: context as Context,
    type,
    permissions: VERSION_1[permissions] ?? permissions,
    constraints: [...new URLSearchParams(query ?? '')],
  };
}

/**
 * The scopes of a request that this server knows, each once: the others are left out, as OAuth allows (RFC 6749 §3.3).
 */
export function knownScopes(scope: string | undefined): readonly string[] {
  const known = (one: string) => SESSION_SCOPES.some((name) => name === one) || parseDataScope(one);
  return [...new Set(scope?.split(' '))].filter(known);
}

/** Whether a scope is about data, of one of these contexts. */
export function isAbout(scope: string, contexts: readonly Context[]): boolean {
  const context = parseDataScope(scope)?.context;
  return context !== undefined && contexts.includes(context);
}

/** What a program of the hospital may be registered for: reading the record, type by type. */
const SYSTEM_TYPES: ReadonlySet<string> = new Set([
  'AllergyIntolerance',
  'Appointment',
  'Condition',
  'Coverage',
  'DiagnosticReport',
  'DocumentReference',
  'Encounter',
  'Immunization',
  'Location',
  'MedicationRequest',
  'Observation',
  'Organization',
  'Patient',
  'Practitioner',
  'Procedure',
  'RelatedPerson',
  'Specimen',
]);

/**
 * Why an application cannot be registered for a scope; undefined: it can.
 *
 * @param isPublic it has neither a key nor a secret: whoever knows its id is it
 */
export function registrationProblem(scope: string, isPublic: boolean): string | undefined {
  const parsed = parseDataScope(scope);
  if (parsed?.context !== 'system') return undefined;
  if (isPublic) return `${scope} is for applications that have a key or a secret`;
  if (SYSTEM_TYPES.has(parsed.type) && /^r?s?$/.test(parsed.permissions)) return undefined;
  return `${scope} is not registered here: system/ scopes are to read or search (r, s, rs) one of ${[...SYSTEM_TYPES].join(', ')}`;
}

/** Whether an application with these scopes wants to be told of a patient. */
export function wantsPatient(scopes: readonly string[]): boolean {
  return scopes.includes('launch/patient') || scopes.some((one) => isAbout(one, ['patient']));
}

const SESSION_WORDS: Readonly<Record<string, string>> = {
  openid: 'Know who you are',
  profile: 'Know your name',
  fhirUser: 'Know your own record as a person of the hospital',
  launch: 'Know what the record system has open',
  'launch/patient': 'Know which patient is chosen',
  'launch/encounter': 'Know which visit it is about',
  offline_access: 'Go on until you take it back, also while you are away',
  online_access: 'Go on while you are signed in',
};
const VERBS: Readonly<Record<string, string>> = {
  c: 'add',
  r: 'read',
  u: 'change',
  d: 'delete',
  s: 'search',
};
const WHOSE: Readonly<Record<Context, string>> = {
  patient: 'of the chosen patient',
  user: 'that you may see yourself',
  system: 'of everyone',
};

/** A scope as a sentence for whoever is asked to agree. */
export function scopeInWords(scope: string): string {
  const data = parseDataScope(scope);
  if (!data) return SESSION_WORDS[scope] ?? scope;
  const verbs = Array.from(data.permissions, (one) => VERBS[one]);
  const listed = new Intl.ListFormat('en', { type: 'conjunction' }).format(verbs.filter((one) => one !== undefined)); // prettier-ignore
  const records = data.type === '*' ? 'all records' : `${data.type} records`;
  const only = data.constraints.map(([name, value]) => `${name} ${value.split('|').at(-1)}`);
  const sentence = `${listed} ${records} ${WHOSE[data.context]}${only.length > 0 ? `, only with ${only.join(' and ')}` : ''}`;
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
