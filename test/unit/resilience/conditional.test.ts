import { describe, expect, it } from 'vitest';
import { FicusError } from '../../../src/errors.ts';
import { contentVersion } from '../../../src/fhir/version.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import type { Backend, FhirRequest, FhirResponse, RequestContext } from '../../../src/ports.ts';
import { conditional } from '../../../src/resilience/conditional.ts';
import { idempotency } from '../../../src/resilience/idempotency.ts';
import { singleFlight } from '../../../src/resilience/single-flight.ts';
import { versioned } from '../../../src/resilience/versioned.ts';
import { createMemoryIdempotencyStore } from '../../../src/store/memory.ts';
import {
  answer,
  byIdentifier,
  create,
  createContext,
  createFakeClock,
  found,
  outcome,
  patient,
  query,
  read,
  search,
  settled,
  update,
} from './support.ts';

interface Core extends Backend {
  readonly log: string[];
  readonly patients: Map<string, Resource>;
  /** Runs before each request; may throw or wait. */
  before: (request: FhirRequest, context: RequestContext) => Promise<void> | void;
  /** Whether a search finds what was created. */
  searchable: boolean;
}

/** A small core that keeps patients by id and finds them by an `identifier` text. */
function createCore(...patients: Resource[]): Core {
  const core: Core = {
    log: [],
    patients: new Map(patients.map((resource) => [resource.id ?? '', resource])),
    before: () => {},
    searchable: true,
    async handle(request, context) {
      core.log.push(request.interaction);
      await core.before(request, context);
      await settled();
      return handlers[request.interaction]?.(request) ?? unsupported();
    },
  };
  const unsupported = (): never => {
    throw new FicusError('not-implemented', 'this core cannot');
  };
  const handlers: Record<string, (request: FhirRequest) => FhirResponse> = {
    read: ({ id = '' }) => {
      const resource = core.patients.get(id);
      if (!resource) throw new FicusError('not-found', 'no such patient');
      return answer(resource);
    },
    search: ({ query: criteria }) => {
      const wanted = criteria?.filters[0]?.values[0]?.text;
      const matches = [...core.patients.values()].filter(
        (one) => core.searchable && one['identifier'] === wanted,
      );
      return found(...matches);
    },
    create: ({ resource }) => {
      const made: Resource = { ...resource, resourceType: 'Patient', id: `p${core.patients.size + 1}` };
      core.patients.set(made.id ?? '', made);
      return answer(made, 201, { location: `Patient/${made.id}` });
    },
    update: ({ id = '', resource }) => {
      const changed: Resource = { ...resource, resourceType: 'Patient', id };
      core.patients.set(id, changed);
      return answer(changed);
    },
  };
  return core;
}

function setUp(...patients: Resource[]) {
  const clock = createFakeClock();
  const core = createCore(...patients);
  const store = createMemoryIdempotencyStore();
  const layered = idempotency({ store, clock })(
    conditional({ store, clock })(singleFlight()(versioned()(core))),
  );
  return {
    clock,
    core,
    layered,
    ask: (request: FhirRequest) => layered.handle(request, createContext(clock)),
  };
}

const john = patient('p1', { identifier: '7', active: true });
const johnsTwin = patient('p2', { identifier: '7', active: true });
const ifNone = (more: Partial<FhirRequest> = {}) =>
  create({ resource: { resourceType: 'Patient', identifier: '7' }, ifNoneExist: byIdentifier('7'), ...more });

function resourceOf(response: FhirResponse): Resource {
  if (response.body.kind !== 'resource') throw new Error(`a ${response.body.kind} body`);
  return response.body.resource;
}

