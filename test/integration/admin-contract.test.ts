import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadAdminDocument } from '../../src/compose/migration/document.ts';
import { compileSchema, operationsOf } from '../../src/http/admin-contract.ts';
import type { ApiDocument, ApiOperation, ApiSchema } from '../../src/http/admin-contract.ts';
import { documentRoute, healthRoutes, metricsRoute, routeTableRoutes } from '../../src/http/admin-routes.ts';
import { openPrivacyStores } from '../../src/store/privacy-stores.ts';
import { sendFeed } from '../../sandbox/feed/send.ts';
import { startHospital } from '../support/hospital.ts';
import type { Hospital } from '../support/hospital.ts';
import { fillSandbox, until } from '../support/migration-desk.ts';

/*
 * contracts/admin-api.yaml against a hospital that runs: what it says is mounted, nothing else is, and every answer fits its schema. The schemas
 * are taken at their word: a member that one does not name is a difference.
 */

const document = loadAdminDocument();
const operations = operationsOf(document);
const strict = closed(document) as ApiDocument;

const SEARCH = 'Observation.search';
const CREATE = 'Appointment.create';
const SIGNED = { by: 'laboratory', reason: 'a test of the admin API' };
const DIAL = { protocol: 'modern', fault: 'status', status: 422 };

/** What an operation is asked with; a name in braces of its path is taken from here. */
interface Asked {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: string;
  readonly body?: object;
}

interface Said {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Record<string, unknown>;
}

let hospital: Hospital;
let patient: string;
let stateDir: string;

beforeAll(async () => {
  hospital = await startHospital((loaded) => {
    const { config } = loaded;
    stateDir = resolve(loaded.baseDir, config.stateDir);
    const { shadow, gates, capture, ...migration } = config.migration;
    return {
      ...loaded,
      config: {
        ...config,
        migration: {
          ...migration,
          shadow: { ...shadow, rereadMs: 20 },
          gates: { ...gates, criticalRate: 0.9, minPatients: 1, minCalls: 1 },
          capture: { ...capture, days: 1 },
        },
        feed: {
          ...config.feed!,
          copies: [{ to: 'observations', types: ['Patient'], owner: 'laboratory' }],
          subscribers: [
            {
              name: 'portal',
              topic: 'patient-merge',
              url: 'http://127.0.0.1:9/merges',
              owner: 'portal',
              allowLoopback: true,
              networks: [],
            },
          ],
        },
      },
    };
  });
  await fillSandbox(hospital);
  patient = await hospital.patientId('100001');
}, 60_000);

afterAll(() => hospital?.close());

function operationOf(id: string): ApiOperation {
  const found = operations.find((one) => one.id === id);
  if (!found) throw new Error(`The document has no operation ${id}`);
  return found;
}

/** Every object that lists its members has no others. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([name, member]) => [name, closed(member)] as const);
  const copy: Record<string, unknown> = Object.fromEntries(members);
  const lists = copy['type'] === 'object' && typeof copy['properties'] === 'object';
  return lists && !('additionalProperties' in copy) ? { ...copy, additionalProperties: false } : copy;
}

async function ask(id: string, { params = {}, query = '', body }: Asked = {}): Promise<Said> {
  const { method, path } = operationOf(id);
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
  const response = await fetch(`${hospital.ficus.adminBase}${filled}${query}`, {
    method: method.toUpperCase(),
    ...(method === 'get'
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body ?? SIGNED) }),
  });
  const text = await response.text();
  const json = response.headers.get('content-type')?.includes('json') === true;
  const said = json ? (JSON.parse(text) as Record<string, unknown>) : {};
  return { status: response.status, headers: response.headers, text, body: said };
}

const answered = new Set<string>();

/** The answer of an operation, once it has been found to be what the document promises. */
async function fitting(id: string, asked: Asked = {}): Promise<Record<string, unknown>> {
  const said = await ask(id, asked);
  const schema = operationsOf(strict).find((one) => one.id === id)?.answers[String(said.status)];
  expect(schema, `${id} answered ${said.status}: ${said.text}`).toBeDefined();
  const { error } = compileSchema(strict, schema as ApiSchema).safeParse(said.body);
  expect(error?.issues, id).toBeUndefined();
  answered.add(id);
  return said.body;
}

