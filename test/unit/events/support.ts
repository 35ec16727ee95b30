import { openWrites } from '../../../src/events/writes.ts';
import type { Writes, WritesOptions } from '../../../src/events/writes.ts';
import { FicusError } from '../../../src/errors.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import type { Backend, FhirRequest, FhirResponse, Side } from '../../../src/ports.ts';
import { openWriteStores } from '../../support/write-stores.ts';
import type { WriteStores } from '../../support/write-stores.ts';
import { routeOf } from '../../support/two-sides.ts';
import { createContext, createFakeClock, createTestLogger } from '../resilience/support.ts';
import type { FakeClock } from '../resilience/support.ts';

/** A side in memory: what it holds, what it was asked, and how it may fail. */
export interface FakeSide extends Backend {
  readonly held: Map<string, Resource>;
  readonly asked: FhirRequest[];
  /** Called before each request is carried out; may throw, wait, or answer instead. */
  before: (request: FhirRequest) => FhirResponse | undefined | Promise<FhirResponse | undefined>;
  /** Called after a write was carried out, before its answer. */
  after: (request: FhirRequest) => void;
}

export const notFound = () => new FicusError('not-found', 'There is none.');

/** Numbers its creates, finds them again by their write id, and takes upserts if it is modern. */
export function createFakeSide(side: Side): FakeSide {
  const held = new Map<string, Resource>();
  const byWrite = new Map<string, string>();
  let numbered = 0;
  const answer = (status: number, resource: Resource): FhirResponse => ({
    status,
    headers: {},
    body: { kind: 'resource', resource },
    servedBy: `${side}:fake`,
  });
  const fake: FakeSide = {
    held,
    asked: [],
    before: () => undefined,
    after: () => {},
    async handle(request) {
      fake.asked.push(request);
      const instead = await fake.before(request);
      if (instead) return instead;
      const { interaction, attempt, id = '' } = request;
      if (interaction === 'read') {
        const found = held.get(id);
        if (found) return answer(200, found);
        if (side === 'legacy') throw notFound();
        return { status: 404, headers: {}, body: { kind: 'none' }, servedBy: 'modern:fake' };
      }
      if (interaction === 'update') {
        if (side === 'legacy' && !held.has(id)) throw notFound();
        const status = held.has(id) ? 200 : 201;
        held.set(id, { ...request.resource!, id });
        fake.after(request);
        return answer(status, held.get(id)!);
      }
      const made = attempt && byWrite.get(attempt.writeId);
      if (made !== undefined && attempt?.doubtful) return answer(201, held.get(made)!);
      if (attempt?.doubtful === 'ask-only') throw notFound();
      numbered += 1;
      const key = `L${numbered}`;
      held.set(key, { ...request.resource!, id: key });
      if (attempt) byWrite.set(attempt.writeId, key);
      fake.after(request);
      return answer(201, held.get(key)!);
    },
  };
  return fake;
}

export interface Scene {
  readonly writes: Writes;
  readonly stores: WriteStores;
  readonly clock: FakeClock;
  readonly legacy: FakeSide;
  readonly modern: FakeSide;
  readonly log: ReturnType<typeof createTestLogger>;
  readonly write: (side: Side, request?: Partial<FhirRequest>) => Promise<FhirResponse>;
  /** Another process over the same stores. */
  readonly again: () => Promise<Scene>;
}

export async function openScene(options: Partial<WritesOptions> = {}, before?: Scene): Promise<Scene> {
  const clock = before?.clock ?? createFakeClock();
  const stores = before?.stores ?? openWriteStores();
  const legacy = before?.legacy ?? createFakeSide('legacy');
  const modern = before?.modern ?? createFakeSide('modern');
  const log = before?.log ?? createTestLogger();
  const writes = await openWrites({
    store: stores.outbox,
    idempotency: stores.idempotency,
    backends: new Map<string, Backend>([
      ['clinical', translated(legacy, stores)],
      ['bookings', modern],
    ]),
    sides: () => ({ legacy: 'clinical', modern: 'bookings' }),
    // In legacy an id is its own key, unless one was assigned.
    keyOf: async (type, id) => (legacy.held.has(id) ? id : stores.crosswalk.assignedKey(type, id)),
    ownerOf: (endpoint) => (endpoint === 'Appointment.create' ? 'bookings team' : undefined),
    clock,
    log,
    concurrency: 4,
    attempts: 3,
    firstRetryMs: 100,
    maxRetryMs: 1_000,
    settleMs: 5_000,
    random: () => 0.5,
    ...options,
  });
  const scene: Scene = {
    writes,
    stores,
    clock,
    legacy,
    modern,
    log,
    write: (side, request = {}) => {
      const interaction = request.interaction === 'update' ? 'update' : 'create';
      const whole: FhirRequest = {
        interaction,
        type: 'Appointment',
        handling: 'lenient',
        resource: appointment('p-1'),
        ...request,
      };
      return writes.writer.write(whole, createContext(clock), routeOf(interaction), side);
    },
    again: () => openScene(options, scene),
  };
  return scene;
}

/** As the identity Layer does it: an id that was assigned stands for its key, in both directions. */
function translated(legacy: Backend, { crosswalk }: WriteStores): Backend {
  return {
    async handle(request, context) {
      const { id, type } = request;
      const key = id === undefined ? undefined : (crosswalk.assignedKey(type, id) ?? id);
      const response = await legacy.handle(
        { ...request, ...(key === undefined ? {} : { id: key }) },
        context,
      );
      if (response.body.kind !== 'resource') return response;
      const { resource } = response.body;
      const assigned = crosswalk.assignedId(type, resource.id ?? '');
      return assigned === undefined
        ? response
        : { ...response, body: { kind: 'resource', resource: { ...resource, id: assigned } } };
    },
  };
}

export function appointment(patient: string, comment = 'first'): Resource {
  return {
    resourceType: 'Appointment',
    status: 'booked',
    comment,
    participant: [{ actor: { reference: `Patient/${patient}` }, status: 'accepted' }],
  };
}

export function resourceOf({ body }: FhirResponse): Resource {
  if (body.kind !== 'resource') throw new Error(`a ${body.kind} body`);
  return body.resource;
}
