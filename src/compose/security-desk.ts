import { FicusError } from '../errors.ts';
import { validateResource } from '../fhir/validate.ts';
import type { Resource } from '../fhir/types.ts';
import type { OperationHandler } from '../http/admin-contract.ts';
import type { AdminRequest } from '../http/admin.ts';
import { isSamePerson } from '../person.ts';
import type { Clock } from '../ports.ts';
import type { GlassReview, KeptConsent } from '../privacy-ports.ts';
import { readConsent } from '../security/consent.ts';
import type { Privacy } from './privacy.ts';

export interface SecurityDeskOptions {
  readonly privacy: Privacy;
  readonly clock: Clock;
}

/** Cases that are listed at once. */
const LISTED = 100;
const MOST = 1_000;

/** A body that fits the document's schema. */
type Fitting<T> = AdminRequest['body'] & T;

/** Broken glasses and consents: operations of contracts/admin-api.yaml by their ids. */
export function securityOperations({
  privacy,
  clock,
}: SecurityDeskOptions): Record<string, OperationHandler> {
  const { stores, consents, guard } = privacy;
  const enforced = guard !== undefined;
  const now = (): string => new Date(clock.now()).toISOString();

  async function caseAt({ params }: AdminRequest) {
    const found = await stores.glassCases.find(String(params['id']));
    if (!found) throw new FicusError('not-found', 'There is no such case.');
    return found;
  }

  function consentAt({ params }: AdminRequest): KeptConsent {
    const found = consents.find(String(params['id']));
    if (!found) throw new FicusError('not-found', 'There is no such consent.');
    return found;
  }

  return {
    listGlassCases: async ({ query }) => {
      const { reviewed, limit } = query;
      const cases = await stores.glassCases.list({
        ...(reviewed === undefined ? {} : { reviewed: reviewed === 'true' }),
        limit: limit === undefined ? LISTED : Math.min(MOST, wholeNumber(limit)),
      });
      return { body: { cases }, audited: { patients: patientsOf(cases) } };
    },
    getGlassCase: async (request) => {
      const found = await caseAt(request);
      return { body: found, audited: { patients: patientsOf([found]) } };
    },
    reviewGlassCase: async (request) => {
      const found = await caseAt(request);
      const { by, verdict, note } = request.body as Fitting<Omit<GlassReview, 'at'>>;
      if (isSamePerson(by, found.subject))
        throw new FicusError('forbidden', 'Whoever broke the glass does not review it.');
      const review = { by, at: now(), verdict, note };
      if (!(await stores.glassCases.review(found.id, review)))
        throw new FicusError('conflict', 'Somebody has reviewed this case already.');
      const audited = { patients: patientsOf([found]), details: { verdict, token: found.tokenId } };
      return { body: { ...found, review }, audited };
    },
    listConsents: ({ query }) => {
      const { patient } = query;
      const found = consents.all().filter((one) => patient === undefined || one.patient === patient);
      return { body: { enforced, consents: found }, audited: { patients: patientsOf(found) } };
    },
    getConsent: async (request) => {
      const found = consentAt(request);
      const body = { enforced, consent: found, history: await stores.consents.history(found.id) };
      return { body, audited: { patients: [found.patient] } };
    },
    setConsent: async (request) => {
      const { by, version, consent } = request.body as Fitting<{
        by: string;
        version?: number;
        consent: Resource;
      }>;
      const id = String(request.params['id']);
      const before = consents.find(id);
      const kept = {
        id,
        version: (before?.version ?? 0) + 1,
        ...enforceable({ ...consent, id }),
        by,
        at: now(),
      };
      if (version !== undefined && version !== before?.version)
        throw new FicusError('version-conflict', 'The consent has another version now.');
      if (before && before.patient !== kept.patient)
        throw new FicusError(
          'conflict',
          'A consent stays with its patient: withdraw it, and set another one.',
        );
      if (!(await stores.consents.append(kept)))
        throw new FicusError('version-conflict', 'Somebody else has changed this consent meanwhile.');
      consents.take(kept);
      const audited = {
        patients: [kept.patient],
        references: [`Consent/${id}`],
        details: { version: String(kept.version), state: withdrawn(kept) ? 'withdrawn' : 'in force' },
      };
      return { status: before ? 200 : 201, body: { enforced, consent: kept }, audited };
    },
  };
}

/** @throws FicusError `value-invalid` with everything that is wrong or cannot be enforced */
function enforceable(resource: Resource): Pick<KeptConsent, 'patient' | 'resource'> {
  const wrong = validateResource(resource).filter(
    ({ severity }) => severity === 'error' || severity === 'fatal',
  );
  const read = readConsent(resource);
  const issues = [...wrong, ...('issues' in read ? read.issues : [])];
  if (issues.length > 0 || 'issues' in read)
    throw new FicusError('value-invalid', 'This is no consent that can be enforced.', { issues });
  return { patient: read.patient, resource };
}

const withdrawn = ({ resource }: KeptConsent): boolean => resource['status'] !== 'active';

function patientsOf(found: readonly { readonly patient?: string }[]): readonly string[] {
  return [...new Set(found.flatMap(({ patient }) => patient ?? []))];
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new FicusError('parameter-invalid', 'limit is a whole number above zero.', { expression: ['limit'] });
}
