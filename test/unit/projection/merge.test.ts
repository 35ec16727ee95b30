import { describe, expect, it } from 'vitest';
import { MRN, patient, observation, merge, subjectOf, identifiersOf, two } from './merge-support.ts';
import { idsOf, NOW, query, readOf, setOf, update } from './support.ts';

describe('a merge', () => {
  it('retires one patient and tells both of each other', async () => {
    const world = two();
    expect(world.apply({ identity: [merge('old', 'new')] })).toMatchObject({ superseded: [] });
    expect(await readOf(world, 'Patient', 'old')).toMatchObject({
      active: false,
      identifier: [{ system: MRN, value: '1', use: 'old' }],
      link: [{ other: { reference: 'Patient/new' }, type: 'replaced-by' }],
    });
    expect(await readOf(world, 'Patient', 'new')).toMatchObject({
      active: true,
      identifier: [
        { system: MRN, value: '2' },
        { system: MRN, value: '1', use: 'old' },
      ],
      link: [{ other: { reference: 'Patient/old' }, type: 'replaces' }],
    });
  });

  it('lets every reference point at the survivor, in a version of its own', async () => {
    const world = two();
    world.apply({
      changes: [
        update({
          resourceType: 'List',
          id: 'l',
          subject: { reference: 'Patient/old' },
          entry: [{ item: { reference: 'Patient/old' } }],
        }),
      ],
    });
    world.apply({ identity: [merge('old', 'new')] });
    expect(await subjectOf(world, 'o1')).toBe('Patient/new');
    expect(await readOf(world, 'Observation', 'o1')).toMatchObject({ meta: { versionId: '2' } });
    expect(await readOf(world, 'List', 'l')).toMatchObject({
      entry: [{ item: { reference: 'Patient/new' } }],
    });
    expect(await idsOf(world.backend, 'Observation', 'patient=new')).toEqual(['o1', 'o2']);
  });

  it.each(['patient=old', 'patient=Patient/old', 'subject=Patient/old', 'subject:Patient=old'])(
    'is followed by a search for %s, which says so',
    async (text) => {
      const world = two();
      world.apply({ identity: [merge('old', 'new')] });
      const set = await setOf(world.backend, query('Observation', text));
      expect(set.matches.map(({ id }) => id)).toEqual(['o1', 'o2']);
      expect(set.issues).toMatchObject([{ severity: 'information', code: 'informational' }]);
      expect(set.issues[0]?.diagnostics).toMatch(/^Patient\/old was merged into Patient\/new/);
      expect(set.total).toBe(2);
    },
  );

  it('lets the survivor be found by the number of the other one', async () => {
    const world = two();
    world.apply({ identity: [merge('old', 'new')] });
    expect(await idsOf(world.backend, 'Patient', `identifier=${MRN}|1&active=true`)).toEqual(['new']);
    expect(await idsOf(world.backend, 'Observation', `patient.identifier=${MRN}|1`)).toEqual(['o1', 'o2']);
  });

  it('is told in the log, with everything that it changed', () => {
    const world = two();
    const before = world.log.last();
    world.apply({ identity: [merge('old', 'new')] });
    const events = world.log.events(before, 10);
    expect(events.map(({ kind, type, id, patient: of }) => [kind, type, id, of])).toEqual([
      ['changed', 'Patient', 'old', 'old'],
      ['changed', 'Patient', 'new', 'new'],
      ['changed', 'Observation', 'o1', 'new'],
      ['merged', 'Patient', 'old', 'new'],
    ]);
    expect(events.at(-1)).toMatchObject({ other: 'new' });
  });

  it('files a late message for the retired number on the survivor, whose own number stays', async () => {
    const world = two();
    world.apply({ identity: [merge('old', 'new')] });
    const applied = world.apply({
      changes: [update(patient('old', '1', { gender: 'female' })), update(observation('o3', 'old'))],
    });
    expect('changed' in applied && applied.changed).toEqual([
      { type: 'Patient', id: 'new', version: 3 },
      { type: 'Observation', id: 'o3', version: 1 },
    ]);
    expect(await subjectOf(world, 'o3')).toBe('Patient/new');
    const survivor = await readOf(world, 'Patient', 'new');
    expect(survivor).toMatchObject({ gender: 'female', active: true });
    expect(identifiersOf(survivor)).toEqual([
      { system: MRN, value: '2' },
      { system: MRN, value: '1', use: 'old' },
    ]);
    expect(await readOf(world, 'Patient', 'old')).toMatchObject({ active: false, meta: { versionId: '2' } });
  });

  it('stays visible when the survivor is told of anew', async () => {
    const world = two();
    world.apply({ identity: [merge('old', 'new')] });
    world.apply({ changes: [{ resource: patient('new', '2', { gender: 'male' }), mode: 'snapshot' }] });
    expect(await readOf(world, 'Patient', 'new')).toMatchObject({
      gender: 'male',
      identifier: [{ value: '2' }, { value: '1', use: 'old' }],
      link: [{ type: 'replaces' }],
    });
  });

  it('goes on through a chain of merges', async () => {
    const world = two();
    world.apply({ changes: [update(patient('last', '3'))] });
    world.apply({ identity: [merge('old', 'new')] });
    world.apply({ identity: [merge('new', 'last')] });
    world.apply({ changes: [update(observation('o3', 'old'))] });
    expect(await idsOf(world.backend, 'Observation', 'patient=old')).toEqual(['o1', 'o2', 'o3']);
    expect(await subjectOf(world, 'o3')).toBe('Patient/last');
    expect(await readOf(world, 'Patient', 'old')).toMatchObject({
      link: [{ other: { reference: 'Patient/new' } }],
    });
    expect(identifiersOf(await readOf(world, 'Patient', 'last'))).toMatchObject([
      { value: '3' },
      { value: '2' },
      { value: '1' },
    ]);
  });

  it('of an unknown patient into a known one makes that patient known', async () => {
    const world = two();
    world.apply({ identity: [merge('never', 'new')] });
    expect(await readOf(world, 'Patient', 'never')).toMatchObject({
      active: false,
      link: [{ type: 'replaced-by' }],
    });
    world.apply({ changes: [update(observation('o9', 'never'))] });
    expect(await subjectOf(world, 'o9')).toBe('Patient/new');
  });

  it('of a known patient into an unknown one gives that one what is there', async () => {
    const world = two();
    world.apply({ identity: [merge('old', 'fresh')] });
    expect(await readOf(world, 'Patient', 'fresh')).toMatchObject({
      identifier: [{ value: '1', use: 'old' }],
      link: [{ type: 'replaces' }],
    });
    expect(await subjectOf(world, 'o1')).toBe('Patient/fresh');
    world.apply({ eventAt: NOW, changes: [update(patient('fresh', '9'))] });
    expect(await readOf(world, 'Patient', 'fresh')).toMatchObject({
      active: true,
      link: [{ type: 'replaces' }],
    });
  });

  it('that was carried out before changes nothing', () => {
    const world = two();
    world.apply({ identity: [merge('old', 'new')] });
    expect(world.apply({ identity: [merge('old', 'new')] })).toEqual({ changed: [], superseded: [] });
  });

  it.each([
    ['into another one than before', [merge('old', 'third')]],
    ['of the survivor into the one that it replaced', [merge('new', 'old')]],
    ['into itself', [merge('third', 'third')]],
    ['of what has no identity', [merge('a', 'b', 'Practitioner')]],
  ])('%s is refused, and leaves nothing behind', async (_what, identity) => {
    const world = two();
    world.apply({ identity: [merge('old', 'new')] });
    const last = world.log.last();
    expect(world.apply({ identity })).toMatchObject({ error: { code: 'conflict' } });
    expect(world.log.last()).toBe(last);
    expect(await subjectOf(world, 'o1')).toBe('Patient/new');
  });

  it('of encounters moves what refers to them', async () => {
    const world = two();
    const encounter = (id: string) => ({
      resourceType: 'Encounter',
      id,
      status: 'finished',
      subject: { reference: 'Patient/new' },
    });
    world.apply({ changes: [update(encounter('e1')), update(encounter('e2'))] });
    world.apply({
      changes: [update({ ...observation('o5', 'new'), encounter: { reference: 'Encounter/e1' } })],
    });
    world.apply({ identity: [merge('e1', 'e2', 'Encounter')] });
    expect(await idsOf(world.backend, 'Observation', 'encounter=e2')).toEqual(['o5']);
    expect(await idsOf(world.backend, 'Observation', 'encounter=e1')).toEqual(['o5']);
    expect(await readOf(world, 'Encounter', 'e1')).toMatchObject({ status: 'entered-in-error' });
  });
});

