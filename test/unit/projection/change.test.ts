import { describe, expect, it } from 'vitest';
import type { ResourceChange } from '../../../src/projection-ports.ts';
import type { JsonObject } from '../../../src/fhir/types.ts';
import { applyChange } from '../../../src/projection/change.ts';

const official = (family: string, more: object = {}) => ({ use: 'official', family, ...more });
const maiden = { use: 'maiden', family: 'Jones' };
const MR = { coding: [{ system: 'urn:t', code: 'MR' }] };

/** Before, what the message says, what it deletes, after. */
const CASES: readonly (readonly [string, object, object, readonly string[], object])[] = [
  [
    'keeps what the message does not say',
    { gender: 'female' },
    { birthDate: '1980' },
    [],
    { gender: 'female', birthDate: '1980' },
  ],
  ['replaces single elements', { gender: 'female' }, { gender: 'male' }, [], { gender: 'male' }],
  [
    'replaces a structure as a whole',
    { maritalStatus: { text: 'M', coding: [{ code: 'M' }] } },
    { maritalStatus: { text: 'S' } },
    [],
    { maritalStatus: { text: 'S' } },
  ],
  [
    'replaces every type of a choice',
    { deceasedBoolean: true },
    { deceasedDateTime: '2020' },
    [],
    { deceasedDateTime: '2020' },
  ],
  [
    'lets go of what extended a primitive',
    { birthDate: '1980', _birthDate: { id: 'a' } },
    { birthDate: '1981' },
    [],
    { birthDate: '1981' },
  ],
  [
    'merges names by use',
    { name: [official('A', { given: ['X'] }), maiden] },
    { name: [official('B')] },
    [],
    { name: [official('B'), maiden] },
  ],
  [
    'adds a name of a new use',
    { name: [official('A')] },
    { name: [maiden] },
    [],
    { name: [official('A'), maiden] },
  ],
  [
    'merges identifiers by system and type',
    {
      identifier: [
        { system: 's', type: MR, value: '1' },
        { system: 's', value: '2' },
        { system: 't', value: '3' },
      ],
    },
    { identifier: [{ system: 's', type: MR, value: '9' }] },
    [],
    {
      identifier: [
        { system: 's', type: MR, value: '9' },
        { system: 's', value: '2' },
        { system: 't', value: '3' },
      ],
    },
  ],
  [
    'leaves an identifier of old beside the one that took its place',
    {
      identifier: [
        { system: 's', value: '1', use: 'old' },
        { system: 's', value: '2' },
      ],
    },
    { identifier: [{ system: 's', value: '3' }] },
    [],
    {
      identifier: [
        { system: 's', value: '1', use: 'old' },
        { system: 's', value: '3' },
      ],
    },
  ],
  [
    'replaces all telecoms of a system and use by all that the message says of it',
    {
      telecom: [
        { system: 'phone', use: 'home', value: '1' },
        { system: 'email', value: 'e' },
        { system: 'phone', use: 'home', value: '2' },
      ],
    },
    {
      telecom: [
        { system: 'phone', use: 'home', value: '3' },
        { system: 'phone', use: 'home', value: '4' },
      ],
    },
    [],
    {
      telecom: [
        { system: 'phone', use: 'home', value: '3' },
        { system: 'phone', use: 'home', value: '4' },
        { system: 'email', value: 'e' },
      ],
    },
  ],
  [
    'merges addresses by use and type',
    {
      address: [
        { use: 'home', city: 'A' },
        { use: 'home', type: 'postal', city: 'B' },
      ],
    },
    { address: [{ use: 'home', city: 'C' }] },
    [],
    {
      address: [
        { use: 'home', city: 'C' },
        { use: 'home', type: 'postal', city: 'B' },
      ],
    },
  ],
  [
    'replaces other lists as a whole',
    { communication: [{ preferred: true }, { preferred: false }] },
    { communication: [{ preferred: false }] },
    [],
    { communication: [{ preferred: false }] },
  ],
  [
    'deletes an element',
    { telecom: [{ value: '1' }], gender: 'male' },
    {},
    ['Patient.telecom'],
    { gender: 'male' },
  ],
  ['deletes a choice by its name', { deceasedBoolean: true }, {}, ['Patient.deceased'], {}],
  [
    'deletes inside of lists, and what is left empty by it',
    { contact: [{ gender: 'male' }, { gender: 'male', name: { family: 'A' } }] },
    {},
    ['Patient.contact.gender'],
    { contact: [{ name: { family: 'A' } }] },
  ],
  [
    'deletes before it adds',
    { telecom: [{ use: 'home', value: '1' }] },
    { telecom: [{ use: 'work', value: '2' }] },
    ['Patient.telecom'],
    { telecom: [{ use: 'work', value: '2' }] },
  ],
  [
    'deletes nothing of another type, and never the id',
    { gender: 'male' },
    {},
    ['Encounter.gender', 'Patient.id', 'Patient'],
    { gender: 'male' },
  ],
];