const fhir = (path: string, body?: object): Promise<Response> =>
  fetch(
    `${hospital.base}/${path}`,
    body && {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify(body),
    },
  );

async function book(day: number): Promise<void> {
  const response = await fhir('Appointment', {
    resourceType: 'Appointment',
    status: 'booked',
    start: `2031-03-0${day}T09:30:00+01:00`,
    end: `2031-03-0${day}T09:45:00+01:00`,
    participant: [{ actor: { reference: `Patient/${patient}` }, status: 'accepted' }],
  });
  expect(response.status).toBe(201);
  await response.arrayBuffer();
}

async function search(): Promise<void> {
  await (await fhir(`Observation?patient=${patient}`)).arrayBuffer();
}

/** The newest answer of an operation, once it is of a kind. */
async function when(
  id: string,
  asked: Asked,
  is: (body: Record<string, unknown>) => boolean,
): Promise<Record<string, unknown>> {
  let body: Record<string, unknown> = {};
  await until(`${id} says so`, async () => {
    body = await fitting(id, asked);
    return is(body);
  });
  return body;
}

describe('the document of the admin API', () => {
  it.each(operations.map(({ id, method, path }) => [id, method, path] as const))(
    'has %s mounted, and no other method at its address than the document says',
    async (_, method, path) => {
      const address = `${hospital.ficus.adminBase}${path.replaceAll(/\{\w+\}/g, 'x')}`;
      const response = await fetch(address, { method: 'PATCH' });
      expect(response.status).toBe(405);
      const allowed = response.headers.get('allow')?.split(', ').toSorted();
      const said = operations.filter((one) => one.path === path).map((one) => one.method.toUpperCase());
      expect(allowed).toEqual(said.toSorted());
      expect(allowed).toContain(method.toUpperCase());
    },
  );

  it('knows every route that is not made from it', () => {
    const table = {
      get: () => undefined,
      list: () => [],
      history: async () => [],
      setStage: async () => {
        throw new Error('not asked');
      },
    };
    const written = [
      ...healthRoutes(() => []),
      metricsRoute({ text: async () => ({ contentType: 'text/plain', body: '' }) }),
      documentRoute(document),
      ...routeTableRoutes(table),
    ].map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
    const said = operations.map(({ method, path }) => `${method} ${path}`);
    const made = / \/(?:migration|feed|security)(?:\/|$)/;
    expect(said.filter((one) => !made.test(one)).toSorted()).toEqual(written.toSorted());
  });

  it('is what /openapi.json answers', async () => {
    expect(await fitting('openapi')).toEqual(JSON.parse(JSON.stringify(document)));
  });

  it('describes the answer of every operation of which there is one', () => {
    const silent = operations.filter(({ answers }) => Object.keys(answers).length === 0);
    expect(silent.map(({ id }) => id)).toEqual(['metrics']);
  });
});

