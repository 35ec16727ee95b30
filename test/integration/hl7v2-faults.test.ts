import { describe, expect, it } from 'vitest';
import type { Resource } from '../../src/fhir/types.ts';
import { openScene, type Scene } from './hl7v2-core.ts';

type Dial = Readonly<Record<string, unknown>>;

const nack = (code: string, error: string, text?: string): Dial => ({
  fault: 'nack',
  code,
  error,
  ...(text === undefined ? {} : { text }),
});

describe('a read while the core misbehaves', () => {
  // A new case is a row: what the core does, which error that is.
  it.each<[string, Dial, string, number]>([
    ['an unknown number', nack('AE', '204'), 'not-found', 404],
    ['an error of the application', nack('AE', '207'), 'legacy-exception', 502],
    ['an error without a word', nack('AE', ''), 'legacy-exception', 502],
    ['a rejection', nack('AR', ''), 'legacy-rejected', 502],
    ['a rejection with an internal error', nack('AR', '207'), 'legacy-rejected', 502],
    ['a rejection of the version', nack('AR', '203'), 'not-implemented', 501],
    ['a locked record', nack('AE', '206'), 'locked', 423],
    ['garbage in a frame', { fault: 'garbage' }, 'legacy-malformed', 502],
    ['garbage without a frame', { fault: 'garbage', framed: false }, 'timeout', 504],
    ["somebody else's acknowledgement", { fault: 'wrong-control-id' }, 'timeout', 504],
    ['a lost answer', { fault: 'lost' }, 'timeout', 504],
    ['a late answer', { fault: 'late', delayMs: 2_000 }, 'timeout', 504],
    ['a core that hangs', { fault: 'hang' }, 'timeout', 504],
    ['a connection that breaks in the answer', { fault: 'kill-mid-write' }, 'unavailable', 503],
    ['no connections', { fault: 'down' }, 'unavailable', 503],
    ['connections that are reset', { fault: 'down', mode: 'reset' }, 'unavailable', 503],
    ['an answer without an end', { fault: 'oversized' }, 'legacy-malformed', 502],
  ])('%s', async (_what, dial, code, status) => {
    const scene = await openScene();
    scene.dial(dial);
    // Time enough for an answer, where one is to come.
    const ms = code === 'timeout' ? 600 : 5_000;
    const reading = scene.source.read('Patient', 'HOSP|100001', scene.context(ms));
    await expect(reading).rejects.toMatchObject({ name: 'FicusError', code, status });
    expect(scene.exchanges.at(-1)).toBe(`core QBP^Q22 ${code}`);
    // The fault is over: the next read is well, whatever became of the connection.
    scene.core.switchboard.clear();
    const next = () => scene.source.read('Patient', 'HOSP|100001', scene.context()).catch(() => undefined);
    await expect.poll(next).toMatchObject({ id: 'HOSP|100001' });
  });

  it('says nothing of the core’s own words, which may be about a patient', async () => {
    const scene = await openScene();
    scene.dial(nack('AE', '103', 'Haller, Johanna has no such thing'));
    const error: unknown = await scene.source
      .read('Patient', 'HOSP|100001', scene.context())
      .catch((it: unknown) => it);
    expect(JSON.stringify(error) + String(error) + JSON.stringify(scene.lines)).not.toContain('Haller');
  });

  it('takes an answer once although it came twice', async () => {
    const scene = await openScene({ connections: 1 });
    scene.dial({ fault: 'duplicate' });
    const keys = ['HOSP|100001', 'HOSP|100002', 'HOSP|100006'];
    for (const key of keys)
      expect(await scene.source.read('Patient', key, scene.context())).toMatchObject({ id: key });
  });

  it('tells a search by an unknown authority from a failed one', async () => {
    const scene = await openScene();
    scene.dial({ ...nack('AE', '204'), operation: 'QBP^Q22' });
    const filters = [{ name: 'family', type: 'string', values: [{ text: 'haller' }] }] as const;
    const page = await scene.source.search('Patient', filters, { count: 5 }, scene.context());
    expect(page).toEqual({ resources: [] });
  });

  it.each(['2.3', '2.5'])('understands ERR as version %s writes it', async (version) => {
    const scene = await openScene({ version });
    scene.dial(nack('AE', '206'));
    const reading = scene.source.read('Patient', 'HOSP|100001', scene.context());
    await expect(reading).rejects.toMatchObject({ code: 'locked' });
  });
});

