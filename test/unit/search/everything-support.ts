import type { Issue } from '../../../src/errors.ts';
import type { SearchSet } from '../../../src/fhir/search-query.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import type { Backend, FhirRequest, FhirResponse, RequestContext } from '../../../src/ports.ts';
import { everything, type EverythingOptions } from '../../../src/search/everything.ts';
import { parseEverything } from '../../../src/search/everything-parse.ts';
import { patient, set } from './hospital.ts';
import { BASE, context, sealer, splitPair, testClock } from './support.ts';

/** A small API: two parameters say whose an Observation is, one of them when; a ServiceRequest is made and not searched. */
const PROMISED: Readonly<Record<string, readonly string[]>> = {
  ServiceRequest: ['patient'],
  Patient: ['_id'],
  Observation: ['patient', 'subject', 'performer', 'date'],
  AllergyIntolerance: ['patient', 'date'],
  AuditEvent: ['patient'],
  Practitioner: ['_id'],
};
export const clock = testClock();
export const OPTIONS: EverythingOptions = {
  rules: {
    types: Object.keys(PROMISED),
    searches: (type) => type !== 'ServiceRequest',
    parameter: (type, name) => (PROMISED[type]?.includes(name) ? {} : undefined),
  },
  pages: sealer(),
  clock,
  base: BASE,
  serves: (type) => type in PROMISED,
  isShared: (type) => type === 'Practitioner' || type === 'Medication',
  patientOf: (access) => access?.patient,
  failClosed: new Set(['AllergyIntolerance']),
};

export const UNSEARCHED = 'information not-supported: Not searched by patient here, and not in this answer: ServiceRequest.'; // prettier-ignore
export const allergy = (id: string): Resource => ({
  resourceType: 'AllergyIntolerance',
  id,
  patient: { reference: 'Patient/a' },
});
export const said = ({ severity, code, diagnostics }: Issue): string => `${severity} ${code}: ${diagnostics}`;
export const names = (resources: readonly Resource[]): string[] =>
  resources.map(({ resourceType, id }) => `${resourceType}/${id}`);

interface Page {
  readonly response: FhirResponse;
  readonly set: SearchSet;
  readonly matches: readonly string[];
  readonly issues: readonly string[];
}

export interface Asked extends Partial<EverythingOptions> {
  readonly id?: string | undefined;
  readonly context?: Partial<RequestContext>;
  readonly maxCount?: number;
  readonly handling?: 'strict' | 'lenient';
}

export async function record(
  next: Backend,
  text = '',
  { id = 'a', context: change, maxCount = 100, handling = 'lenient', ...options }: Asked = {},
) {
  const pairs = text === '' ? [] : text.split('&').map((pair) => splitPair(pair));
  const read = parseEverything(id === '' ? undefined : id, pairs, { handling, maxCount });
  const named = id === '' ? {} : { id };
  const request: FhirRequest = {
    interaction: 'everything',
    type: 'Patient',
    ...named,
    ...read,
    handling,
  };
  const response = await everything({ ...OPTIONS, ...options })(next).handle(request, context(change));
  if (response.body.kind !== 'searchset') throw new Error(`it is a ${response.body.kind}`);
  const { set: answered } = response.body;
  return { response, set: answered, matches: names(answered.matches), issues: answered.issues.map(said) };
}

export async function allPages(next: Backend, text: string, asked: Asked = {}): Promise<Page[]> {
  const pages: Page[] = [];
  for (let token: string | undefined = ''; token !== undefined && pages.length < 30;) {
    const page: Page = await record(next, token === '' ? text : `${text}&_page=${token}`, asked);
    pages.push(page);
    token = page.set.next;
  }
  return pages;
}

/** What every hospital of these tests answers; what a test says of it goes before. */
export const WARD = {
  'Patient/a': patient('a'),
  'AllergyIntolerance?patient=Patient/a': set([]),
  'Observation?patient=Patient/a': set([]),
  'Observation?performer=Patient/a': set([]),
};
