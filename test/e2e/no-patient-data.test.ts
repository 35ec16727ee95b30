import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sendFeed } from '../../sandbox/feed/send.ts';
import { startGuardedHospital } from '../support/guarded-hospital.ts';
import type { Claims, GuardedHospital, Said } from '../support/guarded-hospital.ts';
import { until } from '../support/migration-desk.ts';

/*
 * Rare names, numbers and notes, and the tokens themselves, are sent through everything that Ficus has, failures included. Afterwards they are looked for wherever patient data does
 * not belong: the log (at level debug), the metrics, errors, addresses that we make, headers, what the admin API shows without opening anything, the audit but for the query as it was
 * asked, and what subscribers are told.
 */

const NAME = 'Xyzzyvogel';
const GIVEN = 'Plughilde';
const MRN = '7781230994';
const PHONE = '03519907766';
const NOTE = 'Zebrafinkenallergie';
const RARE = [NAME, GIVEN, MRN, PHONE, NOTE];

const STAFF: Claims = {
  scope: 'user/*.cruds',
  sub: 'dr-two',
  jti: 'no-data-1',
  roles: ['emergency'],
  purpose_of_use: ['TREAT'],
};
const DESK: Claims = {
  sub: 'ada',
  jti: 'no-data-2',
  roles: ['privacy-officer', 'integrator', 'migration-lead'],
};

let hospital: GuardedHospital;
let webhook: Server;
const told: string[] = [];
/** Everything that was answered, and how it was asked for. */
const answers: { readonly asked: string; readonly said: Said }[] = [];
/** Ends of the tokens that were used. */
const tokens = new Set<string>();

beforeAll(async () => {
  webhook = createServer((req, res) => {
    let text = `${req.url} ${JSON.stringify(req.headers)}`;
    req.on('data', (chunk: Buffer) => (text += chunk.toString()));
    req.on('end', () => {
      told.push(text);
      res.writeHead(200).end();
    });
  });
  await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
  const { port } = webhook.address() as AddressInfo;
  hospital = await startGuardedHospital({ breakGlass: { roles: ['emergency'] } }, (loaded) => ({
    ...loaded,
    config: {
      ...loaded.config,
      http: { ...loaded.config.http, deadlineMs: 1_500 },
      feed: {
        ...loaded.config.feed!,
        subscribers: [
          {
            name: 'portal',
            topic: 'patient-merge',
            url: `http://127.0.0.1:${port}/merges`,
            owner: 'portal',
            allowLoopback: true,
            networks: [],
          },
        ],
      },
    },
  }));
  const { issuer } = hospital;
  const make = issuer.token.bind(issuer);
  issuer.token = async (...wanted) => {
    const token = await make(...wanted);
    tokens.add(token.slice(-24));
    return token;
  };
});

afterAll(async () => {
  await hospital?.close();
  webhook.close();
});

async function ask(path: string, init: RequestInit = {}, claims = STAFF): Promise<Said> {
  const said = await hospital.ask(path, claims, init);
  answers.push({ asked: `${init.method ?? 'GET'} ${path}`, said });
  return said;
}

async function desk(path: string, init: RequestInit = {}): Promise<Said> {
  const said = await hospital.admin(path, DESK, init);
  answers.push({ asked: `desk ${init.method ?? 'GET'} ${path}`, said });
  return said;
}

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  ask(path, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), headers });

const PERSON = {
  resourceType: 'Patient',
  identifier: [{ system: 'urn:oid:2.999.1.1', value: MRN }],
  name: [{ family: NAME, given: [GIVEN] }],
  telecom: [{ system: 'phone', value: PHONE, use: 'home' }],
  birthDate: '1961-07-04',
};

