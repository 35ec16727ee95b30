import { describe, expect, it } from 'vitest';
import { createFeedReader } from '../../../src/compose/feed/reader.ts';
import { loadMappings } from '../../../src/config/mappings.ts';
import type { MessageContent } from '../../../src/projection-ports.ts';
import { createAuthorities } from '../../../src/identity/authorities.ts';
import { createSealer } from '../../../src/identity/seal.ts';

const authorities = createAuthorities([
  { name: 'HOSP', namespaces: ['HOSP'], system: 'urn:oid:2.999.1.1' },
  { name: 'LAB', namespaces: ['LAB'], system: 'https://lab.example/numbers' },
]);
const sealer = createSealer({ keys: [{ id: 'a', secret: new Uint8Array(64).fill(7) }], authorities });
const idOf = (type: string, key: string) => sealer.seal(type, key).id;
const mappings = loadMappings('mappings');
const read = createFeedReader({
  mappings: () => mappings,
  authorities: authorities.all,
  sealer,
  profile: (source) => (source === 'adt' ? { timeZone: 'Europe/Berlin', authority: 'HOSP' } : undefined),
});

const RECEIVED = Date.UTC(2026, 0, 5);

function adt(event: string, ...segments: string[]) {
  const header = `MSH|^~\\&|ADT|EAST|FICUS|GATE|20260102100500||ADT^${event}|M1|P|2.5.1`;
  return read(Buffer.from([header, ...segments, ''].join('\r')), {
    source: 'adt',
    sender: 'ADT|EAST',
    receivedAt: RECEIVED,
  });
}

function contentOf(event: string, ...segments: string[]): MessageContent {
  const result = adt(event, ...segments);
  if (!('content' in result)) throw new Error(`parked: ${result.parked} ${result.detail}`);
  return result.content;
}

const change = (content: MessageContent, type: string) =>
  content.changes.find(({ resource }) => resource.resourceType === type)!;

describe('a message of the feed', () => {
  it('becomes resources with FHIR ids that refer to each other by them', () => {
    const content = contentOf(
      'A01',
      'EVN||20260102100400',
      'PID|1||100^^^HOSP||Doe^Jo',
      'PV1|1|I|ICU^1||||||||||||||||V7^^^HOSP',
    );
    expect(content.patient).toBe(idOf('Patient', 'HOSP|100'));
    expect(change(content, 'Patient')).toMatchObject({
      mode: 'update',
      resource: { id: idOf('Patient', 'HOSP|100') },
    });
    expect(change(content, 'Encounter').resource).toMatchObject({
      id: idOf('Encounter', 'HOSP|V7'),
      subject: { reference: `Patient/${idOf('Patient', 'HOSP|100')}` },
    });
    expect(JSON.stringify(content)).not.toContain('HOSP|');
  });

  it.each([
    ['EVN-2 says when', '20260102100400', Date.UTC(2026, 0, 2, 9, 4)],
    ['EVN-2 says the day', '20260102', Date.UTC(2026, 0, 1, 23)],
    ['EVN-2 says nothing: MSH-7 does', '', Date.UTC(2026, 0, 2, 9, 5)],
    ['EVN-2 is no time: MSH-7 is', 'yesterday', Date.UTC(2026, 0, 2, 9, 5)],
  ])('happened when %s, in the zone of its sender', (_, text, at) => {
    expect(contentOf('A08', `EVN||${text}`, 'PID|1||100^^^HOSP||Doe', 'PV1|1|N').eventAt).toBe(at);
  });

  it('takes a number without an authority for one of its sender, and says so', () => {
    const { resource } = change(contentOf('A08', 'EVN', 'PID|1||100||Doe', 'PV1|1|N'), 'Patient');
    expect(resource.id).toBe(idOf('Patient', 'HOSP|100'));
    expect(resource['identifier']).toEqual([{ system: 'urn:oid:2.999.1.1', value: '100' }]);
  });

  it('is parked when its patient has no number of a registered authority', () => {
    expect(adt('A08', 'EVN', 'PID|1||100^^^ELSEWHERE||Doe', 'PV1|1|N')).toEqual({
      parked: 'unknown-authority',
      detail: 'PID-3: no number of an assigning authority that is registered',
    });
  });

  it('is parked when it does not say whose it is', () => {
    const order = 'ORC|NW|1^HOSP\rOBR|1|1^HOSP||718-7^^LN';
    const bytes = Buffer.from(`MSH|^~\\&|A|B|||2026||ORM^O01|1|P|2.5.1\r${order}\r`);
    expect(read(bytes, { source: 'adt', sender: 'ADT|EAST', receivedAt: RECEIVED })).toMatchObject({
      parked: 'malformed',
    });
  });

  it('is parked when there is no message file for its type', () => {
    const bytes = Buffer.from('MSH|^~\\&|A|B|||2026||ZZZ^Z99|1|P|2.5.1\rZZZ|1\r');
    expect(read(bytes, { source: 'adt', sender: 'ADT|EAST', receivedAt: RECEIVED })).toMatchObject({
      parked: 'not-supported',
    });
    expect(read(bytes, { source: 'gone', sender: 'ADT|EAST', receivedAt: RECEIVED })).toMatchObject({
      parked: 'not-supported',
    });
  });

  it('says which elements its `""` deletes', () => {
    const { deleted } = change(
      contentOf('A08', 'EVN', 'PID|1||100^^^HOSP||Doe^Jo||""|F|||||""', 'PV1|1|N'),
      'Patient',
    );
    expect(deleted).toContain('Patient.birthDate');
    expect(deleted).toContain("Patient.telecom.where(use='home')");
    expect(deleted).not.toContain('Patient.gender');
    expect(
      change(contentOf('A08', 'EVN', 'PID|1||100^^^HOSP||Doe', 'PV1|1|N'), 'Patient').deleted,
    ).toBeUndefined();
  });

  it('tells the crosswalk of keys that are too long for an id', () => {
    const number = '1'.repeat(60);
    const content = contentOf('A08', 'EVN', `PID|1||${number}^^^HOSP||Doe`, 'PV1|1|N');
    expect(content.hashed).toEqual([{ id: content.patient, type: 'Patient', key: `HOSP|${number}` }]);
  });

  it('says the same of what was read, named and sealed before, keys for the crosswalk too', () => {
    const number = '2'.repeat(60);
    const visit = (id: string) =>
      contentOf(
        'A01',
        'EVN||20260102100400',
        `PID|1||${number}^^^HOSP||Doe^Jo`,
        `PV1|1|I|ICU^1^2||||${number}^Grey^Meredith^^^^^^HOSP||||||||||||${id}^^^HOSP`,
      );
    const [first, again, other] = [visit('V7'), visit('V7'), visit('V8')];
    expect(again).toEqual(first);
    expect(again.hashed.map(({ type }) => type)).toContain('Practitioner');
    expect(other.hashed).toEqual(first.hashed);
    const others = (content: MessageContent) =>
      content.changes.filter(({ resource }) => resource.resourceType !== 'Encounter');
    expect(others(other)).toEqual(others(first));
    expect(change(other, 'Encounter').resource.id).not.toBe(change(first, 'Encounter').resource.id);
  });
});