describe('a move', () => {
  it('gives an encounter, and what belongs to it, another patient', async () => {
    const world = two();
    world.apply({
      changes: [
        update({
          resourceType: 'Encounter',
          id: 'e',
          status: 'finished',
          subject: { reference: 'Patient/old', identifier: { system: MRN, value: '1' } },
        }),
        update({ ...observation('o5', 'old'), encounter: { reference: 'Encounter/e' } }),
      ],
    });
    world.apply({ identity: [{ kind: 'move', type: 'Encounter', from: 'e', into: 'new' }] });
    expect(await idsOf(world.backend, 'Encounter', 'patient=new')).toEqual(['e']);
    expect((await readOf(world, 'Encounter', 'e'))['subject']).toEqual({
      reference: 'Patient/new',
      identifier: { system: MRN, value: '2' },
    });
    expect(await idsOf(world.backend, 'Observation', 'patient=new')).toEqual(['o2', 'o5']);
    expect(await idsOf(world.backend, 'Observation', 'patient=old')).toEqual(['o1']);
  });

  it('gives one that refers to itself another patient, once', async () => {
    const world = two();
    const self = { partOf: { reference: 'Encounter/e' }, subject: { reference: 'Patient/old' } };
    world.apply({ changes: [update({ resourceType: 'Encounter', id: 'e', status: 'finished', ...self })] });
    expect(
      world.apply({ identity: [{ kind: 'move', type: 'Encounter', from: 'e', into: 'new' }] }),
    ).toMatchObject({ changed: [{ type: 'Encounter', id: 'e', version: 2 }] });
    expect(await idsOf(world.backend, 'Encounter', 'patient=new')).toEqual(['e']);
  });
});