describe('a create with If-None-Exist', () => {
  it('creates when nothing matches', async () => {
    const { core, ask } = setUp();
    expect(await ask(ifNone())).toMatchObject({ status: 201, headers: { location: 'Patient/p1' } });
    expect(core.log).toEqual(['search', 'create']);
  });

  it('answers 200 with the one that matches', async () => {
    const { core, ask } = setUp(john);
    const version = contentVersion(john);
    expect(await ask(ifNone())).toEqual({
      status: 200,
      headers: { location: 'Patient/p1', etag: `W/"${version}"` },
      body: { kind: 'resource', resource: { ...john, meta: { versionId: version } } },
      servedBy: 'legacy:core',
    });
    expect(core.log).toEqual(['search']);
  });

  it('refuses when several match, on one page or on two', async () => {
    const { ask } = setUp(john, johnsTwin);
    expect(await outcome(ask(ifNone()))).toBe('multiple-matches');
    const paged = setUp();
    paged.core.handle = async ({ query: criteria }) => {
      const page = criteria?.page;
      const set =
        page === undefined
          ? { matches: [john], next: 'a' }
          : page === 'a'
            ? { matches: [], next: 'b' }
            : { matches: [johnsTwin] };
      return { ...found(), body: { kind: 'searchset', set: { included: [], issues: [], ...set } } };
    };
    expect(await outcome(paged.ask(ifNone()))).toBe('multiple-matches');
  });

  it('gives up on criteria that page on without end', async () => {
    const { core, ask } = setUp();
    core.handle = async () => ({
      ...found(),
      body: { kind: 'searchset', set: { matches: [], included: [], issues: [], next: 'more' } },
    });
    expect(await outcome(ask(ifNone()))).toBe('too-costly');
  });

  it.each([
    [query('Patient'), 'parameter-invalid'],
    [
      { ...byIdentifier('7'), ignored: [{ severity: 'warning' as const, code: 'not-supported' }] },
      'parameter-unknown',
    ],
  ])('refuses criteria that do not decide (%#)', async (criteria, code) => {
    const { core, ask } = setUp();
    expect(await outcome(ask(ifNone({ ifNoneExist: criteria })))).toBe(code);
    expect(core.log).toEqual([]);
  });

  it('creates one of eight at once, and all get it, in whatever order the criteria are', async () => {
    const { core, ask } = setUp();
    const criteria = byIdentifier('7');
    const both = { ...criteria, applied: [...criteria.applied, ['active', 'true']] as const };
    const turned = { ...both, applied: both.applied.toReversed() };
    const asked = Array.from({ length: 8 }, (_, n) =>
      ask(ifNone({ ifNoneExist: n % 2 === 0 ? both : turned })),
    );
    const responses = await Promise.all(asked);
    expect(core.log.filter((entry) => entry === 'create')).toHaveLength(1);
    expect(responses.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      200, 200, 200, 200, 200, 200, 200, 201,
    ]);
    expect(new Set(responses.map((response) => resourceOf(response).id))).toEqual(new Set(['p1']));
  });

  it('creates once although the core finds it only later', async () => {
    const { clock, core, ask } = setUp();
    core.searchable = false;
    const responses = [await ask(ifNone()), await ask(ifNone())];
    expect(responses.map(({ status }) => status)).toEqual([201, 200]);
    expect(new Set(responses.map((response) => resourceOf(response).id))).toEqual(new Set(['p1']));
    await clock.advance(120_000);
    core.searchable = true;
    expect(await ask(ifNone())).toMatchObject({ status: 200 });
    expect(core.patients.size).toBe(1);
  });

  it('asks before it sends again what has no known outcome, and waits while the core may still be at it', async () => {
    const { clock, core, ask } = setUp();
    let lost = true;
    core.before = ({ interaction }) => {
      if (interaction === 'create' && lost) throw new FicusError('outcome-unknown', 'no acknowledgement');
    };
    expect(await outcome(ask(ifNone()))).toBe('outcome-unknown');
    expect(await outcome(ask(ifNone()))).toBe('outcome-unknown');
    expect(core.log).toEqual(['search', 'create', 'search']);
    lost = false;
    await clock.advance(120_000);
    expect(await ask(ifNone())).toMatchObject({ status: 201 });
  });

  it('finds what was done although its acknowledgement was lost', async () => {
    const { core, ask } = setUp();
    core.before = ({ interaction }) => {
      if (interaction !== 'create') return;
      core.patients.set('p1', john);
      throw new FicusError('outcome-unknown', 'no acknowledgement');
    };
    expect(await outcome(ask(ifNone({ idempotencyKey: 'k' })))).toBe('outcome-unknown');
    expect(resourceOf(await ask(ifNone({ idempotencyKey: 'k' }))).id).toBe('p1');
    expect(core.log).toEqual(['search', 'create', 'search']);
  });

  it('in doubt is handed on as doubtful when no search finds it; another of the same criteria waits', async () => {
    const { core, ask } = setUp();
    const attempts: FhirRequest['attempt'][] = [];
    let lost = true;
    core.before = ({ interaction, attempt }) => {
      if (interaction !== 'create') return;
      attempts.push(attempt);
      if (lost) throw new FicusError('outcome-unknown', 'no acknowledgement');
    };
    expect(await outcome(ask(ifNone({ idempotencyKey: 'k' })))).toBe('outcome-unknown');
    expect(await outcome(ask(ifNone({ idempotencyKey: 'other' })))).toBe('outcome-unknown');
    expect(attempts).toHaveLength(1);
    lost = false;
    expect(await ask(ifNone({ idempotencyKey: 'k' }))).toMatchObject({ status: 201 });
    expect(attempts).toEqual([attempts[0], { ...attempts[0], doubtful: 'ask-then-send' }]);
    expect(core.patients.size).toBe(1);
  });

  it('may be repeated with its key when only the question before it failed', async () => {
    const { core, ask } = setUp();
    for (const code of ['timeout', 'legacy-malformed'] as const) {
      core.before = () => {
        throw new FicusError(code, 'the search failed');
      };
      expect(await outcome(ask(ifNone({ idempotencyKey: 'k' })))).toBe(code);
    }
    core.before = () => {};
    expect(await ask(ifNone({ idempotencyKey: 'k' }))).toMatchObject({ status: 201 });
  });

  it('does not keep a refusal: another body may do better', async () => {
    const { core, ask } = setUp();
    core.before = ({ interaction }) => {
      if (interaction === 'create') throw new FicusError('value-required', 'a name is required');
    };
    expect(await outcome(ask(ifNone()))).toBe('value-required');
    core.before = () => {};
    expect(await ask(ifNone())).toMatchObject({ status: 201 });
  });
});

