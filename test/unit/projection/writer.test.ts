import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FicusError } from '../../../src/errors.ts';
import type { MessageContent, ResourceChange } from '../../../src/projection-ports.ts';
import type { Json } from '../../../src/fhir/types.ts';
import { keptDecimals } from '../../../src/projection/decimals.ts';
import { unwritten, WrittenChange } from '../../../src/projection/written-change.ts';
import { historyOf, idsOf, NOW, projection, query, readOf, setOf, snapshot, update } from './support.ts';

const asText = (change: ResourceChange): ResourceChange =>
  new WrittenChange(unwritten(change, keptDecimals(change.resource)), JSON.stringify(change.resource));

const eve = (more: object = {}) => ({
  resourceType: 'Patient',
  id: 'eve',
  name: [{ use: 'official', family: 'Everywoman', given: ['Eve'] }],
  ...more,
});

describe('applying a message', () => {
  it('makes a first version, told with its ETag and when it was changed', async () => {
    const world = projection();
    expect(world.apply({ changes: [update(eve())] })).toEqual({
      changed: [{ type: 'Patient', id: 'eve', version: 1 }],
      superseded: [],
    });
    const { body, headers, servedBy } = await world.ask({ interaction: 'read', type: 'Patient', id: 'eve' });
    expect(servedBy).toBe('projection');
    expect(headers).toMatchObject({
      etag: 'W/"1"',
      'last-modified': new Date(NOW + 1).toUTCString(),
      age: '0',
    });
    expect(body).toMatchObject({
      kind: 'resource',
      resource: { meta: { versionId: '1', lastUpdated: new Date(NOW + 1).toISOString() } },
    });
  });

  it('makes no version of what is known already', async () => {
    const world = projection();
    world.apply({ changes: [update(eve())] });
    expect(world.apply({ changes: [update(eve())] })).toEqual({ changed: [], superseded: [] });
    expect(await readOf(world, 'Patient', 'eve')).toMatchObject({ meta: { versionId: '1' } });
    expect(world.log.last()).toBe(1);
  });

  it('is not kept out by an event of a time that has not come; of two such the newer one stays', async () => {
    const world = projection();
    const year = 365 * 86_400_000;
    world.apply({ eventAt: NOW + year, changes: [update(eve({ gender: 'male' }))] });
    const between = { eventAt: NOW + year - 1, changes: [update(eve({ gender: 'other' }))] };
    expect(world.apply(between)).toMatchObject({ changed: [], superseded: [{ id: 'eve' }] });
    expect(world.apply({ eventAt: NOW, changes: [update(eve({ gender: 'female' }))] })).toMatchObject({
      changed: [{ id: 'eve', version: 2 }],
      superseded: [],
    });
    const late = { eventAt: NOW - 1, changes: [update(eve({ gender: 'unknown' }))] };
    expect(world.apply(late)).toMatchObject({ superseded: [{ id: 'eve' }] });
  });

  it('keeps every version, and tells them newest first', async () => {
    const world = projection();
    world.apply({ changes: [update(eve())] });
    world.apply({ changes: [update(eve({ gender: 'female' }))] });
    const old = await world.ask({ interaction: 'vread', type: 'Patient', id: 'eve', versionId: '1' });
    expect(old.headers['etag']).toBe('W/"1"');
    const history = await world.ask(historyOf('Patient', 'eve'));
    expect(history.body).toMatchObject({
      resource: {
        type: 'history',
        total: 2,
        entry: [
          {
            resource: { gender: 'female', meta: { versionId: '2' } },
            response: { status: '200', etag: 'W/"2"' },
          },
          { resource: { meta: { versionId: '1' } }, response: { status: '201', etag: 'W/"1"' } },
        ],
      },
    });
    const missing = world.ask({ interaction: 'vread', type: 'Patient', id: 'eve', versionId: '3' });
    await expect(missing).rejects.toMatchObject({ code: 'not-found' });
  });

  it('leaves alone what a newer event has told, and says so', async () => {
    const world = projection();
    world.apply({ eventAt: NOW + 10, changes: [update(eve({ gender: 'female' }))] });
    const late = world.apply({
      eventAt: NOW + 5,
      changes: [update(eve({ gender: 'male' })), update({ resourceType: 'Patient', id: 'bob' })],
    });
    expect(late).toEqual({
      changed: [{ type: 'Patient', id: 'bob', version: 1 }],
      superseded: [{ type: 'Patient', id: 'eve' }],
    });
    expect(await readOf(world, 'Patient', 'eve')).toMatchObject({ gender: 'female' });
  });

  it('lets the later receipt win when two events are of one time', async () => {
    const world = projection();
    world.apply({ eventAt: NOW, changes: [update(eve({ gender: 'female' }))] });
    world.apply({ eventAt: NOW, changes: [update(eve({ gender: 'other' }))] });
    expect(await readOf(world, 'Patient', 'eve')).toMatchObject({ gender: 'other' });
  });

  it('takes a confirmation for news: what is older than it comes too late', async () => {
    const world = projection();
    world.apply({ eventAt: NOW, changes: [update(eve({ gender: 'female' }))] });
    world.apply({ eventAt: NOW + 20, changes: [update(eve({ gender: 'female' }))] });
    expect(world.apply({ eventAt: NOW + 10, changes: [update(eve({ gender: 'male' }))] })).toMatchObject({
      superseded: [{ id: 'eve' }],
    });
  });

  it('makes what is only mentioned once, and lets any event say more of it', async () => {
    const world = projection();
    const doctor = { resourceType: 'Practitioner', id: 'dr' };
    const mention = { resource: { ...doctor, gender: 'male' }, mode: 'mention' } as const;
    world.apply({ eventAt: NOW + 100, changes: [mention] });
    world.apply({ changes: [{ ...mention, resource: { ...doctor, gender: 'female' } }] });
    expect(await readOf(world, 'Practitioner', 'dr')).toMatchObject({
      gender: 'male',
      meta: { versionId: '1' },
    });
    world.apply({ eventAt: NOW, changes: [update({ ...doctor, active: true })] });
    expect(await readOf(world, 'Practitioner', 'dr')).toMatchObject({ active: true, gender: 'male' });
  });

  it('finds a resource by its reference to itself, from its first version on', async () => {
    const world = projection();
    world.apply({
      changes: [update(eve({ link: [{ other: { reference: 'Patient/eve' }, type: 'seealso' }] }))],
    });
    expect(await idsOf(world.backend, 'Patient', 'link=Patient/eve')).toEqual(['eve']);
    const again = world.apply({ changes: [update(eve({ gender: 'female' }))] });
    expect(again).toMatchObject({ changed: [{ type: 'Patient', id: 'eve', version: 2 }] });
    expect(await idsOf(world.backend, 'Patient', 'link=Patient/eve')).toEqual(['eve']);
  });

  it('finds by its reference what is told of later only, by another process', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ficus-writer-'));
    try {
      const file = join(folder, 'projection.sqlite');
      const before = projection({}, file);
      const visit = (id: string, doctor: string) =>
        update({
          resourceType: 'Encounter',
          id,
          status: 'finished',
          class: { code: 'IMP' },
          participant: [{ individual: { reference: `Practitioner/${doctor}` } }],
        });
      before.apply({ changes: [visit('v1', 'eve')] });
      // What a message names that is taken back is nobody.
      before.apply({
        changes: [visit('v2', 'bob')],
        identity: [{ kind: 'merge', type: 'Practitioner', from: 'a', into: 'b' }],
      });
      before.apply({ changes: [visit('v3', 'ann')] });
      before.database.close();
      const after = projection({}, file);
      const named = after.database.prepare('SELECT id FROM resource WHERE version = 0 ORDER BY id').all();
      expect(named.map(({ id }) => id)).toEqual(['ann', 'eve']);
      after.apply({ changes: [update({ ...eve(), resourceType: 'Practitioner' })] }, { seq: 9 });
      expect(await idsOf(after.backend, 'Encounter', 'practitioner.family=everywoman')).toEqual(['v1']);
      after.database.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('keeps every digit of a decimal', async () => {
    const world = projection();
    const value = JSON.rawJSON('1.50') as Json;
    world.apply({
      changes: [
        snapshot({ resourceType: 'Observation', id: 'o', status: 'final', valueQuantity: { value } }),
      ],
    });
    expect(JSON.stringify(await readOf(world, 'Observation', 'o'))).toContain('"value":1.50');
    const same = world.apply({
      changes: [
        snapshot({ resourceType: 'Observation', id: 'o', status: 'final', valueQuantity: { value: 1.5 } }),
      ],
    });
    expect(same).toMatchObject({ changed: [{ version: 2 }] });
  });

  it('makes of changes that are text what it makes of resources, whatever is said again', async () => {
    const read = projection();
    const written = projection();
    const value = JSON.rawJSON('1.50') as Json;
    const result = { resourceType: 'Observation', id: 'o', status: 'final', valueQuantity: { value } };
    const visit = (patient: string, id = 'v') => ({
      resourceType: 'Encounter',
      id,
      status: 'in-progress',
      class: { code: 'IMP' },
      subject: { reference: `Patient/${patient}` },
    });
    const merge = (kind: 'merge' | 'unmerge') =>
      [{ kind, type: 'Patient', from: 'bob', into: 'eve' }] as const;
    const contents: Partial<MessageContent>[] = [
      { changes: [update(eve()), snapshot(result)] },
      { changes: [update(eve()), { mode: 'mention', resource: eve({ gender: 'male' }) }] },
      { changes: [update(eve({ gender: 'female' }), ['Patient.name']), snapshot(result)] },
      { changes: [update(eve())] },
      { changes: [update(eve())], eventAt: NOW - 5 },
      { changes: [update({ resourceType: 'Patient', id: 'bob' }), update(visit('eve'))] },
      { changes: [], identity: merge('merge') },
      { changes: [update(visit('bob')), update(visit('bob', 'w')), update(eve())] },
      { changes: [update(visit('bob')), { mode: 'mention', resource: visit('bob') }] },
      { changes: [], identity: merge('unmerge') },
      // The very words of before the un-merge: they are of another patient now.
      { changes: [update(visit('bob')), update(visit('bob', 'w'))] },
      // The same words delete something, or only suppose it, and then say it.
      { changes: [update(eve({ birthDate: '1980' })), update({ ...visit('bob', 'x'), status: 'finished' })] },
      { changes: [update(eve()), { ...update(visit('bob', 'x')), yields: { status: true } }] },
      { changes: [update(eve(), ['Patient.birthDate']), update(visit('bob', 'x'))] },
    ];
    for (const content of contents)
      expect(written.apply({ ...content, changes: content.changes!.map(asText) })).toEqual(
        read.apply(content),
      );
    const rows = ({ database }: typeof read) =>
      ['resource', 'version', 'event', 'token_value', 'reference_value', 'referrer'].map((table) =>
        database.prepare(`SELECT * FROM ${table} ORDER BY 1, 2`).all(),
      );
    expect(rows(written)).toEqual(rows(read));
    expect(await readOf(written, 'Patient', 'eve')).not.toHaveProperty('birthDate');
    expect(await readOf(written, 'Encounter', 'x')).toMatchObject({ status: 'in-progress' });
    for (const id of ['v', 'w'])
      expect(await readOf(written, 'Encounter', id)).toMatchObject({ subject: { reference: 'Patient/bob' } });
  });

  it('applies a message once, and gives again what it gave', () => {
    const world = projection();
    const content = { changes: [update(eve())] };
    const first = world.apply(content, { seq: 7 });
    world.apply({ changes: [update(eve({ gender: 'female' }))] }, { seq: 8 });
    expect(world.apply(content, { seq: 7 })).toEqual(first);
    expect(world.log.last()).toBe(2);
    expect(world.apply({ ...content, eventAt: NOW + 90_000 }, { seq: 7, replay: 1 })).toEqual({
      changed: [],
      superseded: [],
    });
  });

  it('takes a message back alone when it fails', async () => {
    const world = projection();
    const content = (id: string, broken: boolean) => ({
      eventAt: NOW,
      changes: [update({ resourceType: 'Patient', id })],
      identity: broken ? [{ kind: 'merge', type: 'Practitioner', from: 'a', into: 'b' } as const] : [],
      hashed: [],
    });
    const results = world.writer.apply(
      [
        { seq: 1, replay: 0, content: content('a', false) },
        { seq: 2, replay: 0, content: content('b', true) },
        { seq: 3, replay: 0, content: content('c', false) },
      ],
      NOW,
    );
    expect(results[1]).toMatchObject({ error: expect.any(FicusError) });
    expect(await idsOf(world.backend, 'Patient', '')).toEqual(['a', 'c']);
    expect(world.log.events(0, 10).map(({ number, id }) => [number, id])).toEqual([
      [1, 'a'],
      [2, 'c'],
    ]);
  });

  it('finds by parameters whose first message was taken back', async () => {
    const world = projection();
    const content = (id: string, family: string, broken: boolean) => ({
      eventAt: NOW,
      changes: [update({ resourceType: 'Patient', id, name: [{ family }] })],
      identity: broken ? [{ kind: 'merge', type: 'Practitioner', from: 'a', into: 'b' } as const] : [],
      hashed: [],
    });
    const messages = [content('a', 'Rossi', true), content('b', 'Bianchi', false)];
    world.writer.apply(
      messages.map((it, nth) => ({ seq: nth + 1, replay: 0, content: it })),
      NOW,
    );
    world.apply({
      changes: [snapshot({ resourceType: 'Practitioner', id: 'd', name: [{ family: 'Verdi' }] })],
    });
    expect(await idsOf(world.backend, 'Patient', 'family=bianchi')).toEqual(['b']);
    expect(await idsOf(world.backend, 'Practitioner', 'family=verdi')).toEqual(['d']);
  });

  it('rehearses without a trace', async () => {
    const world = projection();
    world.apply({ changes: [update(eve({ gender: 'female' }))] });
    const differences = world.writer.rehearse({
      eventAt: NOW + 90_000,
      changes: [update(eve({ gender: 'other' })), update({ resourceType: 'Patient', id: 'new' })],
      identity: [],
      hashed: [],
    });
    expect(differences).toEqual([
      { type: 'Patient', id: 'eve', before: eve({ gender: 'female' }), after: eve({ gender: 'other' }) },
      { type: 'Patient', id: 'new', before: undefined, after: { resourceType: 'Patient', id: 'new' } },
    ]);
    expect(await readOf(world, 'Patient', 'eve')).toMatchObject({
      gender: 'female',
      meta: { versionId: '1' },
    });
    expect(await setOf(world.backend, query('Patient', 'gender=other'))).toMatchObject({ matches: [] });
    expect(world.log.last()).toBe(1);
  });

  it('rehearses what cannot be written as it would be', () => {
    const world = projection();
    const content: MessageContent = {
      eventAt: NOW,
      changes: [update(eve())],
      identity: [],
      hashed: [{ id: 'h', type: 'Patient', key: {} as never }],
    };
    expect(() => world.writer.rehearse(content)).toThrow(TypeError);
    expect(world.writer.apply([{ seq: 1, replay: 0, content }], NOW)).toMatchObject([
      { error: { name: 'TypeError' } },
    ]);
  });

  it('tells of every change in order, with the patient that it is about', () => {
    const world = projection();
    world.apply({
      changes: [
        update(eve()),
        update({
          resourceType: 'Encounter',
          id: 'e',
          status: 'planned',
          subject: { reference: 'Patient/eve' },
        }),
        update({ resourceType: 'Location', id: 'l' }),
      ],
    });
    expect(world.log.events(0, 2)).toEqual([
      {
        number: 1,
        kind: 'changed',
        type: 'Patient',
        id: 'eve',
        version: 1,
        patient: 'eve',
        at: NOW + 1,
        message: 1,
      },
      {
        number: 2,
        kind: 'changed',
        type: 'Encounter',
        id: 'e',
        version: 1,
        patient: 'eve',
        at: NOW + 1,
        message: 1,
      },
    ]);
    expect(world.log.events(2, 10)).toEqual([
      { number: 3, kind: 'changed', type: 'Location', id: 'l', version: 1, at: NOW + 1, message: 1 },
    ]);
    expect(world.log.cursor('copy')).toBe(0);
    world.log.advance('copy', 2);
    world.log.advance('copy', 1);
    expect(world.log.cursor('copy')).toBe(2);
  });
});