describe('answers of the admin API', () => {
  it('fit the document while an endpoint goes its way', async () => {
    const endpoint = { params: { endpoint: SEARCH } };
    for (const id of ['health', 'ready', 'listRoutes', 'board', 'listRules', 'listOutbox', 'listBackfills'])
      await fitting(id);
    for (const id of ['getRoute', 'routeHistory', 'show', 'report', 'diffs']) await fitting(id, endpoint);

    await fitting('verifyBackend', { params: { name: 'observations' } });
    await fitting('promote', endpoint);
    await hospital.dial({ protocol: 'modern', fault: 'wrong-unit', percent: 100 });
    await until('a difference is counted', async () => {
      await search();
      return ((await fitting('diffs', endpoint))['differences'] as unknown[]).length > 0;
    });
    const { differences } = await fitting('diffs', endpoint);
    const [worst] = differences as { signature: string; samples: string[] }[];
    const sample = worst?.samples[0] ?? '';
    await fitting('openSample', { params: { id: sample }, body: { ...SIGNED, role: 'clinical' } });
    const rule = {
      ...SIGNED,
      endpoint: SEARCH,
      signature: worst?.signature,
      verdict: 'bug-in-modern',
      owner: 'Ada',
      days: 3,
    };
    const { id: made } = await fitting('addRule', { body: rule });
    await fitting('listRules');
    await fitting('diffs', endpoint);
    await fitting('show', endpoint);
    await hospital.clearDials();

    const { id: replay } = await fitting('replay', {
      ...endpoint,
      body: { ...SIGNED, fresh: true, perSecond: 100 },
    });
    await when('getReplay', { params: { id: String(replay) } }, ({ state }) => state === 'done');
    await fitting('removeRule', { params: { id: String(made) } });
    await fitting('waive', { ...endpoint, body: { ...SIGNED, gate: 'latency', days: 3 } });
    await fitting('hold', endpoint);
    await fitting('board');
    await fitting('release', endpoint);
    await fitting('note', endpoint);
    await fitting('setOwners', { ...endpoint, body: { ...SIGNED, owners: { technical: 'mira' } } });
    await until('every gate is open', async () => {
      await search();
      return ((await fitting('show', endpoint))['next'] as { open: boolean }).open;
    });
    await fitting('promote', endpoint);
    await fitting('setCohort', {
      ...endpoint,
      body: { ...SIGNED, cohort: { percent: 1, facilities: ['EAST'] } },
    });
    await fitting('board');
    await fitting('rollback', endpoint);
    await fitting('freshEvidence', endpoint);
    await fitting('report', endpoint);
    expect((await ask('report', { ...endpoint, query: '?format=markdown' })).text).toContain(`# ${SEARCH}`);
    expect((await ask('metrics')).text).toContain('# HELP');
    answered.add('metrics');
    await fitting('setRoute', { ...endpoint, body: { ...SIGNED, stage: 'modern' } });
  }, 60_000);

  it('fit the document for writes with two sides', async () => {
    const endpoint = { params: { endpoint: CREATE } };
    await fitting('promote', endpoint);
    await hospital.dial(DIAL);
    await book(3);
    await book(4);
    const dead = await when(
      'listOutbox',
      {},
      ({ entries }) => (entries as { state: string }[]).filter(({ state }) => state === 'dead').length === 2,
    );
    await fitting('board');
    await fitting('reconcile', endpoint);
    await when('drift', endpoint, ({ state }) => state !== 'running');
    await hospital.clearDials();
    const [first, second] = dead['entries'] as { id: string }[];
    await fitting('retryEntry', { params: { id: first?.id ?? '' } });
    await fitting('discardEntry', { params: { id: second?.id ?? '' } });

    const fill = { ...SIGNED, patients: [patient, patient], perSecond: 1 };
    const { id } = await fitting('startBackfill', { ...endpoint, body: fill });
    const job = { params: { id: String(id) } };
    await fitting('stopBackfill', job);
    await fitting('resumeBackfill', job);
    await when('getBackfill', job, ({ state }) => state === 'done');
    await fitting('listBackfills');
    await fitting('report', endpoint);
  }, 60_000);

  it('fit the document for a retirement', async () => {
    const endpoint = { params: { endpoint: SEARCH } };
    await search();
    for (const gate of [
      'contract',
      'criticals',
      'parity',
      'shapes',
      'patients',
      'latency',
      'errors',
      'outbox',
      'drift',
      'legacy-calls',
      'long-tail',
    ])
      await fitting('waive', { ...endpoint, body: { ...SIGNED, gate, days: 1 } });
    await fitting('retire', endpoint);
    await fitting('show', endpoint);
    await fitting('retire', { ...endpoint, body: { ...SIGNED, by: 'somebody else' } });
    await fitting('show', endpoint);
    await fitting('board');
  });

  it('fit the document for the feed', async () => {
    const admitted = 'MSH|^~\\&|HOSPIX|MAIN|FICUS|GATE|20261102100500||ADT^A04^ADT_A01|M1|P|2.5.1';
    const person = 'PID|1||4711^^^HOSP||Muster^Jo||19800312|X';
    const nobody = 'PID|1||4711^^^NOBODY||Muster^Jo';
    const bytes = (header: string, pid: string) =>
      Buffer.from([header, 'EVN||20261102100500', pid, 'PV1|1|O', ''].join('\r'));
    const port = hospital.ficus.feedPorts['hospix']!;
    const sent = [
      bytes(admitted, person),
      bytes(admitted, person),
      bytes(admitted.replace('M1', 'M2'), nobody),
    ];
    const report = await sendFeed(
      sent.map((message) => ({ bytes: message, lane: '' })),
      { host: '127.0.0.1', port },
    );
    expect(report.answers).toEqual({ AA: 3 });
    const status = await when('feedStatus', {}, ({ interfaces }) => {
      const [{ counts }] = interfaces as [{ counts: Record<string, number> }];
      return counts['received'] === 3 && counts['waiting'] === 0;
    });
    expect(status['interfaces']).toMatchObject([
      { counts: { received: 3, processed: 1, duplicate: 1, parked: 1 }, conserved: true },
    ]);
    expect(await fitting('recountFeed')).toMatchObject({ holds: true });
    const { messages } = await fitting('listMessages', { query: '?state=parked' });
    expect(messages).toMatchObject([
      { controlId: 'M2', state: 'parked', reason: 'unknown-authority', owner: 'integration' },
    ]);
    const [{ seq }] = messages as [{ seq: number }];
    const params = { seq: String(seq) };
    await fitting('getMessage', { params });
    const { fields } = await fitting('explainMessage', { params });
    expect(fields).toContainEqual(
      expect.objectContaining({ field: 'PID-3', text: '4711^^^NOBODY', fate: 'partly' }),
    );
    const { rehearsed } = await fitting('replayMessages', { body: { ...SIGNED, dryRun: true, seqs: [seq] } });
    expect(rehearsed).toMatchObject([{ seq, would: 'parked', reason: 'unknown-authority' }]);
    expect(await fitting('replayMessages', { body: { ...SIGNED, filter: { state: 'parked' } } })).toEqual({
      replayed: 1,
    });
    const coverage = await fitting('feedCoverage');
    expect(coverage['fields']).toContainEqual(expect.objectContaining({ field: 'PID-8', seen: 1 }));
  }, 60_000);

  it('fit the document for a release of mappings', async () => {
    const overlay = new URL('../support/overlays/interpreter/', import.meta.url);
    const files = readdirSync(overlay).map((path) => ({
      path,
      text: readFileSync(new URL(path, overlay), 'utf8'),
    }));
    const { number } = await fitting('proposeRelease', { body: { ...SIGNED, files } });
    const release = { params: { number: String(number) } };
    await fitting('releaseEffect', { ...release, query: '?limit=10' });
    const own = await ask('signRelease', { ...release, body: { ...SIGNED, by: ' LABORATORY' } });
    expect(own.status).toBe(409);
    await fitting('signRelease', { ...release, body: { ...SIGNED, by: 'somebody else' } });
    await fitting('publishRelease', { ...release, body: { ...SIGNED, senders: ['HOSPIX'] } });
    await fitting('revertRelease', release);
    expect(await fitting('listReleases')).toMatchObject({ releases: [{ number, state: 'reverted' }] });
  }, 60_000);

  it('fit the document for what follows the feed', async () => {
    await hospital.clearDials();
    await hospital.dial({ protocol: 'modern', fault: 'status', status: 422, operation: 'Patient.update' });
    const merge = [
      'MSH|^~\\&|HOSPIX|MAIN|FICUS|GATE|20261102110000||ADT^A40^ADT_A39|M3|P|2.5.1',
      'EVN||20261102110000',
      'PID|1||4712^^^HOSP||Muster^Jo||19800312|X',
      'MRG|4711^^^HOSP',
      '',
    ];
    await sendFeed([{ bytes: Buffer.from(merge.join('\r')), lane: '' }], {
      host: '127.0.0.1',
      port: hospital.ficus.feedPorts['hospix']!,
    });
    const asked = { query: '?topic=patient-merge&after=0' };
    const { events, last } = await when('topicEvents', asked, ({ last: number }) => number === 1);
    expect(events).toMatchObject([{ number: 1, kind: 'merged', type: 'Patient' }]);
    expect(last).toBe(1);
    const refused = await when(
      'feedStatus',
      {},
      ({ copies, subscribers }) =>
        (copies as [{ dead: number }])[0].dead === 2 &&
        (subscribers as [{ trouble?: string }])[0].trouble !== undefined,
    );
    expect(refused['subscribers']).toMatchObject([{ name: 'portal', told: 0, last: 1 }]);
    const name = { name: 'observations' };
    const { resources } = await fitting('listDeadCopies', { params: name });
    const [first, second] = resources as { id: string }[];
    await hospital.clearDials();
    const params = (id = '') => ({ ...name, type: 'Patient', id });
    await fitting('retryDeadCopy', { params: params(first?.id) });
    await fitting('discardDeadCopy', { params: params(second?.id) });
    await when('feedStatus', {}, ({ copies }) => (copies as [{ dead: number }])[0].dead === 0);
    const held = await fetch(`${hospital.sandbox.addresses.modern}/Patient/${first?.id}`);
    expect(held.status).toBe(200);
    await held.arrayBuffer();
  }, 60_000);

  it('fit the document for revoked tokens', async () => {
    const body = { by: 'officer', reason: 'leaked' };
    // With security open there are none: it is kept, and binds nobody.
    expect(await fitting('addRevocation', { body: { ...body, tokenId: 'jti-1' } })).toMatchObject({
      enforced: false,
      revocation: { tokenId: 'jti-1', by: 'officer', reason: 'leaked' },
    });
    for (const named of [
      {},
      { tokenId: 'jti-1', subject: 's' },
      { tokenId: 'eyJh.eyJh.x-1' },
      { jti: 'x' },
    ]) {
      const refused = await ask('addRevocation', { body: { ...body, ...named } });
      expect(refused.status).toBe(422);
      expect(refused.text).not.toContain('eyJh');
    }
    const { revocations } = await fitting('listRevocations');
    const [{ id }, ...more] = revocations as [{ id: string }];
    expect(more).toEqual([]);
    const params = { id };
    expect(await fitting('liftRevocation', { params, body })).toMatchObject({
      revocation: { id, lifted: { by: 'officer' } },
    });
    expect((await ask('liftRevocation', { params, body })).status).toBe(409);
  });

  it('fit the document for consents and broken glasses', async () => {
    const params = { id: 'c-1' };
    const consent = { ...CONSENT.consent, patient: { reference: `Patient/${patient}` } };
    const first = { by: 'officer', consent };
    expect(await fitting('setConsent', { params, body: first })).toMatchObject({ enforced: false });
    const withdrawn = { by: 'officer', version: 1, consent: { ...consent, status: 'inactive' } };
    await fitting('setConsent', { params, body: withdrawn });
    expect((await ask('setConsent', { params, body: withdrawn })).status).toBe(412);
    const taken = { by: 'officer', consent: { ...consent, patient: { reference: 'Patient/other' } } };
    expect((await ask('setConsent', { params, body: taken })).status).toBe(409);
    const unknown = { ...consent, provision: { type: 'deny', class: [{ code: 'Observation' }] } };
    const refused = await ask('setConsent', { params, body: { by: 'officer', consent: unknown } });
    expect(refused).toMatchObject({ status: 422, body: { reasons: [expect.stringContaining('class')] } });
    expect(await fitting('listConsents', { query: `?patient=${patient}` })).toMatchObject({
      consents: [{ version: 2 }],
    });
    expect(await fitting('listConsents', { query: '?patient=nobody' })).toMatchObject({ consents: [] });
    expect(await fitting('getConsent', { params })).toMatchObject({
      history: [{ version: 1 }, { version: 2 }],
    });

    // With security open nobody has a token to break a glass with.
    const stores = openPrivacyStores(join(stateDir, 'privacy.sqlite'));
    await stores.glassCases.record([GLASS]);
    stores.close();
    const { cases } = await fitting('listGlassCases', { query: '?reviewed=false' });
    const [{ id }] = cases as [{ id: string }];
    await fitting('getGlassCase', { params: { id } });
    const review = { verdict: 'justified', note: 'seen in the emergency department' };
    const own = await ask('reviewGlassCase', { params: { id }, body: { ...review, by: GLASS.subject } });
    expect(own.status).toBe(403);
    const body = { ...review, by: 'officer' };
    expect(await fitting('reviewGlassCase', { params: { id }, body })).toMatchObject({ review });
    expect((await ask('reviewGlassCase', { params: { id }, body })).status).toBe(409);
    expect(await fitting('listGlassCases', { query: '?reviewed=false&limit=5' })).toEqual({ cases: [] });
  });

  it('were had of every operation', () => {
    expect(operations.map(({ id }) => id).filter((id) => !answered.has(id))).toEqual([]);
  });
});

