import { randomUUID } from 'node:crypto';
import { FicusError } from '../errors.ts';
import type { OperationHandler } from '../http/admin-contract.ts';
import type { AdminRequest } from '../http/admin.ts';
import type { Clock } from '../ports.ts';
import type { Revocation } from '../privacy-ports.ts';
import { endOfRevocation } from '../security/revocations.ts';
import type { Privacy } from './privacy.ts';

/** A body that fits the document's schema. */
type Fitting<T> = AdminRequest['body'] & T;

type Wanted = Pick<Revocation, 'tokenId' | 'subject' | 'client' | 'reason' | 'by'>;

/** A token has this form (RFC 7519 §3, RFC 7516 §3.1); an id has not. */
const JWT = /^ey[\w-]+(\.[\w-]*){2,4}$/;

/** Revoked tokens: operations of contracts/admin-api.yaml by their ids. */
export function revocationOperations({
  privacy,
  clock,
}: {
  readonly privacy: Pick<Privacy, 'stores' | 'revocations' | 'guard'>;
  readonly clock: Clock;
}): Record<string, OperationHandler> {
  const { stores, revocations, guard } = privacy;
  const enforced = guard !== undefined;
  return {
    listRevocations: () => ({ body: { enforced, revocations: revocations.all() } }),
    addRevocation: async ({ body }) => {
      const { tokenId, subject, client, reason, by } = wanted(body as Fitting<Wanted>);
      const now = clock.now();
      const revocation: Revocation = {
        id: randomUUID(),
        ...(tokenId === undefined ? {} : { tokenId }),
        ...(subject === undefined ? {} : { subject }),
        ...(client === undefined ? {} : { client }),
        reason,
        by,
        at: new Date(now).toISOString(),
        until: new Date(endOfRevocation(now)).toISOString(),
      };
      await stores.revocations.add(revocation);
      revocations.take(revocation);
      return { status: 201, body: { enforced, revocation }, audited: { details: detailsOf(revocation) } };
    },
    liftRevocation: async ({ params, body }) => {
      const found = revocations.find(String(params['id']));
      if (!found) throw new FicusError('not-found', 'There is no such revocation.');
      const { by, reason } = body as Fitting<{ by: string; reason: string }>;
      const lifted = { by, at: new Date(clock.now()).toISOString(), reason };
      if (!(await stores.revocations.lift(found.id, lifted)))
        throw new FicusError('conflict', 'Somebody has lifted this revocation already.');
      const revocation: Revocation = { ...found, lifted };
      revocations.take(revocation);
      return { body: { enforced, revocation }, audited: { details: detailsOf(revocation) } };
    },
  };
}

/** @throws FicusError `value-invalid` unless it says which tokens, and does so without one */
function wanted(body: Wanted): Wanted {
  const { tokenId, subject, client } = body;
  if (tokenId !== undefined && JWT.test(tokenId))
    throw new FicusError('value-invalid', 'That is a token: say its id (jti). The audit trail knows it.');
  const whose = subject !== undefined || client !== undefined;
  if ((tokenId !== undefined) === whose)
    throw new FicusError(
      'value-invalid',
      'A revocation names a token, or a subject, an application, or both.',
    );
  return body;
}

/** Which tokens. Not why: reasons are free text, and are with the revocation. */
function detailsOf({ id, tokenId, subject, client }: Revocation): Readonly<Record<string, string>> {
  return {
    revocation: id,
    ...(tokenId === undefined ? {} : { token: tokenId }),
    ...(subject === undefined ? {} : { subject }),
    ...(client === undefined ? {} : { client }),
  };
}
