import type { IncomingMessage } from 'node:http';
import { toFicusError } from '../errors.ts';
import type { FicusError } from '../errors.ts';
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
 * Finds out who calls, whether there is room for them, and whether any scope allows what they ask: all before a byte of a body is read. The scope has its
 * principal afterwards.
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
  /** Whoever had the token, where it was revoked: nobody is let in as that. */
  let revoked: Principal | undefined;
  try {
    if (authenticator) {
      refuseStrayToken(parameters);
      const beforeVerifying = (): void => limiter?.hear(address);
      const onRevoked = (principal: Principal): void => void (revoked = principal);
      const caller = { headers: req.headers, address, requestId, beforeVerifying, onRevoked };
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
    const failure = toFicusError(error);
    const brought = req.headers.authorization !== undefined;
    if (brought && failure.code === 'unauthenticated') await limiter?.refused(address);
    await refused?.({ principal: revoked ?? scope.principal, address, requestId, action, failure });
    throw failure;
  }
}

/** Parameters that name a patient. */
const OF_PATIENT: ReadonlySet<string> = new Set(['patient', 'subject', 'patient:Patient', 'subject:Patient']);

/**
 * Counts the patients that a request names: in its address, or by a parameter.
 *
 * @throws FicusError `throttled`
 */
export async function countPatients(
  admission: Admission,
  asked: Extract<Asked, { kind: 'interaction' }>,
  parameters: Pairs,
): Promise<void> {
  if (asked.type === 'Patient' && asked.id !== undefined) await admission.about(asked.id);
  for (const [name, value] of parameters) {
    if (!OF_PATIENT.has(name) && !(asked.type === 'Patient' && name === '_id')) continue;
    const ids = value.split(',').map((one) => one.slice(one.lastIndexOf('/') + 1));
    for (const id of new Set(ids)) await admission.about(id);
  }
}
