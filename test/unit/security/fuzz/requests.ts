import type { Asked } from './stack.ts';
import type { Caller } from './model.ts';
import { idOf, PATIENTS, stateOf, TYPES, type Random } from './world.ts';

/** Scopes of every kind: v1 and v2, of one type and of all, with search parameters, for one patient, for users, for systems. */
export function callerOf(random: Random): Caller {
  const contexts = random.pick([
    ['patient'],
    ['user'],
    ['system'],
    ['patient', 'user'],
    ['patient', 'patient', 'system'],
  ]);
  const scopes = Array.from({ length: 1 + random.int(4) }, () => {
    const context = random.pick(contexts);
    const type = random.chance(0.25) ? '*' : random.pick([...TYPES, 'Observation', 'Patient', 'Observation']);
    const granular = { Observation: ['?category=lab', '?category=lab,note', '?status=final', '?category=vital&status=final'], Condition: ['?category=note'] }[type]; // prettier-ignore
    if (granular && random.chance(0.4))
      return `${context}/${type}.${random.pick(['rs', 'cruds', 's', 'crus'])}${random.pick(granular)}`;
    const former = random.chance(0.2);
    return `${context}/${type}.${random.pick(former ? ['read', 'write', '*'] : ['rs', 'r', 's', 'cruds', 'cu', 'crus', 'rus'])}`;
  });
  const fhirUser = random.pick([
    undefined,
    'Practitioner/d0',
    'Practitioner/d1',
    `Patient/${random.pick(PATIENTS)}`,
    'RelatedPerson/r0',
  ]);
  const patient = random.chance(0.75) ? random.pick(PATIENTS) : random.chance(0.1) ? 'nobody' : undefined;
  return {
    scopes: [...new Set(scopes)],
    ...(patient === undefined ? {} : { patient }),
    ...(fhirUser === undefined ? {} : { fhirUser }),
    ...(random.chance(0.1) ? { roles: ['viewer'] } : {}),
    purposes: random.chance(0.4) ? ['TREAT'] : [],
  };
}

/** What a search on a type can be asked with; each is one filter. */
const FILTERS: Readonly<Record<string, readonly string[]>> = {
  Patient: [
    '_id=@p',
    'identifier=@p',
    'family=Smith',
    'general-practitioner=Practitioner/d0',
    'link=Patient/@p',
  ],
  Practitioner: ['_id=d0', 'family=House'],
  Location: ['name=Ward'],
  Encounter: ['patient=@p', 'subject=Patient/@p', 'status=finished'],
  Observation: [
    'patient=@p',
    'patient=Patient/@p',
    'subject=Patient/@p',
    'subject=@p',
    'subject:Patient=@p',
    'performer=Patient/@p',
    'performer=Practitioner/d0',
    'patient=@p,@p',
    'category=lab',
    'category:not=lab',
    'status=final',
    'code=x',
    'identifier=a',
    'encounter=Encounter/e0',
    'patient:identifier=urn:mrn|@p',
    'subject:missing=false',
    '_lastUpdated=ge2000',
  ],
  Condition: ['patient=@p', 'asserter=Patient/@p', 'category=note', 'code=y'],
  RelatedPerson: ['patient=@p', 'name=Relative'],
  Device: ['patient=@p', 'status=active'],
  Slot: ['status=free'],
};
const CHAINS: Readonly<Record<string, readonly string[]>> = {
  Observation: [
    'patient.identifier=@p',
    'patient.family=Smith',
    'subject:Patient.family=Jones',
    'performer:Practitioner.family=House',
    'encounter.status=finished',
    'encounter.patient.family=Smith',
  ],
  Encounter: ['patient.family=Jones', '_has:Observation:encounter:code=x'],
  Condition: ['asserter:Patient.family=Smith'],
  Patient: [
    '_has:Observation:patient:code=x',
    '_has:Observation:patient:category=lab',
    '_has:Observation:performer:code=x',
    '_has:Condition:asserter:code=y',
    '_has:Observation:subject:encounter.status=finished',
    'general-practitioner:Practitioner.family=House',
  ],
  Practitioner: ['_has:Observation:performer:code=x', '_has:Patient:general-practitioner:family=Smith'],
};
const INCLUDES: Readonly<Record<string, readonly string[]>> = {
  Observation: ['_include=Observation:subject', '_include=Observation:performer', '_include=Observation:encounter', '_include=Observation:has-member'], // prettier-ignore
  Encounter: ['_include=Encounter:patient', '_revinclude=Observation:encounter'],
  Patient: ['_revinclude=Observation:patient', '_revinclude=Observation:performer', '_revinclude=Condition:asserter', '_include=Patient:general-practitioner', '_include=Patient:link'], // prettier-ignore
  Practitioner: ['_revinclude=Observation:performer', '_revinclude=Patient:general-practitioner'],
  Condition: ['_include=Condition:asserter'],
};
const SORTS: Readonly<Record<string, readonly string[]>> = {
  Observation: ['_sort=-_lastUpdated', '_sort=status', '_sort=-code'],
  Patient: ['_sort=-_lastUpdated', '_sort=family'],
};
const SHAPES = ['_summary=true', '_summary=data', '_elements=id', '_elements=status', '_elements=subject'];

