import type { Hospital } from '../state/hospital.ts';
import { findAuthority, readIdentifier } from '../state/authorities.ts';
import { IDENTIFIERS, fieldOf, identifiersOf, withField, type Patient } from '../state/patients.ts';
import { parseCriteria, type Criteria } from './criteria.ts';
import {
  escapeText,
  firstSegment,
  plain,
  value,
  writeSegment,
  type Hl7Message,
  type Segment,
} from './message.ts';
import { Refusal, refuse, type ErrorEntry, type Reply } from './reply.ts';

/** QBP^Q22, find candidates, by the conventions of IHE PDQ (ITI-21): RSP^K22, RCP-2 `n^RD`, DSC. */
export function findCandidates(message: Hl7Message, hospital: Hospital): Reply {
  const qpd = firstSegment(message, 'QPD');
  if (!qpd)
    return response('AE', undefined, [{ code: '100', location: 'QPD^1', text: 'A QPD segment is needed' }]);
  try {
    if (value(qpd, 1) === '') refuse('101', 'QPD^1^1', 'The query has no name');
    if (value(qpd, 2) === '') refuse('101', 'QPD^1^2', 'The query has no tag');
    return page(message, qpd, hospital);
  } catch (error) {
    if (error instanceof Refusal) return response('AE', qpd, error.entries);
    throw error;
  }
}

/** QCN^J01, cancel query (HL7 v2.5.1 §5.4.6): QID-1 is the query tag. */
export function cancelQuery(message: Hl7Message, hospital: Hospital): Reply {
  const tag = value(firstSegment(message, 'QID'), 1);
  if (tag === '') refuse('101', 'QID^1^1', 'The query tag is needed');
  hospital.continuations.cancel(continuationKey(message, tag));
  return { type: 'ACK^J01^ACK', outcome: 'A' };
}

function page(message: Hl7Message, qpd: Segment, hospital: Hospital): Reply {
  const criteria = parseCriteria(qpd);
  const domains = parseDomains(qpd);
  const size = pageSize(message);
  const key = continuationKey(message, value(qpd, 2));
  const pointer = value(firstSegment(message, 'DSC'), 1);
  const [, continuation, offsetText = '0'] = /^(.*):(\d+)$/.exec(pointer) ?? [];
  if (pointer !== '' && continuation === undefined) refuse('204', 'DSC^1^1', 'Unknown continuation pointer');
  const offset = Number(offsetText);
  const found =
    continuation === undefined
      ? candidates(criteria, hospital).filter(
          (patient) => criteria.matches(patient) && inDomains(patient, domains),
        )
      : (hospital.continuations.get(continuation, key) ??
        refuse('204', 'DSC^1^1', 'Unknown continuation pointer'));
  const rows = size === undefined ? found.slice(offset) : found.slice(offset, offset + size);
  const remaining = found.length - offset - rows.length;
  const id = remaining > 0 ? (continuation ?? hospital.continuations.open(key, found)) : undefined;
  return response(found.length === 0 ? 'NF' : 'OK', qpd, [], {
    counts: [found.length, rows.length, remaining],
    segments: rows.flatMap((patient, i) => patientSegments(patient, offset + i + 1, domains)),
    ...(id === undefined ? {} : { pointer: `${id}:${offset + rows.length}` }),
  });
}

function candidates({ identifier }: Criteria, hospital: Hospital): readonly Patient[] {
  if (!identifier) return hospital.patients.all();
  const patient = hospital.patients.find(identifier.value, identifier.authority);
  return patient ? [patient] : [];
}

/** The asker and the tag: a continuation belongs to one query of one sender. */
function continuationKey(message: Hl7Message, tag: string): string {
  return [value(message.msh, 3), value(message.msh, 4), tag].join('|');
}

/** QPD-8: namespaces of the domains asked for; each unknown one is an error of its own. */
function parseDomains(qpd: Segment): readonly string[] {
  const errors: ErrorEntry[] = [];
  const names = fieldOf(qpd, 8).flatMap((cx, i) => {
    const known = findAuthority(plain(cx[3]?.[0])) ?? findAuthority(plain(cx[3]?.[1]));
    if (!known) errors.push({ code: '204', location: `QPD^1^8^${i + 1}`, text: 'Unknown domain' });
    return known ? [known.name] : [];
  });
  if (errors.length > 0) throw new Refusal('E', errors);
  return names;
}

function inDomains(patient: Patient, domains: readonly string[]): boolean {
  return domains.length === 0 || identifiersOf(patient).some((id) => domains.includes(id.authority));
}

/** RCP-2 `n^RD`; anything else: all at once. */
function pageSize(message: Hl7Message): number | undefined {
  const rcp = firstSegment(message, 'RCP');
  const quantity = value(rcp, 2);
  if (quantity === '' || value(rcp, 2, 2) !== 'RD') return undefined;
  if (!/^[1-9]\d{0,3}$/.test(quantity)) refuse('102', 'RCP^1^2', 'The quantity is a number from 1 to 9999');
  return Number(quantity);
}

function patientSegments(patient: Patient, setId: number, domains: readonly string[]): string[] {
  const numbered = withField(patient.pid, 1, [[[String(setId)]]]);
  const identifiers = fieldOf(numbered, IDENTIFIERS).filter(
    (cx) => domains.length === 0 || domains.includes(readIdentifier(cx).authority),
  );
  const pid = withField(numbered, IDENTIFIERS, identifiers);
  return [pid, patient.pd1, ...patient.nk1, patient.zpi]
    .filter((segment) => segment !== undefined)
    .map(writeSegment);
}

interface Payload {
  readonly counts: readonly [total: number, here: number, remaining: number];
  readonly segments: readonly string[];
  readonly pointer?: string;
}

function response(
  status: 'OK' | 'NF' | 'AE',
  qpd: Segment | undefined,
  errors: readonly ErrorEntry[],
  payload?: Payload,
): Reply {
  const echo = qpd ? writeSegment(qpd) : undefined;
  const name = echo?.split('|')[1] ?? '';
  const counts = payload ? `|${name}|${payload.counts.join('|')}` : '';
  return {
    type: 'RSP^K22^RSP_K21',
    outcome: status === 'AE' ? 'E' : 'A',
    errors,
    segments: [
      `QAK|${escapeText(value(qpd, 2))}|${status}${counts}`,
      ...(echo === undefined ? [] : [echo]),
      ...(payload?.segments ?? []),
      ...(payload?.pointer === undefined ? [] : [`DSC|${payload.pointer}|I`]),
    ],
  };
}
