import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoadedConfig } from '../../src/config/load.ts';
import { createDay } from '../../sandbox/feed/day.ts';
import { feedOf } from '../../sandbox/feed/disturb.ts';
import { sendFeed } from '../../sandbox/feed/send.ts';
import { HOSP, startHospital } from '../support/hospital.ts';
import type { Hospital } from '../support/hospital.ts';
import { until } from '../support/migration-desk.ts';

/** The demo, with everything about a patient answered by what the feed has told. */
function told(loaded: LoadedConfig): LoadedConfig {
  const { config } = loaded;
  const record = config.backends['record'];
  if (record?.kind !== 'projection') throw new Error('the demo has a projection');
  const more = ['Patient', 'Encounter', 'Observation'].flatMap((type) => [`${type}.read`, `${type}.search`]);
  const routes = more.map((endpoint) => ({
    endpoint,
    stage: 'legacy' as const,
    legacy: 'record',
    body: 'validated' as const,
  }));
  return {
    ...loaded,
    config: {
      ...config,
      backends: { ...config.backends, record: { ...record, endpoints: [...record.endpoints, ...more] } },
      routes: [...config.routes.filter(({ endpoint }) => !more.includes(endpoint)), ...routes],
    },
  };
}

interface Bundle {
  readonly total?: number;
  readonly entry?: readonly {
    readonly search?: { readonly mode: string };
    readonly resource: Record<string, unknown> & { readonly resourceType: string; readonly id: string };
  }[];
}

let hospital: Hospital;
let patient: string;

async function get(
  path: string,
): Promise<{ status: number; headers: Headers; body: Bundle & Record<string, unknown> }> {
  const response = await fetch(`${hospital.base}/${path}`);
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Bundle & Record<string, unknown>,
  };
}

/** What /metadata says that can be done with a type. */
async function interactionsOf(type: string): Promise<string[]> {
  const { rest } = (await get('metadata')).body as unknown as {
    rest: [{ resource: { type: string; interaction: { code: string }[] }[] }];
  };
  return rest[0].resource.find((it) => it.type === type)!.interaction.map(({ code }) => code);
}

const typesOf = ({ entry = [] }: Bundle) => entry.map(({ resource }) => resource.resourceType);

beforeAll(async () => {
  hospital = await startHospital(told);
  const messages = feedOf(createDay({ patients: 12 })).map(({ bytes, event }) => ({
    bytes,
    lane: event.lane,
  }));
  const report = await sendFeed(messages, {
    host: '127.0.0.1',
    port: hospital.ficus.feedPorts['hospix']!,
    connections: 4,
  });
  expect(report.answers).toEqual({ AA: messages.length });
  await until('everything is processed', async () => {
    const status = (await (await fetch(`${hospital.ficus.adminBase}/feed`)).json()) as {
      interfaces: [{ counts: Record<string, number> }];
    };
    const { received, processed } = status.interfaces[0].counts;
    return received === messages.length && processed === messages.length;
  });
  patient = await hospital.patientId('200001');
});

afterAll(() => hospital?.close());

