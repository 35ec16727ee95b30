import { randomUUID } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { compose } from '../../src/compose.ts';
import type { Ficus } from '../../src/compose.ts';
import type { LoadedConfig } from '../../src/config/load.ts';
import { createLogger } from '../../src/log.ts';
import { startHospital } from '../support/hospital.ts';
import type { Hospital } from '../support/hospital.ts';

/** A core dies while it writes: the repeat with the same key finds out what became of it, and never does it twice. */
let hospital: Hospital;
let patient: string;
let configured: LoadedConfig;

function impatient(loaded: LoadedConfig): LoadedConfig {
  const backends = Object.fromEntries(
    Object.entries(loaded.config.backends).map(([name, backend]) => [
      name,
      { ...backend, deadlineMs: 1_500, retries: 0, breaker: { ...backend.breaker, volume: 500 } },
    ]),
  );
  configured = { ...loaded, config: { ...loaded.config, backends } };
  return configured;
}

beforeAll(async () => {
  hospital = await startHospital(impatient);
  patient = await hospital.patientId('100001');
});
afterEach(() => hospital.clearDials());
afterAll(() => hospital.close());

interface Kind {
  readonly type: string;
  readonly protocol: 'mllp' | 'soap';
  readonly operation: string;
  /** A resource that no other one of these tests is like. */
  readonly resource: (nth: number) => object;
}

const KINDS: readonly Kind[] = [
  {
    type: 'ServiceRequest',
    protocol: 'mllp',
    operation: 'OML^O21',
    resource: () => ({
      status: 'active',
      intent: 'order',
      code: { coding: [{ system: 'http://loinc.org', code: '58410-2' }] },
      subject: { reference: `Patient/${patient}` },
    }),
  },
  {
    type: 'Patient',
    protocol: 'mllp',
    operation: 'ADT^A28',
    resource: () => ({ name: [{ family: 'Doubt' }], gender: 'female' }),
  },
  {
    type: 'Appointment',
    protocol: 'soap',
    operation: 'BookAppointment',
    resource: (nth) => ({
      status: 'booked',
      start: `2027-03-0${nth}T09:00:00+01:00`,
      end: `2027-03-0${nth}T09:30:00+01:00`,
      participant: [{ actor: { reference: `Patient/${patient}` }, status: 'accepted' }],
    }),
  },
];

const write = async (base: string, method: string, path: string, resource: object, key: string) => {
  const [resourceType] = path.split('/');
  const response = await fetch(`${base}/${path}`, {
    method,
    headers: { 'content-type': 'application/fhir+json', 'idempotency-key': key },
    body: JSON.stringify({ resourceType, ...resource }),
  });
  const body = (await response.json()) as { readonly id?: string; readonly issue?: unknown };
  return { status: response.status, location: response.headers.get('location'), body };
};

/** What the core received of an operation after an entry of its journal, and did. */
async function received({ operation, protocol }: Kind): Promise<{ controlId: string; outcome: string }[]> {
  const query = new URLSearchParams({ protocol, operation, limit: '1000' });
  const { received: entries } = await hospital.control<{
    received: { controlId: string; outcome: string }[];
  }>(`/received?${query.toString()}`);
  return entries;
}

/** Resources of a type in the core, as far as these tests make them. */
async function kept({ type }: Kind): Promise<number> {
  if (type === 'ServiceRequest')
    return (await hospital.control<{ orders: unknown[] }>('/orders')).orders.length;
  const query = type === 'Patient' ? 'family=Doubt&gender=female' : `patient=${patient}&date=ge2027-03-01`;
  const found = (await (await fetch(`${hospital.base}/${type}?${query}`)).json()) as {
    readonly entry?: readonly { readonly search: { readonly mode: string } }[];
  };
  return (found.entry ?? []).filter(({ search }) => search.mode === 'match').length;
}

/** The core stays away for longer than a write waits for it. */
const kill = ({ protocol, operation }: Kind, applied: boolean, downMs = 3_500) =>
  hospital.dial({ protocol, operation, fault: 'kill-mid-write', count: 1, bytes: 0, applied, downMs });