const patient = (elements: object) =>
  ({ resourceType: 'Patient', id: 'p', ...elements }) as ResourceChange['resource'];

describe('an update', () => {
  it.each(CASES)('%s', (_what, before, said, deleted, after) => {
    const current = patient(before);
    const kept = structuredClone(current);
    expect(applyChange(current, { resource: patient(said), mode: 'update', deleted })).toEqual(
      patient(after),
    );
    expect(current).toEqual(kept);
  });

  it('keeps what meta says, but not the version', () => {
    const meta: JsonObject = { versionId: '4', lastUpdated: '2020-01-01T00:00:00Z', tag: [{ code: 'a' }] };
    expect(
      applyChange(patient({ meta }), { resource: patient({ meta: { profile: ['x'] } }), mode: 'update' }),
    ).toEqual(patient({ meta: { tag: [{ code: 'a' }], profile: ['x'] } }));
  });
});

/** Type, before, what the message says, what goes, what yields, after. */
const STRUCTURES: readonly (readonly [
  string,
  string,
  JsonObject,
  JsonObject,
  Pick<ResourceChange, 'deleted' | 'yields'>,
  JsonObject,
])[] = [
  [
    'keeps the members of a structure and of a period that the message does not say',
    'Encounter',
    { hospitalization: { admitSource: { text: 'a' } }, period: { start: '2020' } },
    { hospitalization: { dischargeDisposition: { text: 'b' } }, period: { end: '2021' } },
    {},
    {
      hospitalization: { admitSource: { text: 'a' }, dischargeDisposition: { text: 'b' } },
      period: { start: '2020', end: '2021' },
    },
  ],
  [
    'replaces a quantity and a reference as a whole',
    'Encounter',
    { length: { value: 1, unit: 'd' }, subject: { reference: 'Patient/a', display: 'A' } },
    { length: { value: 2 }, subject: { reference: 'Patient/b' } },
    {},
    { length: { value: 2 }, subject: { reference: 'Patient/b' } },
  ],
  [
    'deletes the items that a where tells apart, and no others',
    'Patient',
    {
      telecom: [
        { use: 'home', value: '1' },
        { use: 'work', value: '2' },
      ],
    },
    {},
    { deleted: ["Patient.telecom.where(use='home')"] },
    { telecom: [{ use: 'work', value: '2' }] },
  ],
  [
    'deletes an item when that goes which it was for',
    'Encounter',
    { location: [{ status: 'active', location: { display: 'W' } }] },
    {},
    { deleted: ["Encounter.location.where(status='active').location"] },
    {},
  ],
  [
    'deletes an extension by its address',
    'Patient',
    {
      extension: [
        { url: 'urn:a', valueString: 'x' },
        { url: 'urn:b', valueString: 'y' },
      ],
    },
    {},
    { deleted: ["Patient.extension('urn:a').valueString"] },
    { extension: [{ url: 'urn:b', valueString: 'y' }] },
  ],
  [
    'leaves what is known where it is only supposed',
    'Account',
    { status: 'inactive' },
    { status: 'active' },
    { yields: { status: true } },
    { status: 'inactive' },
  ],
  [
    'takes what is supposed where nothing is known',
    'Account',
    {},
    { status: 'active' },
    { yields: { status: true } },
    { status: 'active' },
  ],
  [
    'leaves what is known where it is one of the codes',
    'Encounter',
    { status: 'finished' },
    { status: 'in-progress' },
    { yields: { status: ['finished'] } },
    { status: 'finished' },
  ],
  [
    'takes what is supposed instead of other codes',
    'Encounter',
    { status: 'planned' },
    { status: 'in-progress' },
    { yields: { status: ['finished'] } },
    { status: 'in-progress' },
  ],
];