/** Requests that end well and requests that do not. */
async function driveTheApi(): Promise<void> {
  const created = await post('/Patient', PERSON, { 'if-none-exist': `identifier=urn:oid:2.999.1.1|${MRN}` });
  const id = created.headers.get('location')?.split('/')[6] ?? 'nobody';
  await post('/Patient', PERSON, { 'idempotency-key': 'k-1' });
  await post('/Patient', `{"resourceType":"Patient","name":[{"family":"${NAME}"`);
  await post('/Patient', { ...PERSON, birthDate: NAME, gender: NOTE });
  await post('/Patient', { ...PERSON, managingOrganization: { reference: `Organization/${MRN}` } });
  await post('/Patient', {
    ...PERSON,
    photo: [{ title: NOTE }],
    contact: [{ name: { family: NAME }, gender: NAME }],
  });
  await ask(`/Patient/${id}`, { method: 'PUT', body: JSON.stringify({ ...PERSON, id: MRN }) });
  await ask(`/Patient/${id}`, {
    method: 'PUT',
    body: JSON.stringify({ ...PERSON, id }),
    headers: { 'if-match': `W/"${MRN}"` },
  });
  const slot = { start: '2026-12-01T09:00:00+01:00', minutesDuration: 15, comment: NOTE };
  const participant = [{ actor: { reference: `Patient/${id}`, display: NAME }, status: 'accepted' }];
  await post('/Appointment', { resourceType: 'Appointment', status: 'booked', participant, ...slot });
  await post('/Appointment', { resourceType: 'Appointment', status: NOTE, participant });
  await post('/Observation', {
    resourceType: 'Observation',
    status: 'final',
    code: { text: NOTE },
    valueString: NOTE,
  });
  const queries = [
    `family=${NAME}&given=${GIVEN}`,
    `identifier=urn:oid:2.999.1.1|${MRN}`,
    `identifier=urn:oid:9.9.9|${MRN}`,
    `birthdate=${NAME}`,
    `phone=${PHONE}`,
    `name:contains=${NAME}`,
    `_sort=${NAME}`,
    `_count=${MRN}`,
    `_id=${MRN}`,
    `general-practitioner.name=${NAME}`,
    `_elements=${NAME}`,
    `_page=${NAME}`,
  ];
  for (const query of queries) {
    await ask(`/Patient?${query}`);
    await ask(`/Patient?${query}`, { headers: { prefer: 'handling=strict' } });
    await post('/Patient/_search', query, { 'content-type': 'application/x-www-form-urlencoded' });
  }
  await ask(`/Observation?patient=${id}&_count=1`);
  await ask(`/Appointment?patient=${id}&date=${NOTE}`);
  await ask(`/Observation?patient.name=${NAME}&_include=Observation:subject`);
  const many = await ask('/Patient?family=M&_count=2');
  const next = (many.body.link as { relation: string; url: string }[]).find(
    ({ relation }) => relation === 'next',
  );
  if (next) {
    await ask(next.url);
    await ask(`${next.url.slice(0, -6)}${MRN}`);
  }
  for (const path of [
    `/Patient/${MRN}`,
    `/Patient/${NAME}`,
    `/${NAME}`,
    `/Patient/${MRN}/_history/${NAME}`,
    `/Patient/${NAME}/${NOTE}`,
  ])
    await ask(path);
  const entry = [
    { request: { method: 'GET', url: `Patient?family=${NAME}` } },
    { request: { method: 'GET', url: `Patient/${MRN}` } },
    { request: { method: 'POST', url: 'Patient' }, resource: { ...PERSON, birthDate: NAME } },
    { request: { method: NAME, url: NOTE } },
  ];
  await post('', { resourceType: 'Bundle', type: 'batch', entry });
  await post('', { resourceType: 'Bundle', type: NAME, entry });
  const glass = { 'purpose-of-use': 'BTG', 'break-glass-reason': `${NAME} is unconscious` };
  await ask(`/Patient/${id}`, { headers: glass });
  await ask(`/Patient/${id}`, { headers: { ...glass, 'break-glass-reason': '' } });
  await ask(`/Patient/${id}`, { headers: { 'purpose-of-use': NAME } });
  await ask(`/Patient/${id}`, {
    headers: { traceparent: NAME, 'if-none-match': `"${NAME}"`, prefer: NAME, accept: `application/${NAME}` },
  });
  await ask(`/Patient/${id}`, {}, { ...STAFF, scope: `patient/Patient.rs`, patient: MRN, jti: 'no-data-3' });
  await ask(`/Patient?family=${NAME}`, {}, { ...STAFF, scope: 'system/Nothing.rs', jti: 'no-data-4' });
  await ask(`/Patient?family=${NAME}`, {}, { ...STAFF, aud: 'elsewhere', jti: 'no-data-5' });
  const stranger = await fetch(
    `${hospital.base}/Patient?family=${NAME}&access_token=${await hospital.issuer.token()}`,
  );
  await stranger.arrayBuffer();
}

