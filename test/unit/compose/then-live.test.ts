import { describe, expect, it } from 'vitest';
import { thenLive } from '../../../src/compose/feed/then-live.ts';
import { FicusError } from '../../../src/errors.ts';
import type { ErrorCode } from '../../../src/errors.ts';
import type { Backend, FhirRequest, FhirResponse, RequestContext } from '../../../src/ports.ts';

const read: FhirRequest = { interaction: 'read', type: 'Patient', id: 'a', handling: 'lenient' };
const search: FhirRequest = { interaction: 'search', type: 'Patient', handling: 'lenient' };
const context = {} as RequestContext;

const answering = (servedBy: string): Backend => ({
  handle: async ({ interaction }): Promise<FhirResponse> => ({
    status: 200,
    headers: {},
    body:
      interaction === 'search'
        ? { kind: 'searchset', set: { matches: [], included: [], total: 0, issues: [] } }
        : { kind: 'resource', resource: { resourceType: 'Patient', id: 'a' } },
    servedBy,
  }),
});
const failing = (code: ErrorCode): Backend => ({
  handle: async () => {
    throw new FicusError(code, 'as the test wants it');
  },
});

const projection = answering('projection');
const live = answering('legacy:core');
const asked = (backend: Backend, request: FhirRequest) => backend.handle(request, context);
const older = (age: number | undefined) => ({ olderThanSeconds: 60, age: () => age });

describe('projection, then live', () => {
  it.each([
    [0, 'projection'],
    [60, 'projection'],
    [61, 'legacy:core'],
    [undefined, 'legacy:core'],
  ])('at an age of %s seconds is %s', async (age, servedBy) => {
    for (const request of [read, search])
      expect((await asked(thenLive(projection, live, older(age)), request)).servedBy).toBe(servedBy);
  });

  it('asks the core for what the feed never told of, and for nothing else that fails', async () => {
    expect((await asked(thenLive(failing('not-found'), live, older(0)), read)).servedBy).toBe('legacy:core');
    await expect(asked(thenLive(failing('too-costly'), live, older(0)), search)).rejects.toMatchObject({
      code: 'too-costly',
    });
  });

  it.each(['unavailable', 'timeout', 'legacy-malformed'] as const)(
    'answers all the same when the core fails (%s), and a search says so',
    async (code) => {
      const backend = thenLive(projection, failing(code), older(600));
      expect((await asked(backend, read)).servedBy).toBe('projection');
      const { body, servedBy } = await asked(backend, search);
      expect(servedBy).toBe('projection');
      expect(body).toMatchObject({ set: { issues: [{ severity: 'warning', code: 'incomplete' }] } });
    },
  );

  it('says what the core said of itself where the projection has nothing either', async () => {
    await expect(
      asked(thenLive(failing('not-found'), failing('unavailable'), older(600)), read),
    ).rejects.toMatchObject({ code: 'unavailable' });
    await expect(asked(thenLive(projection, failing('not-found'), older(600)), read)).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  const byName = (name: string, modifier?: string): FhirRequest => ({
    ...search,
    query: {
      type: 'Patient',
      filters: [{ name, type: 'token', values: [], ...(modifier ? { modifier } : {}) }],
      sort: [],
      include: [],
      applied: [],
      ignored: [],
    },
  });

  it.each([
    ['_id', undefined, 'legacy:core'],
    ['identifier', undefined, 'legacy:core'],
    ['identifier', 'not', 'projection'],
    ['code', undefined, 'projection'],
  ])(
    'asks the core when a search by %s (modifier %s) finds nothing: %s',
    async (name, modifier, servedBy) => {
      const backend = thenLive(projection, live, older(0));
      expect((await asked(backend, byName(name, modifier))).servedBy).toBe(servedBy);
    },
  );

  it('says that the core could not be asked when a search by a number finds nothing', async () => {
    const { body, servedBy } = await asked(
      thenLive(projection, failing('unavailable'), older(0)),
      byName('identifier'),
    );
    expect(servedBy).toBe('projection');
    expect(body).toMatchObject({ set: { issues: [{ severity: 'warning', code: 'incomplete' }] } });
  });

  it.each([0, 600])('goes on with pages where they began, at an age of %s seconds', async (age) => {
    const found = byName('code');
    const paged: FhirRequest = { ...found, query: { ...found.query!, page: 'token' } };
    expect((await asked(thenLive(projection, live, older(age)), paged)).servedBy).toBe('projection');
    const foreign = failing('parameter-invalid');
    expect((await asked(thenLive(foreign, live, older(age)), paged)).servedBy).toBe('legacy:core');
    const expired = thenLive(failing('page-expired'), live, older(age));
    await expect(asked(expired, paged)).rejects.toMatchObject({ code: 'page-expired' });
  });

  it('leaves versions to the projection', async () => {
    for (const interaction of ['vread', 'history'] as const)
      expect((await asked(thenLive(projection, live, older(600)), { ...read, interaction })).servedBy).toBe(
        'projection',
      );
  });
});