const PATIENT: Resource = { resourceType: 'Patient', name: [{ family: 'Einmal' }], gender: 'female' };
const ORDER: Resource = {
  resourceType: 'ServiceRequest',
  status: 'active',
  intent: 'order',
  subject: { reference: 'Patient/HOSP|100001' },
  code: { coding: [{ system: 'http://loinc.org', code: '718-7' }] },
};

interface Write {
  readonly operation: string;
  /** Does the write. */
  readonly run: (scene: Scene, ms: number) => Promise<Resource>;
  /** How often it was applied. */
  readonly copies: (scene: Scene) => number;
}

const WRITES: Readonly<Record<string, Write>> = {
  'Patient.create': {
    operation: 'ADT^A28',
    run: (scene, ms) => scene.source.create('Patient', PATIENT, scene.context(ms)),
    copies: (scene) =>
      scene.core
        .hospital()
        .patients.all()
        .filter(({ pid }) => pid.fields[4]?.[0]?.[0]?.[0] === 'Einmal').length,
  },
  'Patient.update': {
    operation: 'ADT^A31',
    run: async (scene, ms) => {
      const context = scene.context(ms);
      const patient = await scene.source.read('Patient', 'HOSP|100002', context);
      return scene.source.update('Patient', 'HOSP|100002', { ...patient, birthDate: '1971-09-24' }, context);
    },
    copies: (scene) =>
      Number(
        scene.core.hospital().patients.find('100002', 'HOSP')?.pid.fields[6]?.[0]?.[0]?.[0] === '19710924',
      ),
  },
  'ServiceRequest.create': {
    operation: 'OML^O21',
    run: (scene, ms) => scene.source.create('ServiceRequest', ORDER, scene.context(ms)),
    copies: (scene) => scene.core.hospital().orders.all().length,
  },
};

/** What the core does to the first copy of a write, and how often it should then see the write. */
const FAULTS: readonly [string, Dial, number][] = [
  ['was applied, its answer lost', { fault: 'lost' }, 1],
  ['was lost', { fault: 'lost', applied: false }, 2],
  ['was applied, answered late', { fault: 'late', delayMs: 10_000 }, 1],
  ['was applied, answered for another message', { fault: 'wrong-control-id' }, 1],
  ['was applied, answered with garbage', { fault: 'garbage' }, 1],
  ['was lost, answered with garbage', { fault: 'garbage', applied: false }, 2],
  ['was applied, and the connection broke', { fault: 'kill-mid-write' }, 1],
  ['was lost, and the connection broke', { fault: 'kill-mid-write', applied: false, bytes: 0 }, 2],
  ['was applied, and the core was away for a while', { fault: 'kill-mid-write', downMs: 300 }, 1],
  ['was acknowledged twice', { fault: 'duplicate' }, 1],
];

/** A write waits half of it for its acknowledgement before it asks after itself: such tests run beside each other. */
const BUDGET_MS = 6_000;

