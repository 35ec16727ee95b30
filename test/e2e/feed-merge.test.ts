import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixture, makeHome, startFed } from '../support/fed.ts';
import type { Fed } from '../support/fed.ts';

/** A patient is merged while an application holds the old id, and comes back. */
interface Identifier {
  readonly value: string;
  readonly use?: string;
}
interface Patient {
  readonly id: string;
  readonly active?: boolean;
  readonly identifier: readonly Identifier[];
  readonly link?: readonly { readonly type: string; readonly other: { readonly reference: string } }[];
}
interface Entry {
  readonly resource: {
    readonly resourceType: string;
    readonly subject?: { readonly reference: string };
    readonly issue?: readonly {
      readonly severity: string;
      readonly code: string;
      readonly diagnostics: string;
    }[];
  };
  readonly search?: { readonly mode: string };
}
interface Found {
  readonly total?: number;
  readonly entry?: readonly Entry[];
}

const home = makeHome();
let fed: Fed;
let survivor: string;
let old: string;

beforeAll(async () => {
  fed = await startFed(home);
  await fed.send(
    ['adt/a01', 'adt/a08', 'adt/a28-second-number', 'oru/r01', 'oru/r01-second-number'].map(fixture),
  );
  await fed.settled();
  survivor = await fed.patientId('300001');
  old = await fed.patientId('300009');
});
afterAll(async () => {
  await fed.stop();
  home.remove();
});

const patient = async (id: string) => (await fed.get<Patient>(`Patient/${id}`)).body;
const results = async (id: string) => {
  const { body } = await fed.get<Found>(`Observation?patient=${id}`);
  const entries = body.entry ?? [];
  return {
    total: body.total,
    subjects: entries.flatMap(({ resource }) => resource.subject?.reference ?? []),
    told: entries
      .filter(({ search }) => search?.mode === 'outcome')
      .flatMap(({ resource }) => resource.issue ?? []),
  };
};

describe('a patient with two numbers', () => {
  it('is two patients until somebody says so', async () => {
    expect(old).not.toBe(survivor);
    expect(await results(old)).toEqual({ total: 1, subjects: [`Patient/${old}`], told: [] });
    expect((await results(survivor)).total).toBe(2);
  });

  it('is one after the merge; the old id still reads, and says where to go', async () => {
    expect(await fed.send([fixture('adt/a40')])).toEqual(['AA']);
    await fed.settled();
    expect(await patient(old)).toMatchObject({
      active: false,
      link: [{ type: 'replaced-by', other: { reference: `Patient/${survivor}` } }],
    });
    const stays = await patient(survivor);
    expect(stays.active).not.toBe(false);
    expect(stays.link).toMatchObject([{ type: 'replaces', other: { reference: `Patient/${old}` } }]);
    expect(stays.identifier.map(({ value, use }) => [value, use === 'old'])).toEqual([
      ['300001', false],
      ['300009', true],
    ]);
  });

  it('had its old number heeded, though no resource holds it', async () => {
    const { fields } = await fed.admin<{ fields: { field: string; fates: object }[] }>('/feed/coverage');
    expect(fields.find(({ field }) => field === 'MRG-1')).toMatchObject({ fates: { heeded: 1 } });
  });

  it('is found by either id; by the old one with a word that the search followed it', async () => {
    const { total, subjects, told } = await results(old);
    expect(total).toBe(3);
    expect(subjects).toEqual(Array(3).fill(`Patient/${survivor}`));
    expect(told).toMatchObject([{ severity: 'information' }]);
    expect(told[0]!.diagnostics).toContain(`Patient/${survivor}`);
    expect(await results(survivor)).toMatchObject({ total: 3, told: [] });
  });

  it('has one record, also by the old id: that Patient, and everything that is filed under the survivor, once', async () => {
    const record = async (id: string) => {
      const { body } = await fed.get<Found>(`Patient/${id}/$everything?_type=Patient,Observation`);
      return (body.entry ?? [])
        .filter(({ search }) => search?.mode === 'match')
        .map(({ resource }) => resource);
    };
    const [first, ...others] = await record(old);
    expect(first).toMatchObject({ resourceType: 'Patient', id: old, active: false });
    expect(others.map(({ subject }) => subject?.reference)).toEqual(Array(3).fill(`Patient/${survivor}`));
    expect((await record(survivor)).slice(1)).toEqual(others);
  });

  it('gets what still comes for the old number', async () => {
    expect(await fed.send([fixture('oru/r01-late-second-number')])).toEqual(['AA']);
    await fed.settled();
    expect(await results(survivor)).toMatchObject({
      total: 4,
      subjects: Array(4).fill(`Patient/${survivor}`),
    });
    expect(await patient(old)).toMatchObject({ active: false });
  });

  it('is two again when the merge is taken back, each with what was theirs before', async () => {
    expect(await fed.send([fixture('adt/a37')])).toEqual(['AA']);
    await fed.settled();
    const [back, stays] = [await patient(old), await patient(survivor)];
    expect(back.active).not.toBe(false);
    expect(back.link ?? []).toEqual([]);
    expect(stays.link ?? []).toEqual([]);
    expect(stays.identifier.map(({ value }) => value)).toEqual(['300001']);
    expect(back.identifier.map(({ value }) => value)).toEqual(['300009']);
    // What came for the old number meanwhile stays with whom it was filed under, for somebody to look at.
    const [came, stayed] = [await results(old), await results(survivor)];
    expect(came.subjects.length + stayed.subjects.length).toBe(4);
    expect(came.subjects).toContain(`Patient/${old}`);
    expect(came.told).toEqual([]);
  });

  it('leaves nothing that refers to nobody', async () => {
    const { body } = await fed.get<Found>('Observation');
    expect(body.total).toBe(4);
    for (const { resource } of body.entry!)
      expect([`Patient/${old}`, `Patient/${survivor}`]).toContain(resource.subject?.reference);
    expect((await fed.messages('state=parked,rejected')).length).toBe(0);
  });
});