/** The cores fail, in words that hold patient data where they have words. */
async function driveFailures(): Promise<void> {
  const words = `Patient ${NAME} ${GIVEN} ${MRN} ${PHONE} ${NOTE}`;
  const cores = [
    { protocol: 'mllp', fault: 'nack', code: 'AE', error: '207', text: words },
    { protocol: 'mllp', fault: 'nack', code: 'AR', error: '101', text: words },
    { protocol: 'mllp', fault: 'garbage' },
    { protocol: 'mllp', fault: 'hang' },
    { protocol: 'mllp', fault: 'wrong-control-id', controlId: NAME },
    { protocol: 'mllp', fault: 'down' },
    { protocol: 'soap', fault: 'fault', side: 'receiver', text: words },
    { protocol: 'soap', fault: 'fault', side: 'sender', text: words },
    { protocol: 'soap', fault: 'garbage' },
    { protocol: 'soap', fault: 'partial', source: 'ARCHIVE' },
    { protocol: 'soap', fault: 'hang' },
    { protocol: 'soap', fault: 'down' },
    { protocol: 'modern', fault: 'status', status: 500 },
    { protocol: 'modern', fault: 'garbage' },
    { protocol: 'modern', fault: 'down' },
  ];
  for (const dial of cores) {
    await hospital.dial(dial);
    if (dial.protocol === 'mllp') {
      await ask(`/Patient?family=${NAME}`);
      await post('/Patient', PERSON);
    } else if (dial.protocol === 'soap') await ask(`/Encounter?patient=${MRN}`);
    if (dial.protocol === 'soap') await ask(`/Appointment?date=2026-12-01&patient=${MRN}`);
    if (dial.protocol === 'modern') await ask(`/Observation/${MRN}`);
    await hospital.clearDials();
  }
}

/** Messages of the core: good ones, broken ones, a merge. */
async function driveTheFeed(): Promise<void> {
  const port = hospital.ficus.feedPorts['hospix']!;
  const head = (type: string, id: string) =>
    `MSH|^~\\&|HOSPIX|MAIN|FICUS|GATE|20260601120000||${type}|${id}|P|2.5.1|||AL|NE||UNICODE UTF-8`;
  const self = `PID|1||${MRN}^^^HOSP&2.999.1.1&ISO^MR||${NAME}^${GIVEN}||19610704|F|||||${PHONE}^PRN^PH`;
  const evn = 'EVN|A01|20260601120000';
  const texts = [
    [
      head('ADT^A01^ADT_A01', 'N1'),
      evn,
      self,
      `PV1|1|I|MED^1^1||||||||||||||||V${MRN}^^^HOSP&2.999.1.1&ISO^VN`,
    ],
    [head('ADT^A01^ADT_A01', 'N2'), evn, self.replace('19610704', NAME), 'PV1|1|I'],
    [head('ADT^A01^ADT_A01', 'N3'), evn, self.replace('HOSP&2.999.1.1&ISO', `${NAME}&9.9&ISO`), 'PV1|1|I'],
    [head('ADT^A01^ADT_A01', 'N4'), evn, `ZZZ|${NAME}|${NOTE}`, self],
    [head('ADT^A01', 'N5'), `PID|${NAME}`],
    [
      head('ORU^R01^ORU_R01', 'N6'),
      self,
      `OBR|1|||GLU^${NOTE}|||20260601`,
      `OBX|1|NM|GLU^${NOTE}||${NOTE}|${NAME}|||||F`,
      `NTE|1||${NOTE}`,
    ],
    [
      head('ADT^A40^ADT_A39', 'N7'),
      'EVN|A40|20260601130000',
      self,
      `MRG|${MRN}1^^^HOSP&2.999.1.1&ISO^MR||||||${NAME}`,
    ],
    [head('ZZZ^Z99', 'N8'), self],
  ];
  const bytes = texts.map((lines) => Buffer.from(`${lines.join('\r')}\r`));
  bytes.push(
    Buffer.concat([bytes[0]!, Buffer.from(`NTE|1||${NOTE} `), Buffer.from([0xff, 0xfe]), Buffer.from('\r')]),
  );
  await sendFeed(
    bytes.map((one) => ({ bytes: one, lane: MRN })),
    { host: '127.0.0.1', port },
  );
  await until('the feed is processed', async () => {
    const { body } = await hospital.admin('/feed', DESK);
    const counts = (body.interfaces as { counts: { waiting: number; received: number } }[])[0]!.counts;
    return counts.received > 0 && counts.waiting === 0;
  });
  await until('the subscriber is told', () => told.length > 0);
}

