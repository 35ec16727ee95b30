import type { AuditKind } from '../security-ports.ts';
import type { AuditRecord } from '../audit-ports.ts';
import { factOf } from './chain.ts';

/** One time that data of one patient left: to whom, when, what, and for which purpose (45 CFR 164.528(b)). */
export interface Disclosure {
  /** Logical id. */
  readonly patient: string;
  /** ISO 8601 instant. */
  readonly at: string;
  readonly subject: string;
  /** Who knows the subject by that name. */
  readonly issuer?: string;
  readonly client?: string;
  readonly fhirUser?: string;
  readonly roles?: readonly string[];
  readonly tokenId?: string;
  /** Purposes of use (v3-PurposeOfUse) that the caller's token had. */
  readonly purposes?: readonly string[];
  /** What was done: `read`. */
  readonly kind: AuditKind;
  /** Type of the data: `Observation`; of what is no interaction the action. */
  readonly category: string;
  /** What was read by name; of a search nothing: what it found is not recorded. */
  readonly references?: readonly string[];
  readonly requestId: string;
  /** Number of the record in the trail. */
  readonly sequence: number;
}

/** What lets data out. */
const DISCLOSING: ReadonlySet<AuditKind> = new Set([
  'read',
  'query',
  'history',
  'everything',
  'export',
  'sample-opened',
  'message-opened',
]);

/** The account of disclosures is itself recorded as an export: it tells of data, and has none. */
export const ACCOUNTED = 'audit.disclosures';

/**
 * Data that left, by patient and then by time, out of records in their order. Whoever was refused got nothing.
 *
 * @param of one patient alone, by logical id
 */
export function disclosuresOf(records: readonly AuditRecord[], of?: string): readonly Disclosure[] {
  const all = records.flatMap((record): Disclosure[] => {
    const { kind, outcome, action, recorded, requestId, patient, references, agent } = factOf(record);
    if (patient === undefined || outcome !== 'success' || !DISCLOSING.has(kind) || action === ACCOUNTED)
      return [];
    if (of !== undefined && patient !== of) return [];
    const { subject, issuer, client, fhirUser, roles, tokenId, purposes } = agent;
    return [
      {
        patient,
        at: recorded,
        subject,
        ...(issuer === undefined ? {} : { issuer }),
        ...(client === undefined ? {} : { client }),
        ...(fhirUser === undefined ? {} : { fhirUser }),
        ...(roles === undefined ? {} : { roles }),
        ...(tokenId === undefined ? {} : { tokenId }),
        ...(purposes === undefined ? {} : { purposes }),
        kind,
        category: categoryOf(action),
        ...(references === undefined ? {} : { references }),
        requestId,
        sequence: record.sequence,
      },
    ];
  });
  // Sorting keeps the order of time.
  return all.toSorted((one, other) =>
    one.patient < other.patient ? -1 : one.patient > other.patient ? 1 : 0,
  );
}

/** `Observation` of `Observation.search`; what is no interaction stands for itself. */
export function categoryOf(action: string): string {
  const type = action.split('.', 1)[0]!;
  return /^[A-Z][A-Za-z]+$/.test(type) ? type : action;
}

const COLUMNS = [
  ['patient', ({ patient }) => `Patient/${patient}`],
  ['time', ({ at }) => at],
  ['subject', ({ subject }) => subject],
  ['issuer', ({ issuer }) => issuer],
  ['application', ({ client }) => client],
  ['user', ({ fhirUser }) => fhirUser],
  ['roles', ({ roles }) => roles?.join(' ')],
  ['purpose', ({ purposes }) => purposes?.join(' ')],
  ['what', ({ kind }) => kind],
  ['category', ({ category }) => category],
  ['resources', ({ references }) => references?.join(' ')],
  ['token', ({ tokenId }) => tokenId],
  ['request', ({ requestId }) => requestId],
  ['record', ({ sequence }) => String(sequence)],
] as const satisfies readonly (readonly [string, (one: Disclosure) => string | undefined])[];

/** Disclosures as CSV (RFC 4180), with a line of headings. */
export function disclosuresCsv(disclosures: readonly Disclosure[]): string {
  const lines = [
    COLUMNS.map(([heading]) => heading),
    ...disclosures.map((one) => COLUMNS.map(([, cell]) => cellOf(cell(one) ?? ''))),
  ];
  return lines.map((cells) => `${cells.join(',')}\r\n`).join('');
}

/** What an application made up is no formula to whoever opens the file in a spreadsheet. */
function cellOf(text: string): string {
  const plain = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}
