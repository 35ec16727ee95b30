import type { IncomingHttpHeaders } from 'node:http';
import { FicusError } from '../errors.ts';
import type { Principal } from '../ports.ts';
import type { Access } from '../security-ports.ts';

/** The purpose of use that breaks the glass (v3-ActReason). */
export const BTG = 'BTG';

const SHORTEST = 10;
const LONGEST = 500;

export interface BreakGlassRules {
  /** Roles that may. */
  readonly roles: readonly string[];
  /** Applications whose every practitioner may. */
  readonly clients: readonly string[];
}

type Known = Principal & { readonly access: Access };

/** Breaks the glass for a caller who asks for it, may, and says why. */
export type BreakGlass = (headers: IncomingHttpHeaders, principal: Principal) => Principal;

/**
 * Break-glass: `Purpose-Of-Use: BTG` (or that purpose in the token) with a `Break-Glass-Reason`. A token alone never
 * breaks it: without the reason its purpose BTG is taken away. The one principal is made of the other at once; what
 * nobody asked for costs a look-up.
 * @returns function that throws FicusError `forbidden` (may not), `value-required` (no reason), `value-invalid` (reason
 *   or purpose of another form)
 */
export function createBreakGlass(rules: BreakGlassRules): BreakGlass {
  const settled = new WeakMap<Principal, { readonly whole: Known; readonly asks: boolean }>();
  const settle = (principal: Principal, access: Access): { whole: Known; asks: boolean } => {
    let found = settled.get(principal);
    if (!found) {
      const asks = access.purposes.includes(BTG);
      const purposes = asks ? access.purposes.filter((purpose) => purpose !== BTG) : access.purposes;
      const whole = { ...principal, access: { ...access, purposes, mayBreakGlass: mayBreak(access, rules) } };
      settled.set(principal, (found = { whole, asks }));
    }
    return found;
  };
  return (headers, principal) => {
    if (!principal.access) return principal;
    const { whole, asks } = settle(principal, principal.access);
    const purpose = headers['purpose-of-use'];
    const reason = headers['break-glass-reason'];
    if (purpose === undefined && reason === undefined) return whole;
    if (purpose !== undefined && purpose !== BTG)
      throw new FicusError(
        'value-invalid',
        'Purpose-Of-Use takes BTG only; other purposes are in the token.',
        {
          expression: ['Purpose-Of-Use'],
        },
      );
    if (purpose === undefined && !asks)
      throw new FicusError('value-invalid', 'Break-Glass-Reason comes with Purpose-Of-Use: BTG.', {
        expression: ['Purpose-Of-Use'],
      });
    if (!whole.access.mayBreakGlass)
      throw new FicusError('forbidden', 'This caller may not break the glass.');
    return {
      ...whole,
      // What is found behind the glass is shared with nobody, and its pages are not of those in front of it.
      key: `${principal.key}+${BTG}`,
      access: {
        ...whole.access,
        purposes: [...whole.access.purposes, BTG],
        breakGlassReason: reasonOf(reason),
      },
    };
  };
}

/** Only practitioners, for treatment only, with a role or an application that is told to. */
function mayBreak(access: Access, { roles, clients }: BreakGlassRules): boolean {
  const practitioner = /^Practitioner(Role)?\//.test(access.fhirUser ?? '');
  const others = access.purposes.filter((purpose) => purpose !== BTG);
  const treats = others.length === 0 || others.includes('TREAT') || others.includes('ETREAT');
  const named =
    access.roles.some((role) => roles.includes(role)) ||
    (access.client !== undefined && clients.includes(access.client));
  return practitioner && treats && named;
}

function reasonOf(header: string | string[] | undefined): string {
  const expression = ['Break-Glass-Reason'];
  if (header === undefined)
    throw new FicusError('value-required', 'Who breaks the glass says why: Break-Glass-Reason.', {
      expression,
    });
  const reason = decode(String(header)).trim();
  // The reason goes into the trail, and from there onto a terminal: no control characters (C0, DEL, C1).
  if (reason.length < SHORTEST || reason.length > LONGEST || /\p{Cc}/u.test(reason))
    throw new FicusError(
      'value-invalid',
      `Break-Glass-Reason is a text of ${SHORTEST} to ${LONGEST} characters.`,
      {
        expression,
      },
    );
  return reason;
}

/** Node gives the bytes of a header as Latin-1; most clients send UTF-8. */
function decode(header: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(header, 'latin1'));
  } catch {
    return header;
  }
}
