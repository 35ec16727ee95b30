import { describe, expect, it } from 'vitest';
import type { IdentityChange } from '../../../src/projection-ports.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import { idsOf, NOW, projection, query, readOf, setOf, update, type Projection } from './support.ts';

const MRN = 'urn:oid:1.2.3';

const patient = (id: string, mrn: string, more: object = {}) => ({
  resourceType: 'Patient',
  id,
  active: true,
  identifier: [{ system: MRN, value: mrn }],
  ...more,
});
const observation = (id: string, of: string) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  subject: { reference: `Patient/${of}` },
});
const merge = (from: string, into: string, type = 'Patient'): IdentityChange => ({
  kind: 'merge',
  type,
  from,
  into,
});
const unmerge = (from: string, into: string): IdentityChange => ({
  kind: 'unmerge',
  type: 'Patient',
  from,
  into,
});
const subjectOf = async (world: Projection, id: string) =>
  ((await readOf(world, 'Observation', id))['subject'] as { reference: string }).reference;
const identifiersOf = (resource: Resource) => resource['identifier'];

/** Two patients with a result each. */
function two() {
  const world = projection();
  world.apply({ changes: [update(patient('old', '1')), update(observation('o1', 'old'))] });
  world.apply({ changes: [update(patient('new', '2')), update(observation('o2', 'new'))] });
  return world;
}

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

