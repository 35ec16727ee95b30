import type { IncomingMessage } from 'node:http';
import { FicusError, toFicusError } from '../errors.ts';
import type { Principal } from '../ports.ts';
import { refuseUnpermitted } from '../security/permissions.ts';
import type { Admission, Authenticator, Limiter } from '../security-ports.ts';
import { refuseStrayToken } from './credentials.ts';
import type { Asked } from './interaction.ts';
import type { RequestScope } from './scope.ts';
import type { Pairs } from './url.ts';

/** Who stands at the door. */
export interface AdmissionOptions {
  /** Finds out who calls; absent: security is open. */
  readonly authenticator?: Authenticator;
  /** Keeps one caller from taking what others need. */
  readonly limiter?: Limiter;
  /** Told of what was turned away; what it rejects with is the answer instead. */
  readonly refused?: (refusal: Refusal) => Promise<void>;
}

/** A request that was turned away before a Backend was asked. */
export interface Refusal {
  readonly principal: Principal;
  readonly address: string;
  readonly requestId: string;
  /** `Patient.read`, `batch`. */
  readonly action: string;
  /** Parameters as the client wrote them, where they were read. */
  readonly asked?: Pairs;
  readonly failure: FicusError;
}

/** Tells of a request that no Backend was asked. What it rejects with is the answer instead. */
export async function tellRefused(
  { refused }: Pick<AdmissionOptions, 'refused'>,
  { principal, address, requestId }: RequestScope,
  action: string,
  error: unknown,
  asked?: Pairs,
): Promise<void> {
  const failure = toFicusError(error);
  await refused?.({ principal, address, requestId, action, failure, ...(asked ? { asked } : {}) });
}

/**
 * Finds out who calls, whether there is room for them, and whether any scope allows what they ask: all before a byte of
 * a body is read. The scope has its principal afterwards.
 *
 * @param action template of the address
 * @param parameters of the address
 * @returns headers for the answer, whatever becomes of it
 * @throws FicusError `unauthenticated`, `malformed` (a token where it does not belong), `throttled`, `forbidden`
 */
export async function admit(
  req: IncomingMessage,
  scope: RequestScope,
  asked: Asked,
  action: string,
  parameters: Pairs,
  { authenticator, limiter, refused }: AdmissionOptions,
): Promise<void> {
  const { address, requestId } = scope;
  /** Whoever had a token that was refused: nobody is let in as that. */
  let bearer: Principal | undefined;
  try {
    if (authenticator) {
      refuseStrayToken(parameters);
      const beforeVerifying = (): void => limiter?.hear(address);
      const onRefused = (principal: Principal): void => void (bearer = principal);
      const caller = { headers: req.headers, address, requestId, beforeVerifying, onRefused };
      const found = authenticator.authenticate(caller);
      scope.principal = found instanceof Promise ? await found : found;
    }
    if (limiter) {
      const admission = await limiter.enter(scope.principal, address);
      scope.admission = admission;
      scope.afterwards(() => admission.leave());
    }
    if (asked.kind === 'interaction')
      refuseUnpermitted(scope.principal.access, asked.interaction, asked.type);
  } catch (error) {
    let failure = toFicusError(error);
    const brought = req.headers.authorization !== undefined;
    if (brought && failure.code === 'unauthenticated') await limiter?.refused(address);
    if (bearer?.access && failure.code === 'forbidden')
      await limiter
        ?.triedGlass(bearer.access)
        .catch((tooOften: unknown) => (failure = toFicusError(tooOften)));
    await refused?.({ principal: bearer ?? scope.principal, address, requestId, action, failure });
    throw failure;
  }
}

/** Requests that one page of a record counts as: it takes a search for each type. */
const EVERYTHING_REQUESTS = 10;

/**
 * Counts what a request asks for: the patients that it names, and, where it is as good as several, those.
 *
 * @throws FicusError `throttled`, `too-costly`
 */
export async function countAsked(
  admission: Admission,
  asked: Extract<Asked, { kind: 'interaction' }>,
  parameters: Pairs,
): Promise<void> {
  if (asked.interaction === 'everything') await admission.further(EVERYTHING_REQUESTS - 1);
  await countPatients(admission, asked, parameters);
}

/**
 * No search may name as many values (src/search/parse.ts): each patient is counted, and that costs more than to refuse
 * them.
 */
const MOST_PATIENTS = 200;
/** Parameters that name a patient. */
const OF_PATIENT: ReadonlySet<string> = new Set(['patient', 'subject', 'patient:Patient', 'subject:Patient']);

/**
 * Counts the patients that a request names: in its address, or by a parameter.
 *
 * @throws FicusError `throttled`, `too-costly` (more patients than a search may name)
 */
export async function countPatients(
  admission: Admission,
  asked: Extract<Asked, { kind: 'interaction' }>,
  parameters: Pairs,
): Promise<void> {
  const patients = new Set<string>();
  if (asked.type === 'Patient' && asked.id !== undefined) patients.add(asked.id);
  for (const [name, value] of parameters) {
    if (!OF_PATIENT.has(name) && !(asked.type === 'Patient' && name === '_id')) continue;
    for (const one of value.split(',')) patients.add(one.slice(one.lastIndexOf('/') + 1));
  }
  if (patients.size > MOST_PATIENTS)
    throw new FicusError('too-costly', `A request may name ${MOST_PATIENTS} patients.`);
  for (const id of patients) await admission.about(id);
}