describe('an update', () => {
  const version = contentVersion(john);

  it('with the current If-Match is done, and its answer has a new version', async () => {
    const { core, ask } = setUp(john);
    const response = await ask(update('p1', { ifMatch: version }));
    expect(core.log).toEqual(['read', 'update']);
    const etag = response.headers['etag'];
    expect(etag).toMatch(/^W\/"[0-9a-f]{16}"$/);
    expect(etag).not.toBe(`W/"${version}"`);
    expect(resourceOf(response)['meta']).toEqual({ versionId: etag?.slice(3, -1) });
  });

  it.each([
    ['p1', 'an-older-version'],
    ['nobody', '*'],
    ['nobody', version],
  ])('of %s with If-Match %s conflicts and nothing is sent', async (id, ifMatch) => {
    const { core, ask } = setUp(john);
    expect(await outcome(ask(update(id, { ifMatch })))).toBe('version-conflict');
    expect(core.log).toEqual(['read']);
  });

  it('wins once when eight hold the same version, a hot read notwithstanding', async () => {
    const { core, ask } = setUp(john);
    const reads = ask(read('p1'));
    const updates = Array.from({ length: 8 }, (_, n) =>
      outcome(ask(update('p1', { ifMatch: version, resource: { ...john, gender: `g${n}` } }))),
    );
    const endings = await Promise.all(updates);
    await reads;
    expect(endings.filter((ending) => ending === 'answered')).toHaveLength(1);
    expect(endings.filter((ending) => ending === 'version-conflict')).toHaveLength(7);
    expect(core.patients.get('p1')?.['gender']).toBe('g0');
  });

  it('in doubt is only asked after when the version is another one now, and may be sent when it is not', async () => {
    const { core, ask } = setUp(john);
    const doubts: unknown[] = [];
    core.before = ({ interaction, attempt }) => {
      if (interaction !== 'update') return;
      doubts.push(attempt?.doubtful);
      throw new FicusError('outcome-unknown', 'no acknowledgement');
    };
    const request = update('p1', { ifMatch: version, idempotencyKey: 'k' });
    expect(await outcome(ask(request))).toBe('outcome-unknown');
    expect(await outcome(ask(request))).toBe('outcome-unknown');
    core.patients.set('p1', { ...john, gender: 'other' });
    expect(await outcome(ask(request))).toBe('outcome-unknown');
    expect(doubts).toEqual([undefined, 'ask-then-send', 'ask-only']);
    core.patients.delete('p1');
    expect(await outcome(ask(request))).toBe('version-conflict');
  });

  it('may be repeated with its key when only the read before it failed', async () => {
    const { core, ask } = setUp(john);
    const request = update('p1', { ifMatch: version, idempotencyKey: 'k' });
    core.before = () => {
      throw new FicusError('legacy-malformed', 'garbage');
    };
    expect(await outcome(ask(request))).toBe('legacy-malformed');
    core.before = () => {};
    expect(await outcome(ask(request))).toBe('answered');
  });

  it('by criteria updates the one match', async () => {
    const { core, ask } = setUp(john);
    const { id: _none, ...byCriteria } = update('x', {
      query: byIdentifier('7'),
      resource: { resourceType: 'Patient', active: false },
    });
    expect(resourceOf(await ask(byCriteria)).id).toBe('p1');
    expect(core.patients.get('p1')).toEqual({ resourceType: 'Patient', active: false, id: 'p1' });
  });

  it.each([
    ['creates when nothing matches', [], undefined, ['search', 'create'], 'answered'],
    ['updates the id of the body when nothing matches', [], 'p9', ['search', 'update'], 'answered'],
    ['refuses the id of the body when another matches', [john], 'p9', ['search'], 'invalid'],
    ['refuses when several match', [john, johnsTwin], undefined, ['search'], 'multiple-matches'],
  ])('by criteria %s', async (_words, patients, id, log, ending) => {
    const { core, ask } = setUp(...patients);
    const resource: Resource = { resourceType: 'Patient', ...(id === undefined ? {} : { id }) };
    const { id: _none, ...byCriteria } = update('x', { query: byIdentifier('7'), resource });
    expect(await outcome(ask(byCriteria))).toBe(ending);
    expect(core.log).toEqual(log);
  });

  it('leaves the queue of its resource at its deadline, unsent', async () => {
    const { clock, core, layered } = setUp(john);
    core.before = () => new Promise(() => {});
    void layered.handle(update('p1'), createContext(clock));
    const waiting = createContext(clock);
    const left = outcome(layered.handle(update('p1'), waiting));
    await settled();
    waiting.abort();
    expect(await left).toBe('unavailable');
    expect(core.log).toEqual(['update']);
  });
});

