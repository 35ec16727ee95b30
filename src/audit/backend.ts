import type { AuditFilter, AuditRecord, AuditStore } from '../audit-ports.ts';
import { FicusError } from '../errors.ts';
import type { SearchFilter, SearchValue, SortKey } from '../fhir/search-query.ts';
import type { Endpoint, Resource } from '../fhir/types.ts';
import type { Backend, FhirRequest, RequestContext } from '../ports.ts';
import { createSourceBackend } from '../search/backend.ts';
import type { SourceBackendOptions } from '../search/backend.ts';
import { parseTimeRange } from '../search/dates.ts';
import type { LegacySource, NativeFilter, SourceSearch } from '../search/source.ts';
import type { TimeZone } from '../search/time-zone.ts';
import { auditEvent, tokenIdOf } from './audit-event.ts';
import type { AuditSource } from './audit-event.ts';
import { kindsOf } from './codes.ts';

/** The role that may read the trail (docs/audit.md). */
const ROLE = 'privacy-officer';

export interface AuditBackendOptions extends SourceBackendOptions {
  readonly store: AuditStore;
  readonly source: AuditSource;
}

const SERVED_BY = 'ficus';
const MOST_ON_PAGE = 100;

export const AUDIT_ENDPOINTS: readonly Endpoint[] = ['AuditEvent.read', 'AuditEvent.search'];

/**
 * The trail as FHIR AuditEvents: read, and search newest first (IHE ITI-81 without its own parameters). Only who has
 * the role of a privacy officer is answered, whatever their scopes. @throws FicusError `forbidden`
 */
export function createAuditBackend(options: AuditBackendOptions): Backend {
  const { store, source } = options;
  const trail = createSourceBackend(createTrailSource(store, source, options.zone), options);
  return {
    async handle(request, context) {
      refuseOthers(context);
      const response = await trail.handle(newestFirst(request), context);
      return { ...response, servedBy: SERVED_BY };
    },
  };
}

function refuseOthers({ principal }: RequestContext): void {
  if (principal.access?.roles.includes(ROLE)) return;
  throw new FicusError('forbidden', `Only who has the role ${ROLE} may read the audit trail.`);
}

const NEWEST_FIRST: readonly SortKey[] = [{ name: 'date', descending: true }];

/**
 * Newest first without being asked: the order that the trail gives anyhow, made only where everything is gathered to be
 * counted.
 */
function newestFirst(request: FhirRequest): FhirRequest {
  const { query } = request;
  const [key, ...more] = query?.sort ?? [];
  const isOwn = !key || (key.descending && (key.name === 'date' || key.name === '_lastUpdated'));
  if (!query || !isOwn || more.length > 0) return request;
  return { ...request, query: { ...query, sort: query.total === 'accurate' ? NEWEST_FIRST : [] } };
}

const native = (
  prefixes: NativeFilter['prefixes'] = [],
  modifiers: readonly string[] = [''],
): NativeFilter => ({
  match: 'wider',
  modifiers,
  prefixes,
  or: false,
  repeat: true,
});
const DATE = native(['eq', 'gt', 'lt', 'ge', 'le', 'sa', 'eb']);

const SEARCH: SourceSearch = {
  filters: {
    patient: native(),
    entity: native([], ['', 'identifier']),
    agent: native(),
    policy: native(),
    date: DATE,
    _lastUpdated: DATE,
    action: native(),
    outcome: native(),
    type: native(),
    subtype: native(),
  },
  anchors: [[]],
  maxPage: MOST_ON_PAGE,
};

function createTrailSource(store: AuditStore, source: AuditSource, zone: TimeZone): LegacySource {
  const resourceOf = (record: AuditRecord): Resource => auditEvent(record, source);
  const refuse = (): Promise<never> =>
    Promise.reject(new FicusError('method-not-allowed', 'The audit trail is written by what happens.'));
  return {
    name: SERVED_BY,
    endpoints: AUDIT_ENDPOINTS,
    searchOf: () => SEARCH,
    read: async (_type, id) => {
      const record = /^[1-9]\d{0,14}$/.test(id) ? store.find(Number(id)) : undefined;
      if (!record) throw new FicusError('not-found', 'There is no AuditEvent with this id.');
      return resourceOf(record);
    },
    search: async (_type, filters, { count, cursor }) => {
      const wanted = filters.reduce<AuditFilter>((all, one) => narrowed(all, one, zone), {});
      const before = cursor === undefined ? undefined : Number(cursor);
      const records = store.list(wanted, count + 1, before);
      const page = records.slice(0, count);
      const last = page.at(-1);
      const more = records.length > count && last ? { next: String(last.sequence) } : {};
      return { resources: page.map(resourceOf), ...more };
    },
    create: refuse,
    update: refuse,
    abandon: () => {},
  };
}

/** A filter with one more of the search in it; what cannot narrow it is left to the check that follows. */
function narrowed(
  filter: AuditFilter,
  { name, modifier, values }: SearchFilter,
  zone: TimeZone,
): AuditFilter {
  const [value] = values;
  if (!value || values.length > 1) return filter;
  if (name === 'date' || name === '_lastUpdated') return within(filter, value, zone);
  return { ...filter, ...narrowing(name, modifier, value) };
}

const NANOSECONDS = 1_000_000n;

/** The time that can hold what is asked for, at least. */
function within(filter: AuditFilter, { text, prefix = 'eq' }: SearchValue, zone: TimeZone): AuditFilter {
  const range = parseTimeRange(text, zone);
  if (!range) return filter;
  const [low, high] = [Number(range.low / NANOSECONDS), Number(range.high / NANOSECONDS)];
  const { from = 0, to = Number.MAX_SAFE_INTEGER } = filter;
  const begins = ['eq', 'gt', 'ge', 'sa'].includes(prefix) ? { from: Math.max(from, low) } : {};
  const ends = ['eq', 'lt', 'le', 'eb'].includes(prefix) ? { to: Math.min(to, high) } : {};
  return { ...filter, ...begins, ...ends };
}

function narrowing(name: string, modifier: string | undefined, value: SearchValue): AuditFilter {
  const { code, refType, refId, text } = value;
  switch (name) {
    case 'patient':
      return refId === undefined ? {} : { patient: refId };
    case 'entity':
      if (modifier === 'identifier') return code === undefined ? {} : { identifier: code };
      return refType === undefined || refId === undefined ? {} : { name: `${refType}/${refId}` };
    case 'agent':
      return refType === undefined || refId === undefined ? {} : { fhirUser: `${refType}/${refId}` };
    case 'policy': {
      const tokenId = tokenIdOf(text);
      return tokenId === undefined ? {} : { tokenId };
    }
    case 'action':
      return isAction(code) ? { action: code } : {};
    case 'outcome':
      return code === '0' || code === '4' || code === '8' ? { outcome: code } : {};
    case 'type':
    case 'subtype': {
      const kinds = code === undefined ? undefined : kindsOf(code);
      return kinds ? { kinds } : {};
    }
    default:
      return {};
  }
}

function isAction(code: string | undefined): code is NonNullable<AuditFilter['action']> {
  return code !== undefined && /^[CRUDE]$/.test(code);
}
