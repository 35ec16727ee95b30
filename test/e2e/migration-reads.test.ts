import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MANY } from '../../sandbox/index.ts';
import type { DemoPatient } from '../../src/cli/demo-data.ts';
import { systemClock } from '../../src/clock.ts';
import type { Clock } from '../../src/ports.ts';
import { startHospital } from '../support/hospital.ts';
import type { Hospital } from '../support/hospital.ts';
import { fillSandbox, migrationDesk, until } from '../support/migration-desk.ts';
import type { MigrationDesk } from '../support/migration-desk.ts';

/**
 * Observation.search on its way: into shadow (M1), four planted faults found, judged, mended and proven away (M2). Nine search shapes, over two hundred
 * patients.
 */
const ENDPOINT = 'Observation.search';
// Thousands of requests on a machine that may be busy.
const SHAPES = [
  '',
  '&category=laboratory',
  '&category=laboratory&date=ge2025-01-01',
  '&code=14749-6',
  '&code=14749-6&date=ge2025-01-01',
  '&date=ge2025-01-01',
  '&status=final,amended',
  '&_sort=-date',
  '&category=laboratory&_sort=-date',
];

let hospital: Hospital;
let desk: MigrationDesk;
let patients: readonly DemoPatient[];
let daysOn = 0;
/** The system's clock with days added to it: what evidence ages by. */
const calendar: Clock = { ...systemClock, now: () => systemClock.now() + daysOn * 86_400_000 };

beforeAll(async () => {
  hospital = await startHospital(
    (loaded) => ({
      ...loaded,
      config: {
        ...loaded.config,
        log: { level: 'info' },
        migration: {
          ...loaded.config.migration,
          mayForce: false,
          shadow: { ...loaded.config.migration.shadow, perSecond: 1_000, concurrency: 16, rereadMs: 50 },
          gates: { ...loaded.config.migration.gates, latencyFactor: 10, latencySlackMs: 2_000 },
        },
      },
    }),
    { calendar, others: MANY },
  );
  desk = migrationDesk(hospital);
  patients = await fillSandbox(hospital);
});
afterAll(() => hospital.close());

/**
 * Some of the shapes for each patient, another patient's others, a few at once; each answer is a search set.
 * @returns who answered, with counts
 */