const filled = (random: Random, text: string): string => text.replaceAll('@p', () => idOf(random, 'Patient'));

/** A search that asks for no more than matches by filters. */
export function plainSearch(random: Random, type: string): string {
  const filters = Array.from({ length: random.int(3) }, () =>
    filled(random, random.pick(FILTERS[type] ?? [''])),
  );
  return `${type}${filters.length > 0 ? '?' : ''}${filters.join('&')}`;
}

export function search(random: Random, type: string): string {
  const parts = Array.from({ length: random.int(3) }, () => random.pick(FILTERS[type] ?? ['_id=x']));
  const chains = CHAINS[type];
  if (chains && random.chance(0.4)) parts.push(random.pick(chains));
  const includes = INCLUDES[type];
  if (includes && random.chance(0.5)) parts.push(random.pick(includes));
  if (random.chance(0.15)) parts.push(random.pick(SHAPES));
  if (random.chance(0.15)) parts.push('_total=accurate');
  if (random.chance(0.1)) parts.push('_summary=count');
  if (random.chance(0.05)) parts.push('_count=0');
  if (random.chance(0.15)) parts.push(`_count=${1 + random.int(5)}`);
  if (random.chance(0.1)) parts.push(random.pick(SORTS[type] ?? ['_sort=-_lastUpdated']));
  if (random.chance(0.05)) parts.push('_offset=0');
  const asked = [...new Set(parts)].filter((part, at, all) => all.findIndex((it) => it.split('=')[0] === part.split('=')[0] && it.startsWith('_') && !it.includes('include')) === at || !part.startsWith('_') || part.includes('include')); // prettier-ignore
  return `${type}${asked.length > 0 ? '?' : ''}${asked.map((it) => filled(random, it)).join('&')}`;
}

const CRITERIA = [
  'identifier=a',
  'identifier=b',
  'patient=@p&identifier=a',
  'code=x&status=final',
  'subject=Patient/@p',
];

/** A write; many are about the caller's own patient, for what is only nearly right is not refused at first sight. */
function write(random: Random, caller: Caller): Asked {
  const type = random.pick([
    'Observation',
    'Observation',
    'Condition',
    'Encounter',
    'Patient',
    'Practitioner',
    'Device',
  ]);
  const id = random.chance(0.15) ? 'nobody' : idOf(random, type);
  const way = random.int(10);
  const criteria = filled(
    random,
    random.pick(type === 'Observation' ? CRITERIA : ['_id=x', '_lastUpdated=ge2000']),
  );
  const whose = type === 'Observation' || type === 'Condition' || type === 'Encounter';
  const own = whose && caller.patient !== undefined && random.chance(0.6);
  const subject = { reference: `Patient/${caller.patient}` };
  const state = { ...stateOf(random, type, id), ...(own ? { subject } : {}) };
  const { id: _id, ...nameless } = state;
  if (way < 4) return { method: 'POST', url: type, body: nameless };
  if (way < 6) return { method: 'POST', url: type, body: nameless, headers: { 'if-none-exist': criteria } };
  if (way < 9) return { method: 'PUT', url: `${type}/${id}`, body: state };
  return { method: 'PUT', url: `${type}?${criteria}`, body: random.chance(0.7) ? nameless : state };
}

const OF_RECORDS = ['_count=1', '_count=3', '_type=Observation,Patient', '_type=Practitioner,Condition', 'start=2020', '_since=2024-01-01T00:00:00Z', 'code=x']; // prettier-ignore

/** Everything of a patient, or of the one in context. */
function record(random: Random): string {
  const asked = random.chance(0.5) ? `?${random.pick(OF_RECORDS)}` : '';
  return random.chance(0.1)
    ? `Patient/$everything${asked}`
    : `Patient/${idOf(random, 'Patient')}/$everything${asked}`;
}

const OF_HISTORIES = ['_count=1', '_count=2', '_since=2024-01-01T00:00:00Z', '_since=2099-01-01T00:00:00Z', '_at=2024']; // prettier-ignore

/** Any request. @param pages links that were offered to whomever */
export function requestOf(random: Random, caller: Caller, writes: boolean, pages: readonly string[]): Asked {
  const type = random.pick(TYPES);
  const id = idOf(random, type);
  const way = random.int(100);
  if (writes && way < 25) return write(random, caller);
  if (way < 40) {
    const shape = random.chance(0.15) ? `?${random.pick(SHAPES)}` : '';
    const known = random.chance(0.1) ? { headers: { 'if-none-match': 'W/"1"' } } : {};
    return { method: 'GET', url: `${type}/${id}${shape}`, ...known };
  }
  if (way < 47) return { method: 'GET', url: `${type}/${id}/_history/${1 + random.int(3)}` };
  if (way < 52) {
    const part = random.chance(0.5) ? `?${random.pick(OF_HISTORIES)}` : '';
    return { method: 'GET', url: `${type}/${id}/_history${part}` };
  }
  if (way < 57) return { method: 'GET', url: record(random) };
  if (way < 62 && pages.length > 0) return { method: 'GET', url: random.pick(pages) };
  const searched = random.chance(0.5)
    ? random.pick(['Observation', 'Patient', 'Encounter', 'Practitioner'])
    : type;
  return { method: 'GET', url: search(random, searched) };
}