// A consent that there is not is made.
const ofEndpoints = operations.filter(({ id, path }) => path.includes('{') && id !== 'setConsent');
/** A consent that denies all, and one use of a broken glass. */
const CONSENT = {
  by: 'officer',
  consent: {
    resourceType: 'Consent',
    status: 'active',
    scope: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }],
    },
    category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
    patient: { reference: 'Patient/a' },
    policyRule: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'OPTOUT' }] },
  },
};
const GLASS = {
  tokenId: 't1',
  issuer: 'https://login.example',
  subject: 'dr-one',
  patient: 'a',
  reason: 'Unconscious, no history known',
  requestId: 'r1',
  action: 'Observation.search',
  at: '2026-05-05T12:00:00.000Z',
};

/** A body that fits what the operation takes. */
const BODIES: Readonly<Record<string, object>> = {
  setRoute: { ...SIGNED, stage: 'legacy' },
  openSample: { ...SIGNED, role: 'clinical' },
  setCohort: { ...SIGNED, cohort: { percent: 1 } },
  setOwners: { ...SIGNED, owners: {} },
  waive: { ...SIGNED, gate: 'latency', days: 1 },
  startBackfill: { ...SIGNED, patients: ['x'] },
  replayMessages: { ...SIGNED, seqs: [1] },
  reviewGlassCase: { by: 'officer', verdict: 'justified', note: 'a test' },
  setConsent: CONSENT,
};