async function driveTheDesk(): Promise<void> {
  const init = { method: 'POST', body: JSON.stringify({ by: NAME, reason: NOTE }) };
  for (const path of [
    '/feed',
    '/feed/messages?limit=50',
    '/feed/coverage',
    '/feed/events?topic=patient-merge',
    '/routes',
    '/migration',
    '/readyz',
    `/feed/messages/${NAME}`,
    `/${NAME}`,
  ])
    await desk(path);
  await desk(`/migration/${NAME}/promote`, init);
  await desk('/feed/replay', { method: 'POST', body: `{"by": "${NAME}"` });
  await desk(`/security/consents/${MRN}`, {
    method: 'PUT',
    body: JSON.stringify({ consent: { resourceType: 'Consent', status: NOTE, patient: { display: NAME } } }),
  });
}

/** What of the text is patient data or a token. */
function rareIn(text: string): string[] {
  const plain = decoded(text);
  return [...RARE, ...tokens].filter((rare) => text.includes(rare) || plain.includes(rare));
}

/** The text with what is percent-encoded, and what looks like base64, in clear. */
function decoded(text: string): string {
  const clear = text.replaceAll(/%[0-9A-Fa-f]{2}/g, (code) =>
    String.fromCharCode(Number.parseInt(code.slice(1), 16)),
  );
  const packed = clear.match(/[\w+/-]{24,}={0,2}/g) ?? [];
  return [clear, ...packed.map((one) => Buffer.from(one, 'base64url').toString('latin1'))].join('\n');
}

const found: string[] = [];
function look(where: string, text: string): void {
  const rare = rareIn(text);
  if (rare.length > 0) found.push(`${where}: ${rare.join(', ')} in ${text.slice(0, 300)}`);
}

it('keeps names, numbers, notes and tokens out of all that is not an answer', async () => {
  await driveTheApi();
  await driveFailures();
  await driveTheFeed();
  await driveTheDesk();

  for (const line of hospital.log()) look('log', JSON.stringify(line));
  const metrics = await fetch(`${hospital.ficus.adminBase}/metrics`);
  look('metrics', await metrics.text());
  for (const text of told) look('webhook', text);
  for (const { asked, said } of answers) {
    look(`headers of ${asked}`, JSON.stringify([...said.headers]));
    if (asked.startsWith('desk')) look(`${said.status} of ${asked}`, said.text);
    else if (said.status >= 400) look(`${said.status} of ${asked}`, said.text);
    for (const one of linksOf(said)) look(`link of ${asked}`, one);
  }
  const audit = new DatabaseSync(join(hospital.stateDir, 'audit.sqlite'), { readOnly: true });
  for (const { body } of audit.prepare('SELECT body FROM audit_record').iterate() as Iterable<{
    body: string;
  }>) {
    const { query: _asked, ...fact } = JSON.parse(body) as { query?: string; kind: string; details?: object };
    if (fact.kind === 'break-glass') delete fact.details;
    look('audit', withoutAskedIds(fact));
  }
  audit.close();

  // The instrument works: what was sent is in the answers, and failures were among them.
  expect(answers.some(({ said }) => said.status === 200 && said.text.includes(NAME))).toBe(true);
  expect(new Set(answers.map(({ said }) => said.status)).size).toBeGreaterThan(8);
  expect(hospital.log().length).toBeGreaterThan(50);
  expect(rareIn(`x=${Buffer.from(`..${NAME}..and so on`).toString('base64url')}`)).toEqual([NAME]);
  expect(found).toEqual([]);
}, 240_000);

/** Without what this test asked for as if it were a logical id: the trail keeps which one was asked for. */
function withoutAskedIds(fact: object): string {
  const isAsked = (text: string): boolean =>
    text.split('/').some((part) => part === MRN || part === NAME) && /^[\w/-]+$/.test(text);
  return JSON.stringify(fact, (_name, value: unknown) =>
    typeof value === 'string' && isAsked(value) ? '' : value,
  );
}

/** Addresses that Ficus made: links but `self`, which says again what was asked, and fullUrls. */
function linksOf({ status, body }: Said): string[] {
  if (status !== 200 || body?.resourceType !== 'Bundle') return [];
  const links = ((body.link ?? []) as { relation: string; url: string }[]).filter(
    ({ relation }) => relation !== 'self',
  );
  const urls = ((body.entry ?? []) as { fullUrl?: string }[]).flatMap(({ fullUrl }) => fullUrl ?? []);
  return [...links.map(({ url }) => new URL(url).searchParams.get('_page') ?? url), ...urls];
}
