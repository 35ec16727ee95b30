import { systemClock } from '../../../../../src/clock.ts';
import { createCopy } from '../../../../../src/events/feed/copy/copy.ts';
import type { Copy, CopyOptions } from '../../../../../src/events/feed/copy/copy.ts';
import type { ProjectionEvent, ProjectionLog } from '../../../../../src/projection-ports.ts';
import type { Resource } from '../../../../../src/fhir/types.ts';
import type { FollowerStore } from '../../../../../src/follower-ports.ts';
import { createLogger } from '../../../../../src/log.ts';
import type { Backend } from '../../../../../src/ports.ts';
import { openFollowerStore } from '../../../../../src/store/followers.ts';

/** What a projection told, in memory. */
export interface Told {
  readonly log: Pick<ProjectionLog, 'events' | 'last'>;
  /** A new version of a resource, of a patient. */
  change(name: string, patient: string, content?: object): void;
  current(type: string, id: string): { readonly resource: Resource; readonly version: number } | undefined;
  resources(): ReadonlyMap<string, { readonly resource: Resource; readonly version: number }>;
}

export function createTold(): Told {
  const all: ProjectionEvent[] = [];
  const resources = new Map<string, { resource: Resource; version: number }>();
  return {
    log: {
      events: (after, limit) => all.slice(after, after + limit),
      last: () => all.length,
    },
    change(name, patient, content = {}) {
      const [type = '', id = ''] = name.split('/');
      const version = (resources.get(name)?.version ?? 0) + 1;
      const meta = { versionId: String(version) };
      resources.set(name, { resource: { resourceType: type, id, meta, version, ...content }, version });
      all.push({ number: all.length + 1, kind: 'changed', type, id, version, patient, at: 0, message: 1 });
    },
    current: (type, id) => resources.get(`${type}/${id}`),
    resources: () => resources,
  };
}

/** A FHIR server in memory, and what it was sent, in order. */
export interface Service {
  readonly backend: Backend;
  /** `Type/id` and the content's version. */
  readonly received: string[];
  readonly held: Map<string, Resource>;
  /** Requests that were under way at once, at most. */
  readonly most: () => number;
  /** The status of the answer; 200 unless it says otherwise. Nothing is kept above 299. */
  answer: (name: string, resource: Resource) => number;
  /** Called before each answer. */
  before: (name: string) => Promise<void> | void;
}

export function createService(): Service {
  let running = 0;
  let most = 0;
  const service: Service = {
    received: [],
    held: new Map(),
    most: () => most,
    answer: () => 200,
    before: () => {},
    backend: {
      async handle({ type, id, resource }) {
        const name = `${type}/${id}`;
        if (!resource) throw new Error('nothing was sent');
        running += 1;
        most = Math.max(most, running);
        try {
          await service.before(name);
          service.received.push(`${name} v${JSON.stringify(resource['version'])}`);
          const status = service.answer(name, resource);
          if (status < 300) service.held.set(name, resource);
          return { status, headers: {}, body: { kind: 'none' }, servedBy: 'modern:test' };
        } finally {
          running -= 1;
        }
      },
    },
  };
  return service;
}

/** A copy over both, with short pauses. */
export function copyOf(
  told: Told,
  service: Service,
  store: FollowerStore = openFollowerStore(':memory:'),
  options: Partial<CopyOptions> = {},
): Copy {
  return createCopy({
    name: 'modern',
    types: ['Patient', 'Observation', 'DiagnosticReport'],
    owner: 'laboratory',
    events: told.log,
    current: (type, id) => told.current(type, id),
    mayCopy: async () => 'send',
    store,
    target: service.backend,
    clock: systemClock,
    log: createLogger({ level: 'silent' }),
    concurrency: 4,
    attempts: 4,
    firstRetryMs: 1,
    maxRetryMs: 8,
    ...options,
  });
}

/** Resolves when a condition holds. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Whether everything that was told is done with. */
export const isDone =
  (copy: Copy): (() => boolean) =>
  () => {
    const { position, last, waiting } = copy.status();
    return position === last && waiting === 0;
  };