async function ask(
  shapes: readonly string[],
  of: readonly DemoPatient[],
  each = shapes.length,
): Promise<Record<string, number>> {
  const served: Record<string, number> = {};
  const queue = of.flatMap(({ id }, at) =>
    Array.from({ length: each }, (_, turn) => shapes[(at + turn) % shapes.length] ?? '').map(
      (shape) => `${hospital.base}/Observation?patient=${id}${shape}`,
    ),
  );
  const worker = async (): Promise<void> => {
    for (let url = queue.pop(); url !== undefined; url = queue.pop()) {
      const response = await fetch(url);
      const { resourceType } = (await response.json()) as { resourceType: string };
      expect([response.status, resourceType]).toEqual([200, 'Bundle']);
      const by = response.headers.get('x-served-by') ?? '';
      served[by] = (served[by] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return served;
}

/** Comparisons that have come to an end, with whatever was skipped: one for each request. */
async function settled(count: number): Promise<void> {
  await until(`${count} requests are compared or counted as skipped`, async () => {
    const { body } = await desk.get(`/migration/${ENDPOINT}/report`);
    const { verdicts, skipped } = body['current'] as {
      verdicts: readonly (Record<string, number> & { notComparable: Record<string, number> })[];
      skipped: Record<string, number>;
    };
    const sum = (counts: Record<string, unknown>): number =>
      Object.values(counts).reduce<number>((all, one) => all + (typeof one === 'number' ? one : 0), 0);
    const all = verdicts.reduce((total, row) => total + sum(row) + sum(row.notComparable), sum(skipped));
    return all >= count;
  });
}

describe('into shadow', () => {
  it('is refused before the modern backend has passed its contract tests', async () => {
    const refused = await desk.post(`/migration/${ENDPOINT}/promote`);
    expect(refused.status).toBe(422);
    expect(refused.body.message).toContain('contract');
  });

  it('is not skipped by `route set` where the configuration does not let it', async () => {
    const response = await fetch(`${hospital.ficus.adminBase}/routes/${ENDPOINT}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ stage: 'modern', by: 'hasty' }),
    });
    expect(response.status).toBe(422);
  });

  it('goes when they are green; clients are still answered by legacy', async () => {
    const verified = await desk.post('/migration/backends/observations/verify');
    expect(verified.body['failed']).toEqual([]);
    const moved = await desk.post(`/migration/${ENDPOINT}/promote`);
    expect([moved.status, await desk.stage(ENDPOINT)]).toEqual([200, 'shadow']);
    expect(await ask(['&category=laboratory'], patients.slice(0, 12))).toEqual({ 'legacy:clinical': 12 });
  });

  it('says with twelve samples that this is not enough', async () => {
    await settled(12);
    const gates = await desk.gates(ENDPOINT);
    expect(gates['criticals']?.verdict).toBe('insufficient');
    expect(gates['patients']?.verdict).toBe('insufficient');
    const refused = await desk.post(`/migration/${ENDPOINT}/promote`);
    expect(refused.status).toBe(422);
    expect(refused.body.reasons?.join()).toMatch(/criticals: .* more comparisons/);
  });

  it('changes nothing for clients when the modern service is gone', async () => {
    await hospital.dial({ protocol: 'modern', fault: 'down' });
    expect(await ask([''], patients.slice(0, 12))).toEqual({ 'legacy:clinical': 12 });
    await settled(24);
    await hospital.clearDials();
  });
});

describe('a difference that a unit test would miss', () => {
  it('is found, by kind and severity, and nothing else is', async () => {
    for (const fault of ['wrong-unit', 'utc-without-offset', 'final-for-amended', 'other-order'])
      await hospital.dial({ protocol: 'modern', fault, ...(fault === 'wrong-unit' ? { percent: 10 } : {}) });
    const some = patients.slice(0, 100);
    await ask(SHAPES.slice(0, 3), some);
    await settled(24 + 3 * some.length);
    const { differences } = await desk.diffs(ENDPOINT);
    const found = Object.fromEntries(differences.map(({ signature, severity }) => [signature, severity]));
    expect(found).toEqual({
      'changed Observation.valueQuantity.unit': 'critical',
      'changed Observation.valueQuantity.code': 'critical',
      'changed Observation.status': 'critical',
      'changed Observation.effectiveDateTime (the offset is missing)': 'critical',
      'changed Observation.issued (the offset is missing)': 'critical',
      'order Bundle.entry': 'minor',
    });
  });

  it('is shown as a sentence to the clinical owner, and to nobody else', async () => {
    const { differences } = await desk.diffs(ENDPOINT);
    const unit = differences.find(({ signature }) => signature.endsWith('valueQuantity.unit'));
    const [id = ''] = unit?.samples ?? [];
    const refused = await desk.post(`/migration/samples/${id}/open`, { role: 'clinical' });
    expect(refused.status).toBe(403);
    const opened = await desk.post(`/migration/samples/${id}/open`, { role: 'clinical', by: 'laboratory' });
    expect(opened.status).toBe(200);
    expect((opened.body['sentences'] as string[]).join('; ')).toMatch(/[\d.]+ mmol\/L became [\d.]+ mg\/dL/);
  });

  it('that is critical is accepted by the clinical owner only; an order may be accepted by anybody, for a time', async () => {
    const rule = { endpoint: ENDPOINT, verdict: 'acceptable', owner: 'laboratory', days: 30 };
    const unit = { ...rule, signature: 'changed Observation.valueQuantity.unit' };
    expect((await desk.post('/migration/rules', unit)).status).toBe(403);
    const order = await desk.post('/migration/rules', { ...rule, signature: 'order Bundle.entry' });
    expect(order.status).toBe(201);
  });

  it('holds the endpoint back', async () => {
    const refused = await desk.post(`/migration/${ENDPOINT}/promote`);
    expect(refused.body.reasons?.join()).toMatch(
      /criticals: \d+ comparisons of \d+ with a critical difference/,
    );
  });

  it('is proven away by the same requests, once it is mended', async () => {
    await hospital.clearDials();
    const started = await desk.post(`/migration/${ENDPOINT}/replay`, { fresh: true, perSecond: 500 });
    expect(started.status).toBe(202);
    const at = `/migration/replays/${String(started.body['id'])}`;
    await until('the replay has ended', async () => (await desk.get(at)).body['state'] !== 'running', 60_000);
    const { body } = await desk.get(at);
    expect(body).toMatchObject({ state: 'done', different: { critical: 0, major: 0, minor: 0 } });
    expect(body['matched']).toBe(body['total']);
    expect((await desk.diffs(ENDPOINT)).differences).toEqual([]);
    const before = await desk.get(`/migration/${ENDPOINT}/diffs?run=2`);
    expect(before.body).toMatchObject({ run: 2 });
    expect(JSON.stringify(before.body)).toContain('changed Observation.valueQuantity.unit');
    expect((await desk.get(`/migration/${ENDPOINT}/diffs?run=99`)).status).toBe(422);
  });

  it('lets the gates open with a thousand comparisons, two hundred patients and every shape', async () => {
    await ask(SHAPES, patients, 5);
    await until(
      'the gates are open',
      async () => {
        const { body } = await desk.get(`/migration/${ENDPOINT}`);
        return (body['next'] as { open: boolean }).open;
      },
      15_000,
    ).catch(() => {});
    const gates = await desk.gates(ENDPOINT);
    expect(
      Object.values(gates)
        .map(({ name, verdict }) => [name, verdict])
        .filter(([, verdict]) => verdict !== 'pass'),
    ).toEqual([]);
  });

  it('does not stay green when nothing is asked any more', async () => {
    daysOn = 1;
    const gates = await desk.gates(ENDPOINT);
    expect(gates['criticals']?.verdict).toBe('stale');
    expect((await desk.post(`/migration/${ENDPOINT}/promote`)).status).toBe(422);
    daysOn = 0;
  });
});

describe('into canary', () => {
  it('answers the cohort by modern, each patient always by the same side', async () => {
    expect((await desk.post(`/migration/${ENDPOINT}/promote`)).status).toBe(200);
    const sideOf = async ({ id }: DemoPatient) =>
      (await fetch(`${hospital.base}/Observation?patient=${id}&_count=1`)).headers.get('x-served-by');
    const few = patients.slice(0, 60);
    const first = await Promise.all(few.map(sideOf));
    expect(await Promise.all(few.map(sideOf))).toEqual(first);
    const modern = first.filter((by) => by === 'modern:observations').length;
    expect(modern).toBeGreaterThan(0);
    expect(modern).toBeLessThan(30);
  });

  it('does as a tester wishes', async () => {
    const url = `${hospital.base}/Observation?patient=${patients[0]?.id}`;
    for (const side of ['legacy', 'modern']) {
      const response = await fetch(url, { headers: { 'x-ficus-side': side } });
      expect(response.headers.get('x-served-by')).toMatch(new RegExp(`^${side}:`));
    }
  });

  it('falls back to legacy while modern fails, goes back by itself, and says why', async () => {
    await hospital.dial({ protocol: 'modern', fault: 'status', status: 503, percent: 60 });
    const headers = { 'x-ficus-side': 'modern' };
    let fallbacks = 0;
    for (let at = 0; (await desk.stage(ENDPOINT)) === 'canary'; at++) {
      const { id } = patients[at % patients.length] as DemoPatient;
      const response = await fetch(`${hospital.base}/Observation?patient=${id}&_count=1`, { headers });
      expect(response.status).toBe(200);
      await response.arrayBuffer();
      if (response.headers.get('x-served-by') === 'legacy:clinical; fallback') fallbacks += 1;
      expect(at).toBeLessThan(500);
    }
    expect(fallbacks).toBeGreaterThan(0);
    expect(await desk.stage(ENDPOINT)).toBe('shadow');
    const { body } = await desk.get(`/routes/${ENDPOINT}/history`);
    const last = (body['history'] as { updatedBy: string; reason: string }[]).at(-1);
    expect(last?.updatedBy).toBe('ficus');
    expect(last?.reason).toMatch(
      /^Rolled back Observation\.search from canary 10 % to shadow: error rate [\d.]+ % > 1\.0 % over \d+ calls$/,
    );
    await hospital.clearDials();
  });

  it('leaves an evidence pack in which no patient is named', async () => {
    const response = await fetch(`${hospital.ficus.adminBase}/migration/${ENDPOINT}/report?format=markdown`);
    const text = await response.text();
    expect(text).toContain('# Observation.search: evidence');
    expect(text).toContain('Rolled back Observation.search from canary 10 % to shadow');
    for (const { id, mrn } of patients) {
      expect(text).not.toContain(id);
      expect(text).not.toMatch(new RegExp(`\\b${mrn}\\b`));
    }
  });
});
