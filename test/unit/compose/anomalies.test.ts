import { describe, expect, it } from 'vitest';
import { watchTokens } from '../../../src/compose/anomalies.ts';
import type { AnomaliesOptions } from '../../../src/compose/anomalies.ts';
import { FicusError } from '../../../src/errors.ts';
import { createMetrics } from '../../../src/metrics.ts';
import type { Logger } from '../../../src/ports.ts';
import type { AuditAgent, AuditEntry } from '../../../src/security-ports.ts';
import { createMemoryPrivacyStores } from '../../../src/store/privacy-stores.ts';

const SETTINGS: AnomaliesOptions['settings'] = {
  ipv4Bits: 24,
  ipv6Bits: 48,
  windowSeconds: 600,
  inUseSeconds: 3_600,
  refused: 3,
  patients: 20,
  requests: 600,
  times: 5,
  tokens: 100,
};
const HOME = '198.51.100.7';
const AWAY = '203.0.113.9';
const START = Date.parse('2027-03-01T08:00:00Z');

/** The watch in front of an audit that keeps everything. */
function scene(store = createMemoryPrivacyStores().alerts) {
  let now = START;
  const audited: AuditEntry[] = [];
  const lines: string[] = [];
  const say = (message: string, fields?: object): void =>
    void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log: Logger = { debug: say, info: say, warn: say, error: say, child: () => log };
  const metrics = createMetrics({ process: false });
  const anomalies = watchTokens({
    settings: SETTINGS,
    audit: {
      sink: { write: async (entries) => void audited.push(...entries) },
      refused: async () => {},
    },
    store,
    // What is to be done later is done by `flush`.
    clock: { now: () => now, after: () => () => {} },
    log,
    metrics,
  });
  return {
    anomalies,
    store,
    lines,
    metrics,
    pass: (ms: number) => (now += ms),
    alerts: async () => {
      await anomalies.flush();
      return store.list({ limit: 10 });
    },
    told: () => audited.filter(({ kind }) => kind === 'security-alert'),
    use: (address: string, more: Partial<AuditEntry> = {}, who: Partial<AuditAgent> = {}) =>
      anomalies.sink.write([entryOf(address, more, who)]),
  };
}

function entryOf(address: string, more: Partial<AuditEntry>, who: Partial<AuditAgent>): AuditEntry {
  return {
    kind: 'read',
    outcome: 'success',
    agent: {
      subject: 'ada',
      client: 'app',
      issuer: 'https://login.example',
      tokenId: 't1',
      inContext: 'own',
      address,
      ...who,
    },
    requestId: 'r1',
    action: 'Patient.read',
    patients: ['own'],
    references: [],
    ...more,
  };
}

/** A search that found nothing is no less of a try. */
const OTHER = { patients: ['other'] };
const FORBIDDEN = { outcome: 'refused', errorCode: 'forbidden' } as const;
const NOT_FOUND = { outcome: 'refused', errorCode: 'not-found' } as const;

type Scene = ReturnType<typeof scene>;

async function leaked(
  of: Scene,
  more: Partial<AuditEntry> = OTHER,
  who: Partial<AuditAgent> = {},
): Promise<void> {
  await of.use(HOME, {}, who);
  for (let count = 0; count < 3; count++) await of.use(AWAY, more, who);
}

describe('a token of one patient', () => {
  it.each([
    ['asks for another', OTHER],
    ['is told that another is not there', { ...OTHER, ...NOT_FOUND }],
    ['asks for what its scopes do not open', FORBIDDEN],
  ] as const)('that %s from a new network raises one alert', async (_, more) => {
    const at = scene();
    await leaked(at, more);
    expect(await at.alerts()).toMatchObject([
      { tokenId: 't1', subject: 'ada', client: 'app', anomalies: ['refused'] },
    ]);
    await at.use(AWAY, more);
    at.pass(1_000);
    await at.use(AWAY, more);
    const [alert, ...others] = await at.alerts();
    expect(others).toEqual([]);
    expect(alert).toMatchObject({
      counts: { strange: { refused: 5 } },
      lastAt: new Date(START + 1_000).toISOString(),
    });
    expect(at.told()).toHaveLength(1);
    expect(at.lines).toHaveLength(1);
  });

  it.each([
    ['does not find something of its own patient', NOT_FOUND],
    ['reads its own patient', {}],
    ['is no longer good', { outcome: 'refused', errorCode: 'unauthenticated' }],
    ['meets a fault', { ...OTHER, outcome: 'failed', errorCode: 'internal' }],
  ] as const)('that %s from a new network raises none', async (_, more) => {
    const at = scene();
    await leaked(at, more);
    expect(await at.alerts()).toEqual([]);
  });

  it('is heard of at the door, too', async () => {
    const at = scene();
    const { agent } = entryOf(AWAY, {}, {});
    await at.use(HOME);
    const { tokenId = '', issuer = '', subject } = agent;
    const access = { grants: [], purposes: [], mayBreakGlass: false, roles: [], issuer, subject, tokenId };
    for (let count = 0; count < 3; count++)
      await at.anomalies.refused({
        principal: { key: 'x', client: 'app', access },
        address: AWAY,
        requestId: 'r2',
        action: 'AuditEvent.search',
        failure: new FicusError('forbidden', 'no'),
      });
    expect(await at.alerts()).toHaveLength(1);
  });
});

