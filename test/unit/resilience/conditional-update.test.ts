import { describe, expect, it } from 'vitest';
import { FicusError } from '../../../src/errors.ts';
import { contentVersion } from '../../../src/fhir/version.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import { byIdentifier, createContext, outcome, read, search, settled, update } from './support.ts';
import { setUp, john, johnsTwin, resourceOf } from './conditional-core.ts';

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

  it('by criteria that nothing matches creates nothing where a version was to match', async () => {
    const { core, ask } = setUp();
    const resource: Resource = { resourceType: 'Patient' };
    const { id: _none, ...byCriteria } = update('x', { query: byIdentifier('7'), resource, ifMatch: '1' });
    expect(await outcome(ask(byCriteria))).toBe('version-conflict');
    expect(core.log).toEqual(['search']);
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
