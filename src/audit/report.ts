import type { AuditFact, AuditFilter, AuditRecord, AuditStore } from '../audit-ports.ts';
import { factOf } from './chain.ts';
import { categoryOf } from './disclosures.ts';

/** How often something was done, and when first and last; ISO 8601 instants. */
export interface Span {
  readonly events: number;
  readonly first: string;
  readonly last: string;
}

/** Whom one token, request or patient leads to: what was seen or changed, of whom, by whom, when. */
export interface TrailReport extends Partial<Span> {
  readonly events: number;
  /** What was asked for: `token jti-1`. */
  readonly of: string;
  readonly patients: readonly ({ readonly patient: string } & Span)[];
  /** By what was done and to which type of data, e.g. `read` of `Observation`. */
  readonly categories: readonly ({
    readonly kind: string;
    readonly type: string;
    readonly outcome: string;
  } & Span)[];
  readonly callers: readonly ({
    readonly subject: string;
    readonly client?: string;
    /** Of the token. */
    readonly tokenId?: string;
    readonly address?: string;
  } & Span)[];
  readonly timeline: readonly TimelineEntry[];
}

/** One event, without what was asked or found. */
export interface TimelineEntry {
  readonly sequence: number;
  readonly at: string;
  readonly kind: string;
  readonly action: string;
  readonly outcome: string;
  readonly subject: string;
  readonly requestId: string;
  readonly patient?: string;
  readonly references?: readonly string[];
  /** `core M42 AA`. */
  readonly messages?: readonly string[];
}

const TOGETHER = 1_000;

/** All records that a filter finds, oldest first. */
export function recordsOf(store: Pick<AuditStore, 'list'>, filter: AuditFilter): readonly AuditRecord[] {
  const pages: AuditRecord[][] = [];
  let before: number | undefined;
  for (;;) {
    const page = store.list(filter, TOGETHER, before);
    pages.push([...page]);
    if (page.length < TOGETHER) return pages.flat().toReversed();
    before = page.at(-1)!.sequence;
  }
}

/** What records tell together. @param of what was asked for, in words */
export function reportOf(of: string, records: readonly AuditRecord[]): TrailReport {
  const events = records.map((record) => ({ record, fact: factOf(record) }));
  const facts = events.map(({ fact }) => fact);
  return {
    of,
    ...spanOf(facts),
    patients: grouped(facts, ({ patient }) => (patient === undefined ? undefined : { patient })),
    categories: grouped(facts, ({ kind, action, outcome }) => ({ kind, type: categoryOf(action), outcome })),
    callers: grouped(facts, ({ agent: { subject, client, tokenId, address } }) => ({
      subject,
      ...(client === undefined ? {} : { client }),
      ...(tokenId === undefined ? {} : { tokenId }),
      ...(address === undefined ? {} : { address }),
    })),
    timeline: events.map(({ record, fact }) => entryOf(record.sequence, fact)),
  };
}

function spanOf(facts: readonly AuditFact[]): { readonly events: number } & Partial<Span> {
  const [first] = facts;
  const last = facts.at(-1);
  if (!first || !last) return { events: 0 };
  return { events: facts.length, first: first.recorded, last: last.recorded };
}

/** Facts that have a name in common, the most frequent first. */
function grouped<Name extends object>(
  facts: readonly AuditFact[],
  nameOf: (fact: AuditFact) => Name | undefined,
): (Name & Span)[] {
  const groups = new Map<string, { readonly name: Name; readonly facts: AuditFact[] }>();
  for (const fact of facts) {
    const name = nameOf(fact);
    if (!name) continue;
    const key = JSON.stringify(name);
    const group = groups.get(key) ?? { name, facts: [] };
    group.facts.push(fact);
    groups.set(key, group);
  }
  return [...groups.values()]
    .map(({ name, facts: those }) => ({ ...name, ...(spanOf(those) as Span) }))
    .toSorted((one, other) => other.events - one.events);
}

function entryOf(sequence: number, fact: AuditFact): TimelineEntry {
  const { recorded, kind, action, outcome, agent, requestId, patient, references, exchanges } = fact;
  const messages = exchanges?.map(({ backend, messageId, acknowledgement = '?' }) =>
    [backend, messageId, acknowledgement].join(' '),
  );
  return {
    sequence,
    at: recorded,
    kind,
    action,
    outcome,
    subject: agent.subject,
    requestId,
    ...(patient === undefined ? {} : { patient }),
    ...(references ? { references } : {}),
    ...(messages ? { messages } : {}),
  };
}

/** A report as Markdown, for a privacy officer's file. @param now epoch milliseconds */
export function formatReport(report: TrailReport, now: number): string {
  const { of, events, first = '', last = '', patients, categories, callers, timeline } = report;
  const head = [
    `# Audit trail of ${of}`,
    '',
    events === 0
      ? 'Nothing is recorded of it.'
      : `${events} events about ${patients.length} patients, from ${first} to ${last}.`,
    '',
    `Made ${new Date(now).toISOString()} from the audit trail of this Ficus; reading it is recorded in it.`,
  ];
  if (events === 0) return `${head.join('\n')}\n`;
  return `${[
    ...head,
    ...section(
      'Patients',
      ['patient', 'events', 'first', 'last'],
      patients.map((one) => [`Patient/${one.patient}`, one.events, one.first, one.last]),
    ),
    ...section(
      'Categories',
      ['what', 'data', 'outcome', 'events', 'first', 'last'],
      categories.map((one) => [one.kind, one.type, one.outcome, one.events, one.first, one.last]),
    ),
    ...section(
      'Callers',
      ['subject', 'application', 'token', 'address', 'events', 'first', 'last'],
      callers.map((one) => [
        one.subject,
        one.client,
        one.tokenId,
        one.address,
        one.events,
        one.first,
        one.last,
      ]),
    ),
    ...section(
      'Events',
      ['number', 'time', 'what', 'action', 'outcome', 'patient', 'resources', 'request', 'messages'],
      timeline.map((one) => [
        one.sequence,
        one.at,
        one.kind,
        one.action,
        one.outcome,
        one.patient,
        one.references?.join(', '),
        one.requestId,
        one.messages?.join(', '),
      ]),
    ),
  ].join('\n')}\n`;
}

function section(
  title: string,
  columns: readonly string[],
  rows: readonly (readonly (string | number | undefined)[])[],
): string[] {
  const line = (cells: readonly (string | number | undefined)[]): string =>
    `| ${cells.map((cell) => cellOf(cell)).join(' | ')} |`;
  return ['', `## ${title}`, '', line(columns), line(columns.map(() => '---')), ...rows.map(line)];
}

/** Whatever a client made up stays in its cell. */
function cellOf(cell: string | number | undefined): string {
  return String(cell ?? '')
    .replace(/[\r\n]+/g, ' ')
    .replace(/[|\\`<>[\]]/g, '\\$&');
}
