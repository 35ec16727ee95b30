import { FicusError } from '../../../src/errors.ts';
import type { ErrorCode } from '../../../src/errors.ts';
import type { SearchFilter, SearchQuery } from '../../../src/fhir/search-query.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import type {
  Backend,
  Clock,
  FhirRequest,
  FhirResponse,
  LogFields,
  Logger,
  RequestContext,
} from '../../../src/ports.ts';

export interface FakeClock extends Clock {
  /** Lets time pass; timers fire in order, and what they set off runs before the next one. */
  advance(ms: number): Promise<void>;
  /** Timers that are still waiting. */
  readonly pending: number;
}

/** Everything that is ready to run now, runs. */
export const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

export function createFakeClock(start = 1_000_000): FakeClock {
  let now = start;
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>();
  return {
    now: () => now,
    after(ms, callback) {
      const timer = { at: now + ms, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(ms) {
      const end = now + ms;
      await settled();
      for (;;) {
        const [next] = [...timers].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at);
        if (!next) break;
        timers.delete(next);
        now = Math.max(now, next.at);
        next.callback();
        await settled();
      }
      now = end;
    },
    get pending() {
      return timers.size;
    },
  };
}

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields;
}

export function createTestLogger(lines: LogLine[] = []): Logger & { readonly lines: LogLine[] } {
  const at =
    (level: string) =>
    (message: string, fields: LogFields = {}) =>
      void lines.push({ level, message, fields });
  const logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), lines };
  return { ...logger, child: () => createTestLogger(lines) };
}

export interface TestContext extends RequestContext {
  /** As when the client goes away. */
  abort(): void;
}

export function createContext(
  clock: Clock,
  options: { readonly principal?: string; readonly within?: number; readonly log?: Logger } = {},
): TestContext {
  const controller = new AbortController();
  return {
    requestId: 'r1',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    principal: { key: options.principal ?? 'anonymous' },
    signal: controller.signal,
    deadline: clock.now() + (options.within ?? 10_000),
    log: options.log ?? createTestLogger(),
    timing: () => {},
    abort: () => controller.abort(),
  };
}

export const read = (id = '1', more: Partial<FhirRequest> = {}): FhirRequest => ({
  interaction: 'read',
  type: 'Patient',
  id,
  handling: 'lenient',
  ...more,
});

export const create = (more: Partial<FhirRequest> = {}): FhirRequest => ({
  interaction: 'create',
  type: 'Patient',
  resource: { resourceType: 'Patient', active: true },
  handling: 'lenient',
  ...more,
});

export const update = (id = '1', more: Partial<FhirRequest> = {}): FhirRequest => ({
  interaction: 'update',
  type: 'Patient',
  id,
  resource: { resourceType: 'Patient', id, active: true },
  handling: 'lenient',
  ...more,
});

export const query = (type: string, ...filters: SearchFilter[]): SearchQuery => ({
  type,
  filters,
  sort: [],
  include: [],
  applied: filters.map(
    (filter) => [filter.name, filter.values.map((value) => value.text).join(',')] as const,
  ),
  ignored: [],
});

/** `identifier=text`. */
export const byIdentifier = (code: string, type = 'Patient'): SearchQuery =>
  query(type, { name: 'identifier', type: 'token', values: [{ text: code, code }] });

export const search = (criteria: SearchQuery, more: Partial<FhirRequest> = {}): FhirRequest => ({
  interaction: 'search',
  type: criteria.type,
  query: criteria,
  handling: 'lenient',
  ...more,
});

export const answer = (
  resource: Resource,
  status = 200,
  headers: Record<string, string> = {},
): FhirResponse => ({
  status,
  headers,
  body: { kind: 'resource', resource },
  servedBy: 'legacy:core',
});

export const found = (...matches: Resource[]): FhirResponse => ({
  status: 200,
  headers: {},
  body: { kind: 'searchset', set: { matches, included: [], issues: [] } },
  servedBy: 'legacy:core',
});

export const patient = (id: string, more: Record<string, string | boolean> = {}): Resource => ({
  resourceType: 'Patient',
  id,
  ...more,
});

/** A backend whose answers a test gives by hand, one call at a time. */
export interface ManualBackend extends Backend {
  readonly calls: {
    readonly request: FhirRequest;
    readonly context: RequestContext;
    readonly answer: (response: FhirResponse) => void;
    readonly fail: (error: unknown) => void;
  }[];
}

export function createManualBackend(): ManualBackend {
  const calls: ManualBackend['calls'] = [];
  return {
    calls,
    handle: (request, context) =>
      new Promise((resolve, reject) => {
        calls.push({ request, context, answer: resolve, fail: reject });
      }),
  };
}

/** The code a promise fails with; `answered` when it does not. */
export async function outcome(
  promise: Promise<unknown>,
): Promise<ErrorCode | 'answered' | 'not a FicusError'> {
  try {
    await promise;
    return 'answered';
  } catch (error) {
    return error instanceof FicusError ? error.code : 'not a FicusError';
  }
}