describe('an update of a structure', () => {
  it.each(STRUCTURES)('%s', (_what, resourceType, before, said, rest, after) => {
    const current = { resourceType, id: 'e', ...before };
    const kept = structuredClone(current);
    const change: ResourceChange = { resource: { resourceType, id: 'e', ...said }, mode: 'update', ...rest };
    expect(applyChange(current, change)).toEqual({ resourceType, id: 'e', ...after });
    expect(current).toEqual(kept);
  });
});

describe('the other modes', () => {
  it('a snapshot is all there is', () => {
    const change = { resource: patient({ gender: 'male' }), mode: 'snapshot' } as const;
    expect(applyChange(patient({ birthDate: '1980' }), change)).toEqual(patient({ gender: 'male' }));
  });

  it('a mention makes what is not there, and leaves alone what is', () => {
    const change = { resource: patient({ gender: 'male' }), mode: 'mention' } as const;
    const known = patient({ birthDate: '1980' });
    expect(applyChange(undefined, change)).toEqual(patient({ gender: 'male' }));
    expect(applyChange(known, change)).toBe(known);
  });
});

const ABSENT = {
  extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'unknown' }],
};

describe('an update that says that it does not say something', () => {
  const applied = (resourceType: string, before: JsonObject | undefined, said: JsonObject) => {
    const id = 'a';
    const change = { mode: 'update', resource: { resourceType, id, ...said } } as const;
    const {
      resourceType: _type,
      id: _id,
      ...after
    } = applyChange(before && { resourceType, id, ...before }, change);
    return after;
  };
  const times = { start: '2026-11-20T09:00:00Z', end: '2026-11-20T09:30:00Z' };
  const pdf = { attachment: { contentType: 'application/pdf', url: 'Binary/b' } };

  it.each<readonly [string, string, JsonObject, JsonObject, JsonObject]>([
    [
      'leaves the time of an appointment that is cancelled without it',
      'Appointment',
      { status: 'booked', ...times },
      { status: 'cancelled', _start: ABSENT, _end: ABSENT },
      { status: 'cancelled', ...times },
    ],
    [
      'leaves the body of a document that it only has news about',
      'DocumentReference',
      { status: 'current', content: [pdf] },
      { status: 'entered-in-error', content: [{ attachment: ABSENT }] },
      { status: 'entered-in-error', content: [pdf] },
    ],
    [
      'leaves the body where only the type of one is said',
      'DocumentReference',
      { content: [pdf] },
      { content: [{ attachment: { contentType: 'text/plain' } }] },
      { content: [pdf] },
    ],
    [
      'leaves a choice, whatever its type',
      'Immunization',
      { occurrenceString: 'in May' },
      { _occurrenceDateTime: ABSENT },
      { occurrenceString: 'in May' },
    ],
    [
      'says so where nothing is known',
      'Appointment',
      { status: 'booked' },
      { status: 'cancelled', _start: ABSENT },
      { status: 'cancelled', _start: ABSENT },
    ],
    [
      'replaces what was not known by what is',
      'Appointment',
      { _start: ABSENT, _end: ABSENT },
      { ...times },
      times,
    ],
    [
      'replaces a body by another one',
      'DocumentReference',
      { content: [pdf] },
      { content: [{ attachment: { contentType: 'text/plain', data: 'QQ==' } }] },
      { content: [{ attachment: { contentType: 'text/plain', data: 'QQ==' } }] },
    ],
  ])('%s', (_what, type, before, said, after) => expect(applied(type, before, said)).toEqual(after));
});
