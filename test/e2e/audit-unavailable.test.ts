import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditConfig } from '../../src/config/audit-schema.ts';
import { verifyTrail } from '../../src/audit/verify.ts';
import { readAuditStore } from '../../src/store/sqlite-audit.ts';
import { startHospital } from '../support/hospital.ts';
import type { Hospital } from '../support/hospital.ts';

/*
 * The disk of the audit trail is full. What becomes of requests is the deployment's choice; either way it is told, and how much is missing stands in the trail
 * afterwards. The tests of each are steps, one after the other.
 */

const FULL = "CREATE TRIGGER full BEFORE INSERT ON audit_record BEGIN SELECT RAISE(ABORT, 'disk full'); END";
const PERSON = {
  resourceType: 'Patient',
  name: [{ family: 'Neumann', given: ['Ida'] }],
  birthDate: '1991-02-03',
};

describe.each<AuditConfig['whenUnavailable']>(['serve', 'refuse'])(
  'where the deployment wants to %s',
  (whenUnavailable) => {
    const serves = whenUnavailable === 'serve';
    let hospital: Hospital;
    let patient: string;
    beforeAll(async () => {
      hospital = await startHospital(({ config, ...loaded }) => ({
        ...loaded,
        config: { ...config, audit: { ...config.audit, whenUnavailable } },
      }));
      patient = await hospital.patientId('100001');
    });
    afterAll(() => hospital?.close());

    const file = () => join(hospital.state, 'audit.sqlite');
    const disk = (sql: string): void => {
      const database = new DatabaseSync(file(), { timeout: 5_000 });
      database.exec(sql);
      database.close();
    };
    const read = () => fetch(`${hospital.base}/Patient/${patient}`);
    const create = (key: string) =>
      fetch(`${hospital.base}/Patient`, {
        method: 'POST',
        headers: { 'content-type': 'application/fhir+json', 'idempotency-key': key },
        body: JSON.stringify(PERSON),
      });
    const metric = async (name: string): Promise<number> => {
      const text = await (await fetch(`${hospital.ficus.adminBase}/metrics`)).text();
      const line = text.split('\n').find((one) => one.startsWith(`${name} `));
      return Number(line?.slice(name.length + 1));
    };
    const ready = async () => (await fetch(`${hospital.ficus.adminBase}/readyz`)).text();

    it('requests are answered while there is room', async () => {
      expect((await read()).status).toBe(200);
      expect(await metric('ficus_audit_failing')).toBe(0);
      expect(await ready()).not.toContain('audit');
    });

    it(`reads ${serves ? 'are answered' : 'are refused, with nothing of the record,'} when there is none`, async () => {
      disk(FULL);
      const answer = await read();
      const text = await answer.text();
      expect(answer.status).toBe(serves ? 200 : 503);
      expect(text.includes(patient)).toBe(serves);
      if (!serves) expect(answer.headers.get('retry-after')).toBe('5');
    });

    it(`writes ${serves ? 'are answered' : 'are done, and told as in doubt'}`, async () => {
      const answer = await create('one');
      expect(answer.status).toBe(serves ? 201 : 504);
      if (!serves) expect(await answer.text()).toContain('cannot be recorded now');
    });

    it('it is told: to whoever looks at the metrics, at the readiness, and at the log', async () => {
      expect(await metric('ficus_audit_failing')).toBe(1);
      expect(await metric('ficus_audit_events_total{outcome="failed"}')).toBe(2);
      expect(await ready()).toContain('the audit trail cannot be written');
      const lines = hospital
        .log()
        .filter(({ msg, message = msg }) => String(message).includes('audit trail cannot be written'));
      expect(lines).toHaveLength(2);
      expect(JSON.stringify(lines)).not.toMatch(/Neumann|100001/);
      expect(JSON.stringify(lines)).toContain(serves ? 'served without it' : 'requests are refused');
    });

    it('how many events are missing stands in the trail as soon as there is room, and the trail is whole', async () => {
      disk('DROP TRIGGER full');
      expect((await read()).status).toBe(200);
      // Done by the first request, it is not done again.
      expect((await create('one')).status).toBe(201);
      expect(await metric('ficus_audit_failing')).toBe(0);
      expect(await ready()).not.toContain('audit');
      const store = readAuditStore(file());
      const lost = store.list({ kinds: ['admin'] }, 10).map(({ body }) => JSON.parse(body) as object);
      expect(lost).toMatchObject([{ action: 'audit.lost', outcome: 'failed', details: { events: '2' } }]);
      expect(verifyTrail(store)).toMatchObject({ holds: true });
      store.close();
      const people = await fetch(`${hospital.base}/Patient?family=Neumann&birthdate=1991-02-03`);
      expect(((await people.json()) as { entry: unknown[] }).entry).toHaveLength(1);
    });
  },
);
