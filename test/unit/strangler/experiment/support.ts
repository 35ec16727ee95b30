import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Writable } from 'node:stream';
import type { SearchQuery } from '../../../../src/fhir/search-query.ts';
import type { Json, Resource } from '../../../../src/fhir/types.ts';
import type {
  Answered,
  CallSeen,
  Comparison,
  Difference,
  EvidenceSink,
  Severity,
  Skipped,
} from '../../../../src/migration-ports.ts';
import type { Backend, FhirRequest, FhirResponse, RequestContext, Route } from '../../../../src/ports.ts';
import type { ComparableAnswer } from '../../../../src/strangler/compare/answer.ts';
import { createExperiment } from '../../../../src/strangler/experiment/experiment.ts';
import type { ExperimentOptions } from '../../../../src/strangler/experiment/experiment.ts';
import { answer, createFakeClock, createTestLogger, read } from '../../resilience/support.ts';
import type { FakeClock, LogLine } from '../../resilience/support.ts';

export const KEY = new Uint8Array(32).fill(7);

export interface Evidence extends EvidenceSink {
  readonly calls: CallSeen[];
  readonly comparisons: Comparison[];
  readonly skips: Skipped[];
}

/** Everything that was told to the evidence. */
export function createEvidence(): Evidence {
  const evidence = {
    calls: [] as CallSeen[],
    comparisons: [] as Comparison[],
    skips: [] as Skipped[],
    call: (seen: CallSeen) => void evidence.calls.push(seen),
    compared: (seen: Comparison) => void evidence.comparisons.push(seen),
    writing: () => {},
    skipped: (_endpoint: string, _run: number, why: Skipped) => void evidence.skips.push(why),
  };
  return evidence;
}

export const route = (more: Partial<Route> = {}): Route => ({
  endpoint: 'Patient.read',
  stage: 'shadow',
  legacy: 'core',
  modern: 'new',
  body: 'validated',
  owners: { technical: 'tess', clinical: 'clara' },
  since: '2026-03-01T08:00:00.000Z',
  run: 3,
  version: 3,
  updatedAt: '2026-03-01T08:00:00.000Z',
  updatedBy: 'ana',
  reason: '',
  ...more,
});

const SEVERITY: Readonly<Record<string, Severity>> = { status: 'critical', display: 'minor' };

/** A comparison by top-level members, plain enough to see through. */
export function compareMembers(legacy: ComparableAnswer, modern: ComparableAnswer): Difference[] {
  const [one, other] = [membersOf(legacy), membersOf(modern)];
  return [...new Set([...Object.keys(one), ...Object.keys(other)])]
    .filter((name) => JSON.stringify(one[name]) !== JSON.stringify(other[name]))
    .map((name) => ({
      path: name,
      kind: 'changed' as const,
      severity: SEVERITY[name] ?? 'major',
      signature: `changed ${name}`,
    }));
}

function membersOf(it: ComparableAnswer): Record<string, unknown> {
  if (it.kind === 'resource') return it.resource;
  if (it.kind !== 'set') return { ...it };
  return { entries: it.matches.map((match) => `${match.resourceType}/${match.id}`), included: it.included };
}

/** A modern answer: bytes that nobody has read. */
export function piped(content: Json | Uint8Array, status = 200): FhirResponse & { discarded: boolean } {
  const bytes = content instanceof Uint8Array ? content : Buffer.from(JSON.stringify(content));
  const response = {
    status,
    headers: { 'content-type': 'application/fhir+json' },
    servedBy: 'modern:new',
    discarded: false,
    body: {
      kind: 'pipe' as const,
      pipe: (sink: Writable) => pipeline(Readable.from([bytes]), sink),
      discard: () => {
        response.discarded = true;
      },
    },
  };
  return response;
}

export type Script = (
  request: FhirRequest,
  context: RequestContext,
  nth: number,
) => FhirResponse | Promise<FhirResponse>;

/** A backend that remembers what it was asked. */
export interface ScriptedBackend extends Backend {
  readonly asked: { readonly request: FhirRequest; readonly context: RequestContext }[];
}

export function scripted(script: Script): ScriptedBackend {
  const asked: ScriptedBackend['asked'] = [];
  return {
    asked,
    async handle(request, context) {
      asked.push({ request, context });
      return script(request, context, asked.length);
    },
  };
}

/** Never answers, and notices when it is given up. */
export const hung: Script = (_request, { signal }) =>
  new Promise((_resolve, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
  );

export const person = (more: Record<string, string> = {}): Resource => ({
  resourceType: 'Patient',
  id: 'p1',
  ...more,
});

export interface Rig {
  readonly clock: FakeClock;
  readonly evidence: Evidence;
  readonly legacy: ScriptedBackend;
  readonly modern: ScriptedBackend;
  readonly log: { readonly lines: LogLine[] };
  readonly experiment: ReturnType<typeof createExperiment>;
  /** Tells the experiment of an answer of legacy. */
  readonly tell: (more?: Partial<Answered>) => void;
  /** Lets everything end, by the clock. */
  readonly end: (ms?: number) => Promise<void>;
}

export const parseNothing = (type: string, pairs: SearchQuery['applied']): SearchQuery => ({
  type,
  filters: [],
  sort: [],
  include: [],
  applied: pairs,
  ignored: [],
});

/** An experiment between two scripted backends, on a clock that tests turn. */
export function rig(
  scripts: { readonly legacy?: Script; readonly modern?: Script } = {},
  more: Partial<Omit<ExperimentOptions, 'limits'>> & { limits?: Partial<ExperimentOptions['limits']> } = {},
): Rig {
  const clock = createFakeClock();
  const evidence = createEvidence();
  const log = createTestLogger();
  const legacy = scripted(scripts.legacy ?? (() => answer(person())));
  const modern = scripted(scripts.modern ?? (() => piped(person())));
  const experiment = createExperiment({
    backends: new Map([
      ['core', legacy],
      ['new', modern],
    ]),
    evidence,
    compare: compareMembers,
    rules: { forEndpoint: () => [] },
    parse: parseNothing,
    key: KEY,
    clock,
    log,
    random: () => 0.5,
    ...more,
    limits: {
      share: 1,
      concurrency: 2,
      perSecond: 100,
      deadlineMs: 5_000,
      maxBytes: 10_000,
      rereadMs: 2_000,
      rereadsPerSecond: 100,
      ...more.limits,
    },
  });
  return {
    clock,
    evidence,
    legacy,
    modern,
    log,
    experiment,
    tell: (answered = {}) =>
      experiment.answered({
        route: route(),
        request: read('p1'),
        principal: { key: 'ana' },
        requestId: 'r1',
        side: 'legacy',
        outcome: { response: answer(person()) },
        shape: 'read',
        ...answered,
      }),
    async end(ms = 60_000) {
      // Steps, so that what streams need between two timers gets done.
      for (let at = 0; at < ms; at += 500) await clock.advance(500);
    },
  };
}