/** Repeats until the core can be asked; every answer before that says that nobody knows. */
async function repeated(again: () => ReturnType<typeof write>): ReturnType<typeof write> {
  for (let nth = 0; nth < 300; nth += 1) {
    const answer = await again();
    if (answer.status < 500) return answer;
    expect(answer.status).toBe(504);
    await new Promise((resolve) => void setTimeout(resolve, 100));
  }
  throw new Error('the core did not come back');
}

describe.each(KINDS)('a new $type, killed on the way', (kind) => {
  it.each([
    ['had been done', true, 1],
    ['had not been done', false, 2],
  ] as const)('and %s: the repeat makes it exactly one', async (_what, applied, nth) => {
    const before = await kept(kind);
    const seen = (await received(kind)).length;
    const key = randomUUID();
    const post = () => write(hospital.base, 'POST', kind.type, kind.resource(nth), key);
    await kill(kind, applied);
    expect((await post()).status).toBe(504);
    expect((await post()).status).toBe(504);
    const done = await repeated(post);
    expect(done).toMatchObject({ status: 201, body: { id: expect.any(String) } });
    const again = await Promise.all(Array.from({ length: 8 }, post));
    for (const answer of again) expect(answer).toEqual(done);
    expect(await kept(kind)).toBe(before + 1);
    const sent = (await received(kind)).slice(seen);
    expect(sent).toHaveLength(applied ? 1 : 2);
    if (kind.protocol === 'mllp') expect(new Set(sent.map(({ controlId }) => controlId)).size).toBe(1);
  });
});

describe.each(KINDS)('a new $type, killed before Ficus was started anew', (kind) => {
  it('is found by the new process, eight at once', async () => {
    const before = await kept(kind);
    const key = randomUUID();
    const first = await start();
    const resource = kind.resource(3);
    await kill(kind, true);
    expect((await write(first.publicBase, 'POST', kind.type, resource, key)).status).toBe(504);
    await first.stop();
    const second = await start();
    try {
      const post = () => write(second.publicBase, 'POST', kind.type, resource, key);
      const done = await repeated(post);
      expect(done.status).toBe(201);
      const again = await Promise.all(Array.from({ length: 8 }, post));
      expect(again.map(({ status, body }) => [status, body.id])).toEqual(
        again.map(() => [201, done.body.id]),
      );
      expect(await kept(kind)).toBe(before + 1);
    } finally {
      await second.stop();
    }
  });

  const stateDir = mkdtempSync(join(tmpdir(), 'ficus-doubtful-'));
  afterAll(() => rmSync(stateDir, { recursive: true, force: true }));

  /** A Ficus beside the hospital's, with a state of its own: the second has that of the first. */
  async function start(): Promise<Ficus> {
    const { config } = configured;
    // The mappings need not be measured again.
    cpSync(join(config.stateDir, 'mappings-found-lawful'), join(stateDir, 'mappings-found-lawful'));
    const listen = { ...config.listen, port: 0 };
    const admin = { ...config.admin, port: 0 };
    return compose(
      { ...configured, config: { ...config, listen, admin, stateDir } },
      { log: createLogger({ level: 'silent' }) },
    );
  }
});

describe('Patient.update, killed on the way', () => {
  it.each([
    ['had been done', true, 1],
    ['had not been done', false, 2],
  ] as const)('and %s: the repeat finds or sends it', async (_what, applied, times) => {
    const kind = { ...KINDS[1]!, operation: 'ADT^A31' };
    const seen = (await received(kind)).length;
    const { entry } = (await (await fetch(`${hospital.base}/Patient?_id=${patient}`)).json()) as {
      readonly entry: readonly { readonly resource: { readonly meta: object } }[];
    };
    const { meta: _meta, ...content } = entry[0]!.resource;
    const resource = { ...content, birthDate: applied ? '1931-03-04' : '1932-03-04' };
    const key = randomUUID();
    await kill(kind, applied);
    const update = () => write(hospital.base, 'PUT', `Patient/${patient}`, resource, key);
    expect((await update()).status).toBe(504);
    expect(await repeated(update)).toMatchObject({ status: 200, body: { birthDate: resource.birthDate } });
    const sent = (await received(kind)).slice(seen);
    expect(sent.map(({ controlId }) => controlId)).toEqual(
      Array.from({ length: times }, () => sent[0]?.controlId),
    );
  });
});
