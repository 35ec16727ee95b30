import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { factOf } from '../../src/audit/chain.ts';
import { verifyTrail } from '../../src/audit/verify.ts';
import type { AuditFact, AuditStore } from '../../src/audit-ports.ts';
import { openAuditStore } from '../../src/store/sqlite-audit.ts';
import { HOSP, startHospital } from '../support/hospital.ts';
import type { Hospital } from '../support/hospital.ts';

let hospital: Hospital;
let store: AuditStore;

beforeAll(async () => {
  let folder = '';
  hospital = await startHospital((loaded) => {
    folder = loaded.config.stateDir;
    return loaded;
  });
  store = openAuditStore(join(folder, 'audit.sqlite'), { durability: 'normal' });
});
afterAll(async () => {
  store.close();
  await hospital.close();
});

/** Asks, and gives what the trail says of it: it is there before the answer is. */
async function ask(
  path: string,
  init: RequestInit = {},
): Promise<{ readonly status: number; readonly body: Record<string, unknown>; readonly facts: AuditFact[] }> {
  const requestId = randomUUID();
  const headers = { ...(init.headers as Record<string, string>), 'x-request-id': requestId };
  const response = await fetch(`${hospital.base}${path}`, { ...init, headers });
  const facts = store.list({ requestId }, 100).map(factOf);
  expect(response.headers.get('x-request-id')).toBe(requestId);
  return { status: response.status, body: (await response.json()) as Record<string, unknown>, facts };
}

describe('one chain from the request to the core and back', () => {
  it('over MLLP: request id, MSH-10, acknowledgement, AuditEvent', async () => {
    const id = await hospital.patientId('100001');
    const { status, facts } = await ask(`/Patient/${id}`);
    expect(status).toBe(200);
    expect(facts).toMatchObject([
      {
        kind: 'read',
        outcome: 'success',
        patient: id,
        servedBy: 'legacy:core',
        references: [`Patient/${id}`],
      },
    ]);
    const messages = facts[0]?.exchanges ?? [];
    const line = hospital
      .log()
      .find((one) => one['message'] === 'hl7v2 exchange' && one['requestId'] === facts[0]?.requestId);
    if (line)
      expect(messages).toEqual([{ backend: 'core', messageId: line['controlId'], acknowledgement: 'AA' }]);
    else expect(messages).toEqual([]);
    const search = await ask(`/Patient?identifier=${encodeURIComponent(`${HOSP}|100002`)}`);
    expect(search.facts[0]).toMatchObject({
      kind: 'query',
      exchanges: [{ backend: 'core', acknowledgement: 'AA' }],
    });
    const { messageId } = search.facts[0]!.exchanges![0]!;
    expect(store.list({ identifier: messageId }, 10).map((record) => factOf(record).requestId)).toEqual([
      search.facts[0]!.requestId,
    ]);
  });

  it('over SOAP: request id, message id, return code, AuditEvent', async () => {
    const id = await hospital.patientId('100001');
    const { facts } = await ask(`/AllergyIntolerance?patient=${id}`);
    expect(facts[0]).toMatchObject({
      kind: 'query',
      patient: id,
      exchanges: [{ backend: 'clinical', messageId: expect.stringMatching(/^urn:uuid:/) }],
    });
    const line = hospital
      .log()
      .find((one) => one['message'] === 'soap exchange' && one['requestId'] === facts[0]?.requestId);
    expect(line?.['soapMessageId']).toBe(facts[0]!.exchanges![0]!.messageId);
  });

  it('of every entry of a batch, and of what failed', async () => {
    const id = await hospital.patientId('100001');
    const batch = {
      resourceType: 'Bundle',
      type: 'batch',
      entry: [
        { request: { method: 'GET', url: `Patient/${id}` } },
        { request: { method: 'GET', url: 'Patient/nobody' } },
        { request: { method: 'GET', url: `AllergyIntolerance?patient=${id}` } },
      ],
    };
    const { status, facts } = await ask('', {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify(batch),
    });
    expect(status).toBe(200);
    expect(facts.map(({ action, outcome }) => `${action} ${outcome}`).toSorted()).toEqual([
      'AllergyIntolerance.search success',
      'Patient.read refused',
      'Patient.read success',
    ]);
  });

  it('of a search that finds several patients, one each', async () => {
    const { body, facts } = await ask('/Patient?birthdate=gt1900-01-01&_count=5&gender=female&family=M');
    const entries = (body['entry'] ?? []) as { resource: { resourceType: string; id: string } }[];
    const found = entries
      .filter(({ resource }) => resource.resourceType === 'Patient')
      .map(({ resource }) => resource.id);
    const told = facts.flatMap(({ patient }) => (patient === undefined ? [] : [patient]));
    expect(told.toSorted()).toEqual(found.toSorted());
  });

  it('of what was asked wrongly, and not of the AuditEvents that are not served while security is open', async () => {
    const wrong = await ask('/Patient?birthdate=soon');
    expect(wrong.status).toBe(400);
    expect(wrong.facts).toMatchObject([
      { kind: 'refused', errorCode: 'parameter-invalid', action: 'Patient.search' },
    ]);
    const events = await ask('/AuditEvent?patient=1');
    expect(events.status).toBe(404);
    const metadata = JSON.stringify(await (await fetch(`${hospital.base}/metadata`)).json());
    expect(metadata).not.toContain('"AuditEvent"');
  });

  it('and the chain holds', () => {
    expect(verifyTrail(store)).toMatchObject({ holds: true });
  });
});
