import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LoadedConfig } from '../../src/config/load.ts';
import { startHospital } from '../support/hospital.ts';
import type { Hospital } from '../support/hospital.ts';

/** The core stopped, hung, slow, answering garbage or refusing: the right status, nothing hangs, other backends unharmed. */
let hospital: Hospital;
let patient: string;

/** Short deadlines, and a breaker that these few calls do not open. */
function impatient(loaded: LoadedConfig): LoadedConfig {
  const backends = Object.fromEntries(
    Object.entries(loaded.config.backends).map(([name, backend]) => [
      name,
      { ...backend, deadlineMs: 1_500, retries: 0, breaker: { ...backend.breaker, volume: 500 } },
    ]),
  );
  return { ...loaded, config: { ...loaded.config, backends } };
}

beforeAll(async () => {
  hospital = await startHospital(impatient);
  patient = await hospital.patientId('100001');
});
afterEach(() => hospital.clearDials());
afterAll(() => hospital.close());

interface Outcome {
  readonly resourceType: string;
  readonly issue: readonly {
    readonly code: string;
    readonly diagnostics: string;
    readonly severity: string;
  }[];
}

async function ask(path: string, init?: RequestInit) {
  const response = await fetch(`${hospital.base}/${path}`, init);
  return { status: response.status, headers: response.headers, body: (await response.json()) as Outcome };
}

const readPatient = () => ask(`Patient/${patient}`);
const readAllergies = () => ask(`AllergyIntolerance?patient=${patient}`);

interface Fault {
  /** The dial of the sandbox, but for its protocol. */
  readonly dial: { readonly fault: string; readonly [parameter: string]: unknown };
  readonly status: number;
  readonly code: string;
}

const MLLP: readonly Fault[] = [
  { dial: { fault: 'down', mode: 'refuse', durationMs: 60_000 }, status: 503, code: 'transient' },
  { dial: { fault: 'hang' }, status: 504, code: 'timeout' },
  { dial: { fault: 'lost' }, status: 504, code: 'timeout' },
  { dial: { fault: 'late', delayMs: 3_000 }, status: 504, code: 'timeout' },
  { dial: { fault: 'wrong-control-id' }, status: 504, code: 'timeout' },
  { dial: { fault: 'garbage' }, status: 502, code: 'structure' },
  { dial: { fault: 'nack', code: 'AE', error: '207' }, status: 502, code: 'exception' },
  { dial: { fault: 'nack', code: 'AR', error: '' }, status: 502, code: 'processing' },
  { dial: { fault: 'nack', code: 'AE', error: '206' }, status: 423, code: 'lock-error' },
];

const SOAP: readonly Fault[] = [
  { dial: { fault: 'down', mode: 'refuse', durationMs: 60_000 }, status: 503, code: 'transient' },
  { dial: { fault: 'hang' }, status: 504, code: 'timeout' },
  { dial: { fault: 'garbage' }, status: 502, code: 'structure' },
  { dial: { fault: 'bomb' }, status: 502, code: 'structure' },
  { dial: { fault: 'oversized' }, status: 502, code: 'structure' },
  { dial: { fault: 'fault' }, status: 502, code: 'exception' },
  { dial: { fault: 'partial' }, status: 503, code: 'incomplete' },
];

/** Connections are made anew with a pause that grows; after it everything is as before. */
const recovered = (ask: () => Promise<{ readonly status: number }>) =>
  expect.poll(async () => (await ask()).status, { interval: 100 }).toBe(200);

describe('when the HL7v2 core fails, a read', () => {
  it.each(MLLP)('of $dial answers $status $code', async ({ dial, status, code }) => {
    await hospital.dial({ protocol: 'mllp', ...dial });
    const [failed, other] = await Promise.all([readPatient(), readAllergies()]);
    expect({ status: failed.status, code: failed.body.issue[0]?.code }).toEqual({ status, code });
    expect(failed.body.resourceType).toBe('OperationOutcome');
    expect(failed.headers.get('x-request-id')).toBeTruthy();
    if (status === 503) expect(Number(failed.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(other.status).toBe(200);
    await hospital.clearDials();
    await recovered(readPatient);
  });
});

describe('when the SOAP core fails, a search for allergies', () => {
  it.each(SOAP)('of $dial answers $status $code', async ({ dial, status, code }) => {
    await hospital.dial({ protocol: 'soap', ...dial });
    const [failed, other] = await Promise.all([readAllergies(), readPatient()]);
    expect({ status: failed.status, code: failed.body.issue[0]?.code }).toEqual({ status, code });
    expect(other.status).toBe(200);
    await hospital.clearDials();
    await recovered(readAllergies);
  });

  it('answers in part where a part does no harm, and says so', async () => {
    await hospital.dial({ protocol: 'soap', fault: 'partial' });
    const { status, body } = await ask(`Observation?patient=${patient}`);
    expect(status).toBe(200);
    const bundle = body as unknown as {
      total?: number;
      entry: { search: { mode: string }; resource: Outcome }[];
    };
    expect(bundle.total).toBeUndefined();
    const outcome = bundle.entry.find((entry) => entry.search.mode === 'outcome');
    expect(outcome?.resource.issue.map((issue) => issue.code)).toContain('incomplete');
  });
});

describe('a write that the core does not acknowledge', () => {
  const order = (text: string, key?: string) =>
    ask('ServiceRequest', {
      method: 'POST',
      headers: {
        'content-type': 'application/fhir+json',
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      body: JSON.stringify({
        resourceType: 'ServiceRequest',
        status: 'active',
        intent: 'order',
        code: { coding: [{ system: 'http://loinc.org', code: '58410-2' }], text },
        subject: { reference: `Patient/${patient}` },
      }),
    });
  const orders = async () => (await hospital.control<{ orders: unknown[] }>('/orders')).orders.length;

  it('is asked after, and found, when the acknowledgement was lost', async () => {
    const before = await orders();
    await hospital.dial({
      protocol: 'mllp',
      operation: 'OML^O21',
      fault: 'kill-mid-write',
      count: 1,
      bytes: 0,
    });
    const { status } = await order('kill');
    expect(status).toBe(201);
    expect(await orders()).toBe(before + 1);
  });

  it('is never told as done when nobody knows, and is not done twice when it is repeated', async () => {
    const before = await orders();
    await hospital.dial({
      protocol: 'mllp',
      operation: 'OML^O21',
      fault: 'kill-mid-write',
      count: 1,
      bytes: 0,
      downMs: 4_000,
    });
    const first = await order('unknown', 'key-1');
    expect({ status: first.status, code: first.body.issue[0]?.code }).toEqual({
      status: 504,
      code: 'incomplete',
    });
    const again = await order('unknown', 'key-1');
    expect(again.status).toBe(504);
    expect(await orders()).toBe(before + 1);
    // The core comes back by itself.
    await recovered(readPatient);
  });

  it('with one Idempotency-Key, eight at once, is done once', async () => {
    const before = await orders();
    const answers = await Promise.all(Array.from({ length: 8 }, () => order('eight', 'key-8')));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 201));
    expect(new Set(answers.map(({ headers }) => headers.get('location'))).size).toBe(1);
    expect(await orders()).toBe(before + 1);
  });
});