describe('an un-merge', () => {
  it('is taken back whichever of the two is named first', async () => {
    for (const [first, second] of [
      ['old', 'new'],
      ['new', 'old'],
    ] as const) {
      const world = two();
      world.apply({ identity: [merge('old', 'new')] });
      world.apply({ identity: [unmerge(first, second)] });
      expect(await subjectOf(world, 'o1')).toBe('Patient/old');
      expect(await readOf(world, 'Patient', 'old')).toMatchObject({ active: true });
    }
  });

  it('gives back what was there before the merge', async () => {
    const world = two();
    const before = await readOf(world, 'Patient', 'old');
    const survivor = await readOf(world, 'Patient', 'new');
    world.apply({ identity: [merge('old', 'new')] });
    const last = world.log.last();
    world.apply({ identity: [unmerge('old', 'new')] });
    expect(await readOf(world, 'Patient', 'old')).toEqual({ ...before, meta: expect.anything() });
    expect(await readOf(world, 'Patient', 'new')).toEqual({ ...survivor, meta: expect.anything() });
    expect(await idsOf(world.backend, 'Observation', 'patient=old')).toEqual(['o1']);
    expect(await idsOf(world.backend, 'Observation', 'patient=new')).toEqual(['o2']);
    expect(world.log.events(last, 10).at(-1)).toMatchObject({ kind: 'unmerged', id: 'old', other: 'new' });
    expect(world.reading.reviews(10)).toEqual([]);
  });

  it('gives each reference the number of whom it points at then', async () => {
    const world = two();
    const numbered = (id: string, of: string, value: string) => ({
      ...observation(id, of),
      subject: { reference: `Patient/${of}`, identifier: { system: MRN, value } },
    });
    world.apply({ changes: [update(numbered('o1', 'old', '1')), update(numbered('o3', 'old', '1'))] });
    world.apply({ identity: [merge('old', 'new')] });
    expect((await readOf(world, 'Observation', 'o1'))['subject']).toEqual({
      reference: 'Patient/new',
      identifier: { system: MRN, value: '1' },
    });
    world.apply({ changes: [update(numbered('o3', 'new', '2'))] });
    world.apply({ identity: [unmerge('old', 'new')] });
    for (const id of ['o1', 'o3'])
      expect((await readOf(world, 'Observation', id))['subject']).toEqual({
        reference: 'Patient/old',
        identifier: { system: MRN, value: '1' },
      });
  });

  it('leaves a reference without a number where there is none of that system', async () => {
    const world = two();
    world.apply({
      changes: [update(patient('new', '2', { identifier: [{ system: 'urn:other', value: '9' }] }))],
    });
    world.apply({ identity: [merge('old', 'new')] });
    const subject = { reference: 'Patient/new', identifier: { system: 'urn:other', value: '9' } };
    world.apply({ changes: [update({ ...observation('o1', 'new'), subject })] });
    world.apply({ identity: [unmerge('old', 'new')] });
    expect((await readOf(world, 'Observation', 'o1'))['subject']).toEqual({ reference: 'Patient/old' });
  });

  it('leaves with the survivor what came after the merge, for somebody to look at', async () => {
    const world = two();
    world.apply({ identity: [merge('old', 'new')] });
    world.apply({ changes: [update(observation('o3', 'old'))] });
    world.apply({ changes: [update({ ...observation('o1', 'new'), status: 'amended' })] });
    world.apply({ identity: [unmerge('old', 'new')] });
    expect(await subjectOf(world, 'o3')).toBe('Patient/new');
    expect(await readOf(world, 'Observation', 'o1')).toMatchObject({
      status: 'amended',
      subject: { reference: 'Patient/old' },
    });
    const { message, at: since } = world.log.events(0, 1_000).at(-1)!;
    const undone = { message, since };
    expect(world.reading.reviews(10)).toEqual([
      {
        type: 'Observation',
        id: 'o1',
        why: 'changed after the merge',
        restored: 'Patient/old',
        survivor: 'Patient/new',
        ...undone,
      },
      {
        type: 'Observation',
        id: 'o3',
        why: 'came after the merge',
        restored: 'Patient/old',
        survivor: 'Patient/new',
        ...undone,
      },
    ]);
  });

  it('takes messages for the number to its own patient again', async () => {
    const world = two();
    world.apply({ identity: [merge('old', 'new')] });
    world.apply({
      identity: [unmerge('old', 'new')],
      changes: [update(patient('old', '1', { gender: 'female' }))],
    });
    expect(await readOf(world, 'Patient', 'old')).toMatchObject({ gender: 'female', active: true });
    expect((await readOf(world, 'Patient', 'new'))['gender']).toBeUndefined();
  });

  it('in the middle of a chain takes out what belongs to it', async () => {
    const world = two();
    world.apply({ changes: [update(patient('last', '3'))] });
    world.apply({ identity: [merge('old', 'new')] });
    world.apply({ identity: [merge('new', 'last')] });
    world.apply({ identity: [unmerge('old', 'new')] });
    expect(await idsOf(world.backend, 'Observation', 'patient=old')).toEqual(['o1']);
    expect(await idsOf(world.backend, 'Observation', 'patient=last')).toEqual(['o2']);
    expect(identifiersOf(await readOf(world, 'Patient', 'last'))).toMatchObject([
      { value: '3' },
      { value: '2' },
    ]);
    world.apply({ identity: [unmerge('new', 'last')] });
    expect(await idsOf(world.backend, 'Observation', 'patient=new')).toEqual(['o2']);
    expect(identifiersOf(await readOf(world, 'Patient', 'new'))).toEqual([{ system: MRN, value: '2' }]);
  });

  it('is not undone by an older merge that comes late', async () => {
    const world = two();
    world.apply({ eventAt: NOW + 50_000, identity: [merge('old', 'new')] });
    world.apply({ eventAt: NOW + 60_000, identity: [unmerge('old', 'new')] });
    expect(world.apply({ eventAt: NOW + 55_000, identity: [merge('old', 'new')] })).toEqual({
      changed: [],
      superseded: [{ type: 'Patient', id: 'old' }],
    });
    expect(await readOf(world, 'Patient', 'old')).toMatchObject({ active: true });
  });

  it('takes back a merge of a time that has not come, and what is older than it comes late', async () => {
    const world = two();
    world.apply({ eventAt: NOW + 365 * 86_400_000, identity: [merge('old', 'new')] });
    expect(world.apply({ eventAt: NOW, identity: [unmerge('old', 'new')] })).toMatchObject({
      superseded: [],
    });
    expect(await readOf(world, 'Patient', 'old')).toMatchObject({ active: true });
    expect(world.apply({ eventAt: NOW - 1, identity: [merge('old', 'new')] })).toMatchObject({
      superseded: [{ type: 'Patient', id: 'old' }],
    });
  });

  it('of what was never merged is refused', () => {
    expect(two().apply({ identity: [unmerge('old', 'new')] })).toMatchObject({ error: { code: 'conflict' } });
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
});
