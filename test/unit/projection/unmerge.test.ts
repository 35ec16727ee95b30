import { describe, expect, it } from 'vitest';
import { MRN, patient, observation, merge, unmerge, subjectOf, identifiersOf, two } from './merge-support.ts';
import { idsOf, NOW, readOf, update } from './support.ts';

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