describe('a token of whoever works with many patients', () => {
  const clinician = { inContext: undefined } as unknown as Partial<AuditAgent>;

  it('may ask for whom it likes', async () => {
    const at = scene();
    await leaked(at, OTHER, clinician);
    expect(await at.alerts()).toEqual([]);
  });

  it('raises an alert when it gets many more of them than ever, from a new network', async () => {
    const at = scene();
    await at.use(HOME, { patients: ['p1'] }, clinician);
    const patients = Array.from({ length: 20 }, (_, nth) => `p${nth}`);
    await at.use(AWAY, { kind: 'query', patients }, clinician);
    expect(await at.alerts()).toMatchObject([{ anomalies: ['patients'] }]);
  });
});

describe('an alert', () => {
  it('of a program is of all its tokens', async () => {
    const at = scene();
    const program = { subject: 'loader', client: 'loader' };
    await at.use(HOME, {}, { ...program, tokenId: 'first' });
    at.pass(600_000);
    for (const tokenId of ['a', 'b', 'c']) await at.use(AWAY, OTHER, { ...program, tokenId });
    expect(await at.alerts()).toMatchObject([{ client: 'loader', tokenId: 'c' }]);
  });

  it('stands in the trail of its token, without a patient', async () => {
    const at = scene();
    await leaked(at);
    const [alert] = await at.alerts();
    const [told] = at.told();
    expect(told).toMatchObject({
      agent: { tokenId: 't1', subject: 'ada' },
      patients: [],
      details: {
        alert: alert!.id,
        anomalies: 'refused',
        known: '198.51.100.0/24',
        strange: '203.0.113.0/24',
      },
    });
    expect(JSON.stringify([told, at.lines])).not.toContain('other');
    expect(JSON.stringify(at.lines)).not.toMatch(/203\.0|t1/);
  });

  it('is counted, and gone on with after a restart', async () => {
    const before = scene();
    await leaked(before);
    await before.alerts();
    const after = scene(before.store);
    await leaked(after, FORBIDDEN, {});
    expect(await after.alerts()).toHaveLength(1);
    expect(after.told()).toEqual([]);
    const text = (await after.metrics.text()).body.split('\n');
    expect(text).toContain('ficus_security_alerts_open 1');
    expect(text).toContain('ficus_security_alerts_total 0');
  });

  it('that somebody has acknowledged is followed by another when a network is new again', async () => {
    const at = scene();
    await leaked(at);
    const [alert] = await at.alerts();
    const acknowledgement = { by: 'officer', at: '2027-03-01T08:01:00.000Z', note: 'a new building' };
    await at.store.acknowledge(alert!.id, acknowledgement);
    at.anomalies.acknowledged(alert!);
    for (let count = 0; count < 9; count++) await at.use(AWAY, OTHER);
    expect(await at.alerts()).toHaveLength(1);
    for (let count = 0; count < 90; count++) await at.use('192.0.2.1', OTHER);
    const alerts = await at.alerts();
    expect(alerts).toHaveLength(2);
    expect(alerts[0]?.networks.known.map(({ network }) => network)).toEqual([
      '198.51.100.0/24',
      '203.0.113.0/24',
    ]);
    expect(alerts[0]?.networks.strange.map(({ network }) => network)).toEqual(['192.0.2.0/24']);
  });
});
