import { describe, expect, it } from 'vitest';
import { FicusError } from '../../../src/errors.ts';
import { contentVersion } from '../../../src/fhir/version.ts';
import type { FhirRequest } from '../../../src/ports.ts';
import { byIdentifier, found, outcome, query } from './support.ts';
import { setUp, john, johnsTwin, ifNone, resourceOf } from './conditional-core.ts';

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