describe('refusals of the admin API', () => {
  it.each(ofEndpoints.map(({ id }) => [id] as const))(
    'of %s: 404 in words for what there is not',
    async (id) => {
      const params = {
        endpoint: 'Observation.nothing',
        id: 'nothing',
        name: 'nothing',
        seq: '999',
        number: '999',
        type: 'Observation',
      };
      const { status, body } = await ask(id, { params, ...(BODIES[id] ? { body: BODIES[id] } : {}) });
      expect({ status, body }).toMatchObject({ status: 404, body: { error: 'not-found' } });
      expect(body['message']).toMatch(/^There is no .*[.]$/);
      const failure = compileSchema(strict, strict.components.schemas['Failure'] ?? {});
      expect(failure.safeParse(body).error?.issues).toBeUndefined();
    },
  );

  it.each(operations.filter(({ body }) => body).map(({ id }) => [id] as const))(
    'of %s: 422 for a change that nobody signs, and for one that says what it does not take',
    async (id) => {
      const { by: _, ...unsigned } = { ...SIGNED, ...BODIES[id] };
      const params = {
        endpoint: SEARCH,
        id: 'x',
        name: 'observations',
        seq: '1',
        number: '1',
        type: 'Observation',
      };
      for (const body of [unsigned, { ...unsigned, by: '  ' }]) {
        const said = await ask(id, { params, body });
        expect(said.status, said.text).toBe(422);
        expect(said.text).toContain('by');
      }
      if (id !== 'setRoute') {
        const { status } = await ask(id, { params, body: { ...SIGNED, ...BODIES[id], surprise: 1 } });
        expect(status).toBe(422);
      }
    },
  );
});