describe('a read', () => {
  const version = contentVersion(john);

  it('has a version made from content, the same in meta and ETag, read or searched', async () => {
    const { ask } = setUp(john);
    const response = await ask(read('p1'));
    expect(response.headers['etag']).toBe(`W/"${version}"`);
    expect(resourceOf(response)['meta']).toEqual({ versionId: version });
    const listed = await ask(search(byIdentifier('7')));
    expect(listed.body).toMatchObject({ set: { matches: [{ id: 'p1', meta: { versionId: version } }] } });
  });

  it('keeps the version of a backend that has one', async () => {
    const { ask } = setUp({ ...john, meta: { versionId: '12', lastUpdated: '2026-01-01T00:00:00Z' } });
    const response = await ask(read('p1'));
    expect(response.headers['etag']).toBe('W/"12"');
    expect(resourceOf(response)['meta']).toEqual({ versionId: '12', lastUpdated: '2026-01-01T00:00:00Z' });
  });

  it('with the current If-None-Match is 304 without a body, else the resource', async () => {
    const { ask } = setUp(john);
    expect(await ask(read('p1', { ifNoneMatch: version }))).toEqual({
      status: 304,
      headers: { etag: `W/"${version}"` },
      body: { kind: 'none' },
      servedBy: 'legacy:core',
    });
    expect(await ask(read('p1', { ifNoneMatch: 'older' }))).toMatchObject({
      status: 200,
      body: { kind: 'resource' },
    });
  });

  it('is one flight with and without If-None-Match', async () => {
    const { core, ask } = setUp(john);
    const responses = await Promise.all([ask(read('p1')), ask(read('p1', { ifNoneMatch: version }))]);
    expect(responses.map(({ status }) => status)).toEqual([200, 304]);
    expect(core.log).toEqual(['read']);
  });

  it('of a version is honest: the current one, or not found', async () => {
    const { ask } = setUp(john);
    expect(resourceOf(await ask(read('p1', { interaction: 'vread', versionId: version }))).id).toBe('p1');
    expect(await outcome(ask(read('p1', { interaction: 'vread', versionId: 'older' })))).toBe('not-found');
  });
});
