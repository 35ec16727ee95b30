import type { FicusError } from '../errors.ts';
import type { Principal } from '../ports.ts';
import { PERMISSIONS } from '../security/roles-table.ts';
import { isPermission } from '../security/roles.ts';
import type { AuditAgent, AuditEntry, AuditKind, AuditSink } from '../security-ports.ts';
import type { Refusal } from './admission.ts';

/** A request of the admin API, as far as it came. */
export interface AdminTurn {
  /** `migration.promote`. */
  readonly operation: string;
  readonly permission: string | undefined;
  /** Whether it is made to change something. */
  readonly changes: boolean;
  readonly requestId: string;
  readonly address: string;
  /** Which endpoint, entry, sample or message, by the names of the address. */
  readonly params: Readonly<Record<string, string>>;
  /** Once it is known who asks. */
  principal?: Principal;
  /** `by` of the body, once it was read. */
  by?: unknown;
}

/** Where everything that is changed, opened or refused is told before it is answered. */
export interface AdminAudit {
  readonly sink: AuditSink;
  /** Told of whoever may not, which may be many. */
  readonly refused: (refusal: Refusal) => Promise<void>;
}

/** What the audit is to know of something beside who, when and where. */
export type Audited = Partial<Pick<AuditEntry, 'patients' | 'references' | 'details'>>;

/** What is said of something that was done; undefined: it only showed what is for everybody who may ask. */
export function entryOfDone(turn: AdminTurn, { details, ...whose }: Audited = {}): AuditEntry | undefined {
  const kind = kindOf(turn);
  if (!kind) return undefined;
  const entry = entryOf(turn, kind);
  return { ...entry, ...whose, details: { ...entry.details, ...details } };
}

/** What is said of something that was tried and came to nothing; undefined: it was to change nothing. */
export function entryOfFailed(turn: AdminTurn, { code }: FicusError): AuditEntry | undefined {
  const kind = kindOf(turn);
  return kind && { ...entryOf(turn, kind), outcome: 'failed', errorCode: code };
}

/** What is said of somebody who may not; undefined: it failed otherwise. */
export function refusalOf(turn: AdminTurn, failure: FicusError): Refusal | undefined {
  const { principal = { key: 'anonymous' }, address, requestId, operation: action } = turn;
  const refused = failure.code === 'unauthenticated' || failure.code === 'forbidden';
  return refused ? { principal, address, requestId, action, failure } : undefined;
}

function kindOf({ permission, changes }: AdminTurn): AuditKind | undefined {
  const row = isPermission(permission) ? PERMISSIONS[permission] : undefined;
  return row?.audit ?? (changes ? 'admin' : undefined);
}

function entryOf(turn: AdminTurn, kind: AuditKind): AuditEntry {
  const { requestId, operation, params } = turn;
  const details = Object.fromEntries(Object.entries(params).filter(([, value]) => PLAIN.test(value)));
  const nobody = { patients: [], references: [] };
  return { kind, outcome: 'success', agent: agentOf(turn), requestId, action: operation, ...nobody, details };
}

/** Names and ids, as they stand in addresses of ours. What else somebody wrote there is not kept. */
const PLAIN = /^[A-Za-z0-9._-]{1,128}$/;

function agentOf({ principal, by, address }: AdminTurn): AuditAgent {
  const access = principal?.access;
  // Without tokens everybody says who they are, and is believed.
  if (!access) return { subject: typeof by === 'string' && by.trim() !== '' ? by : 'anonymous', address };
  const { subject, client, fhirUser, roles, tokenId } = access;
  return {
    subject,
    ...(client === undefined ? {} : { client }),
    ...(fhirUser === undefined ? {} : { fhirUser }),
    roles,
    tokenId,
    address,
  };
}
