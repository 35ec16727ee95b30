import { plain, type Repetition } from '../hl7/message.ts';

/** Who issues medical record numbers here. */
export interface Authority {
  /** CX.4.1 */
  readonly name: string;
  /** CX.4.2 */
  readonly oid: string;
}

/** The hospital itself: the authority that the core assigns numbers in. */
export const HOSP: Authority = { name: 'HOSP', oid: '2.999.1.1' };
/** The clinic that was bought in 2014 and kept its numbers. */
export const CLINIC: Authority = { name: 'CLINIC', oid: '2.999.1.2' };

/** Numbers of the gateway in front of us, kept so that it finds again what it sent. */
export const GATEWAY: Authority = { name: 'FICUS', oid: '2.999.1.99' };

export const AUTHORITIES: readonly Authority[] = [HOSP, CLINIC, GATEWAY];

/** By namespace or OID. */
export function findAuthority(nameOrOid: string): Authority | undefined {
  return AUTHORITIES.find((authority) => authority.name === nameOrOid || authority.oid === nameOrOid);
}

/** What the core takes from a CX: number, authority (namespace, else OID) and type code. */
export interface Identifier {
  readonly value: string;
  readonly authority: string;
  readonly type: string;
}

export function readIdentifier(cx: Repetition): Identifier {
  const namespace = plain(cx[3]?.[0]);
  const oid = plain(cx[3]?.[1]);
  const known = findAuthority(namespace) ?? findAuthority(oid);
  return { value: plain(cx[0]?.[0]), authority: known?.name ?? (namespace || oid), type: plain(cx[4]?.[0]) };
}

/** A CX of one of our authorities, e.g. `100301^^^HOSP&2.999.1.1&ISO^MR`. */
export function medicalRecordNumber(value: string, authority: Authority): Repetition {
  return [[value], [''], [''], [authority.name, authority.oid, 'ISO'], ['MR']];
}