describe('a record that the feed has told', () => {
  it('is read with its version and its age, and says where it comes from', async () => {
    const { headers, body } = await get(`Patient/${patient}`);
    expect(headers.get('x-served-by')).toBe('projection');
    expect(headers.get('etag')).toBe('W/"1"');
    expect(Number(headers.get('age'))).toBeLessThan(60);
    expect(body).toMatchObject({ identifier: [{ system: HOSP, value: '200001' }], gender: 'male' });
    const conditional = await fetch(`${hospital.base}/Patient/${patient}`, {
      headers: { 'if-none-match': 'W/"1"' },
    });
    expect(conditional.status).toBe(304);
  });

  it('is sent as it is kept, which is what it says when it is laid out for people', async () => {
    const plain = await fetch(`${hospital.base}/Observation?patient=${patient}`);
    const pretty = await fetch(`${hospital.base}/Observation?patient=${patient}&_pretty=true`);
    const [text, laidOut] = [await plain.text(), await pretty.text()];
    expect(laidOut.length).toBeGreaterThan(text.length);
    const { entry = [] } = JSON.parse(text) as Bundle;
    expect(entry.length).toBeGreaterThan(0);
    expect(entry).toEqual((JSON.parse(laidOut) as Bundle).entry);
  });

  it.runIf(process.platform === 'linux' && getPriority() < 10)(
    'is told by a thread that lets others go first',
    () => {
      const nice = readdirSync('/proc/self/task').flatMap((thread) => {
        try {
          const [, fields = ''] = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8').split(') ');
          return Number(fields.split(' ')[16]);
        } catch {
          // It has ended meanwhile.
          return [];
        }
      });
      expect(nice).toContain(10);
      expect(nice).toContain(getPriority());
    },
  );

  it('has the same id as the record that the core answers with', async () => {
    const { entry = [] } = (await get(`Encounter?patient=${patient}`)).body;
    expect(entry[0]?.resource['subject']).toMatchObject({ reference: `Patient/${patient}` });
  });

  it.each([
    [
      'a chain',
      () => `Observation?patient.identifier=${encodeURIComponent(`${HOSP}|200001`)}&_total=accurate`,
      3,
    ],
    [
      'a chain the other way',
      () => 'Patient?_has:Observation:patient:code=http://loinc.org|718-7&_total=accurate&_count=1',
      12,
    ],
    [
      'a value with its unit',
      () => `Observation?patient=${patient}&value-quantity=gt0||mmol/L&_total=accurate`,
      2,
    ],
    ['a date', () => `Encounter?patient=${patient}&date=ge2026-11-02&_total=accurate`, 1],
    ['what is missing', () => `Observation?patient=${patient}&encounter:missing=true&_total=accurate`, 0],
  ])('is searched by %s', async (_, path, total) => {
    const { status, body } = await get(path());
    expect({ status, total: body.total }, JSON.stringify(body)).toEqual({ status: 200, total });
  });

  it('brings what refers to it, and what it refers to', async () => {
    expect(typesOf((await get(`Patient?_id=${patient}&_revinclude=Observation:patient`)).body)).toEqual([
      'Patient',
      'Observation',
      'Observation',
      'Observation',
    ]);
    const included = typesOf(
      (await get(`DiagnosticReport?patient=${patient}&_include=DiagnosticReport:result`)).body,
    );
    expect(included.filter((type) => type === 'Observation')).toHaveLength(3);
  });

  it('keeps the digits of what was measured', async () => {
    const text = await (await fetch(`${hospital.base}/Observation?patient=${patient}&code=14749-6`)).text();
    expect(text).toMatch(/"value":\d\.\d\d[,}]/);
  });

  it('shows its versions where the contract promises them', async () => {
    const { entry = [] } = (await get(`DiagnosticReport?patient=${patient}`)).body;
    const id = entry[0]!.resource.id;
    const { status, body } = await get(`DiagnosticReport/${id}/_history`);
    expect(status).toBe(200);
    const versions = (body.entry ?? []).map(
      ({ resource }) => (resource['meta'] as { versionId: string }).versionId,
    );
    expect(versions.length).toBeGreaterThan(1);
    expect(versions).toEqual(versions.toSorted((one, other) => Number(other) - Number(one)));
    const first = await get(`DiagnosticReport/${id}/_history/1`);
    expect(first.body['status']).toBe('preliminary');
  });

  it('gives them of a patient, too, page by page and from an instant on, and says so in /metadata', async () => {
    const { status, headers, body } = await get(`Patient/${patient}/_history?_count=1`);
    expect({ status, type: body['type'], servedBy: headers.get('x-served-by') }).toEqual({
      status: 200,
      type: 'history',
      servedBy: 'projection',
    });
    expect(Number(headers.get('age'))).toBeGreaterThanOrEqual(0);
    expect(body.entry).toMatchObject([
      {
        resource: { id: patient },
        request: { method: 'PUT' },
        response: { etag: expect.any(String) as string },
      },
    ]);
    const later = await get(`Patient/${patient}/_history?_since=2999-01-01T00:00:00Z`);
    expect(later.body).toMatchObject({ total: 0 });
    expect(later.body.entry).toBeUndefined();
    const unknown = await get(`Patient/${patient}/_history?_at=2024`);
    expect({ status: unknown.status, body: unknown.body }).toMatchObject({
      status: 400,
      body: { issue: [{ code: 'not-supported', expression: ['_at'] }] },
    });
    expect(await interactionsOf('Patient')).toContain('history-instance');
  });

  it('refuses them, with the reason, where a core answers that keeps none', async () => {
    const asked = `AllergyIntolerance?patient:identifier=${encodeURIComponent(`${HOSP}|100001`)}`;
    const allergies = (await get(asked)).body;
    const id = allergies.entry![0]!.resource.id;
    const { status, body } = await get(`AllergyIntolerance/${id}/_history`);
    expect({ status, body }).toMatchObject({
      status: 501,
      body: {
        issue: [
          { code: 'not-supported', diagnostics: expect.stringContaining('keeps no versions') as string },
        ],
      },
    });
    expect(await interactionsOf('AllergyIntolerance')).not.toContain('history-instance');
  });

  it('refuses to be written', async () => {
    const response = await fetch(`${hospital.base}/DiagnosticReport`, {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json' },
      body: '{}',
    });
    expect(response.status).toBe(405);
  });
});