describe.each(Object.entries(WRITES))('%s, unacknowledged', (_name, write) => {
  it.concurrent.for(FAULTS)('%s: succeeds, with one copy in the core', async ([_what, dial, sent], test) => {
    const scene = await openScene({}, test.onTestFinished);
    scene.dial({ ...dial, operation: write.operation, count: 1 });
    const resource = await write.run(scene, BUDGET_MS);
    expect(resource).toMatchObject({ id: expect.stringContaining('|') as string });
    expect(write.copies(scene)).toBe(1);
    const messages = scene.received(write.operation);
    expect(messages).toHaveLength(sent);
    expect(new Set(messages.map(({ controlId }) => controlId)).size).toBe(1);
  });

  it.concurrent('is unknown when the core is silent, and stays one message', async (test) => {
    const scene = await openScene({}, test.onTestFinished);
    scene.dial({ fault: 'lost', operation: write.operation });
    scene.dial({
      fault: 'hang',
      operation: write.operation === 'OML^O21' ? 'OSQ^Q06' : 'QBP^Q22',
      after: write.operation === 'ADT^A28' ? 0 : write.operation === 'OML^O21' ? 0 : 2,
    });
    await expect(write.run(scene, BUDGET_MS)).rejects.toMatchObject({ code: 'outcome-unknown', status: 504 });
    expect(scene.received(write.operation)).toHaveLength(1);
    expect(write.copies(scene)).toBe(1);
  });

  it.concurrent('is sent again once, not more', async (test) => {
    const scene = await openScene({}, test.onTestFinished);
    scene.dial({ fault: 'lost', applied: false, operation: write.operation });
    await expect(write.run(scene, BUDGET_MS)).rejects.toMatchObject({ code: 'outcome-unknown' });
    expect(scene.received(write.operation)).toHaveLength(2);
    expect(write.copies(scene)).toBe(0);
  });

  it('was certainly not sent when there is no connection', async () => {
    const scene = await openScene();
    scene.dial({ fault: 'down' });
    await expect(write.run(scene, 1_000)).rejects.toMatchObject({ code: 'unavailable', status: 503 });
    expect(scene.received(write.operation)).toEqual([]);
  });

  it.each<[string, Dial, string]>([
    ['an error of the application', nack('AE', '207'), 'legacy-exception'],
    ['a duplicate', nack('AE', '205'), 'duplicate'],
    ['a locked record', nack('AE', '206'), 'locked'],
    ['a rejection', nack('AR', ''), 'legacy-rejected'],
    ['a rejection that names the content', nack('AR', '207', 'PID-5 is too long'), 'unprocessable'],
    ['a missing field', nack('AE', '101'), 'value-required'],
    ['a wrong data type', nack('AE', '102'), 'value-invalid'],
    ['an unknown event', nack('AR', '201'), 'not-implemented'],
  ])('is refused by %s, and not sent again', async (_what, dial, code) => {
    const scene = await openScene();
    scene.dial({ ...dial, operation: write.operation });
    await expect(write.run(scene, BUDGET_MS)).rejects.toMatchObject({ code });
    expect(scene.received(write.operation)).toHaveLength(1);
    expect(write.copies(scene)).toBe(0);
  });
});

describe('after an acknowledged write', () => {
  it('a read-back that fails leaves it a success, under the number that we gave', async () => {
    const scene = await openScene();
    scene.dial({ fault: 'kill-mid-write', operation: 'QBP^Q22' });
    const created = await scene.source.create('Patient', PATIENT, scene.context(1_500));
    expect(created).toMatchObject({
      id: expect.stringMatching(/^FICUS\|[0-9A-Z]{15}$/) as string,
      name: PATIENT['name'],
    });
    scene.core.switchboard.clear();
    expect(await scene.source.read('Patient', created.id!, scene.context())).toMatchObject({
      id: created.id,
    });
  });

  it('is abandoned when the client goes away: unknown when it was sent', async () => {
    const scene = await openScene();
    scene.dial({ fault: 'lost', operation: 'ADT^A28' });
    const client = new AbortController();
    const creating = scene.source.create('Patient', PATIENT, { ...scene.context(), signal: client.signal });
    const unknown = expect(creating).rejects.toMatchObject({ code: 'outcome-unknown' });
    await expect.poll(() => scene.received('ADT^A28')).toHaveLength(1);
    client.abort();
    await unknown;
  });
});
