import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import {
  createControlApi,
  createLegacyCore,
  createModernService,
  startSandbox,
  type Sandbox,
} from '../../sandbox/index.ts';
import { createJournal } from '../../sandbox/faults/journal.ts';
import { createSwitchboard } from '../../sandbox/faults/switchboard.ts';
import { found, msh, openLine, pdq, segment } from '../unit/sandbox/support/line.ts';
import { call, patientKey, request } from '../unit/sandbox/support/soap.ts';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await startSandbox({ mllpPort: 0, soapPort: 0, modernPort: 0, controlPort: 0, security: false });
  onTestFinished(() => sandbox.close());
});

interface Answer {
  readonly status: number;
  readonly json: unknown;
  readonly headers: Headers;
}

async function control(method: string, path: string, body?: string): Promise<Answer> {
  const response = await fetch(sandbox.addresses.control + path, {
    method,
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.status, json: await response.json(), headers: response.headers };
}

interface Received {
  readonly counts: Readonly<Record<string, unknown>>;
  readonly received: readonly Readonly<Record<string, unknown>>[];
}

async function exchange(message: string): Promise<string[]> {
  const line = await openLine(Number(new URL(sandbox.addresses.mllp).port));
  line.send(message);
  return line.answer();
}

describe('the control API', () => {
  it('explains every fault of every protocol', async () => {
    const json = (await control('GET', '/')).json as {
      paths: object;
      faults: { fault: string; protocols: string[] }[];
    };
    expect(Object.keys(json.paths)).toContain('POST /dials');
    const faults = json.faults.map(({ fault }) => fault);
    expect(faults).toEqual(
      expect.arrayContaining(['late', 'lost', 'duplicate', 'nack', 'garbage', 'slow', 'down', 'hang']),
    );
    expect(faults).toEqual(
      expect.arrayContaining(['fault', 'partial', 'bomb', 'oversized', 'kill-mid-write']),
    );
  });

  it('lists the demo patients with number, authority and one line', async () => {
    const json = (await control('GET', '/patients')).json as {
      patients: { mrn: string; authority: string; about: string }[];
    };
    expect(json.patients.length).toBeGreaterThanOrEqual(60);
    expect(json.patients[0]).toMatchObject({ mrn: '100001', authority: 'HOSP', birthDate: '19620314' });
    for (const { mrn, about } of json.patients)
      expect([mrn, about].every((text) => text.length > 0)).toBe(true);
  });

  it('lists what was received, counted and filtered, without content', async () => {
    await exchange(pdq('@PID.5.1^Haller', { id: 'R-1' }));
    await exchange(msh('ORU^R01', { id: 'R-2' }));
    await call(sandbox.addresses.soap, request('FindAllergies', patientKey('100001')), {
      header: '<a:MessageID xmlns:a="http://www.w3.org/2005/08/addressing">urn:uuid:77</a:MessageID>',
    });
    await fetch(`${sandbox.addresses.modern}/Observation/none`, { headers: { 'x-request-id': 'rq-1' } });
    const json = (await control('GET', '/received')).json as Received;
    expect(json.counts).toMatchObject({
      received: 4,
      accepted: 2,
      refused: 2,
      operations: { 'QBP^Q22': 1, FindAllergies: 1 },
    });
    expect(
      json.received.map((entry) => [
        entry['protocol'],
        entry['operation'],
        entry['controlId'],
        entry['outcome'],
        entry['code'],
      ]),
    ).toEqual([
      ['mllp', 'QBP^Q22', 'R-1', 'accepted', 'AA'],
      ['mllp', 'ORU^R01', 'R-2', 'refused', 'AR'],
      ['soap', 'FindAllergies', 'urn:uuid:77', 'accepted', '0'],
      ['modern', 'Observation.read', 'rq-1', 'refused', '404'],
    ]);
    expect(JSON.stringify(json)).not.toContain('Haller');
    const only = async (query: string): Promise<unknown[]> =>
      ((await control('GET', `/received?${query}`)).json as Received).received.map(
        (entry) => entry['controlId'],
      );
    expect(await only('protocol=mllp&outcome=refused')).toEqual(['R-2']);
    expect(await only('controlId=R-1')).toEqual(['R-1']);
    expect(await only('after=3')).toEqual(['rq-1']);
    expect(await only('limit=1')).toEqual(['rq-1']);
    expect((await control('GET', '/received?colour=red')).status).toBe(400);
  });

  it('puts everything back on reset', async () => {
    await exchange(`${msh('ADT^A31^ADT_A05')}\nPID|||100001^^^HOSP||Anders^Name`);
    await exchange(`${msh('OML^O21', { id: 'O-1' })}\nPID|||100001^^^HOSP\nORC|NW|P1\nOBR|1|P1||GLU`);
    await control('POST', '/dials', '{"protocol":"mllp","fault":"nack"}');
    expect((await control('POST', '/reset')).json).toEqual({ reset: true });
    expect(((await control('GET', '/orders')).json as { orders: unknown[] }).orders).toEqual([]);
    expect(((await control('GET', '/dials')).json as { dials: unknown[] }).dials).toEqual([]);
    expect(((await control('GET', '/received')).json as Received).received).toEqual([]);
    expect(found(await exchange(pdq('@PID.5.1^Haller')))).toEqual(['100001']);
    const again = await exchange(
      `${msh('OML^O21', { id: 'O-1' })}\nPID|||100001^^^HOSP\nORC|NW|P2\nOBR|1|P2||K`,
    );
    expect(segment(again, 'MSA')[1]).toBe('AA');
  });

  it.each([
    ['no JSON', '{', ['the body is not JSON']],
    ['no object', '[]', ['a dial is a JSON object']],
    ['an unknown fault', '{"protocol":"mllp","fault":"boom"}', [expect.stringMatching(/^fault: one of /)]],
    [
      'a fault of another protocol',
      '{"protocol":"modern","fault":"nack"}',
      ['fault: nack works on mllp only'],
    ],
    [
      'an unknown parameter and a bad count',
      '{"protocol":"mllp","fault":"lost","count":0,"colour":"red"}',
      ['count: a whole number of at least 1', 'colour: not known here'],
    ],
    [
      'two distributions',
      '{"protocol":"mllp","fault":"slow","delayMs":1,"minMs":1,"maxMs":2}',
      ['slow: delayMs, or minMs and maxMs, or p50Ms and p95Ms'],
    ],
    [
      'a code that MSA-1 does not have',
      '{"protocol":"mllp","fault":"nack","code":"AA"}',
      ['code: AE | AR | CE | CR'],
    ],
    [
      'down for an operation',
      '{"protocol":"mllp","fault":"down","operation":"ADT^*"}',
      [expect.stringMatching(/^down: /)],
    ],
  ])('refuses a dial with %s, saying all that is wrong', async (_what, body, problems) => {
    const { status, json } = await control('POST', '/dials', body);
    expect(status).toBe(400);
    expect(json).toEqual({ problems });
  });

  it('knows its paths and methods', async () => {
    expect((await control('GET', '/nothing')).status).toBe(404);
    const wrong = await control('PUT', '/dials');
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, POST, DELETE']);
    expect((await control('DELETE', '/dials/d99')).status).toBe(404);
    expect((await control('POST', '/dials', `"${'x'.repeat(70_000)}"`)).status).toBe(413);
  });
});

describe('the parts', () => {
  it('can be started alone', async () => {
    const core = await createLegacyCore({ mllpPort: 0, soapPort: 0 });
    const modern = await createModernService({ port: 0 });
    const api = await createControlApi({
      port: 0,
      switchboard: createSwitchboard(),
      journal: createJournal(Date.now),
    });
    expect((await fetch(`http://127.0.0.1:${api.port}/patients`)).status).toBe(404);
    expect((await fetch(`${modern.base}/metadata`)).status).toBe(200);
    await Promise.all([core.close(), modern.close(), api.close()]);
    await expect(fetch(`${modern.base}/metadata`)).rejects.toThrow();
  });

  it('close what was opened when one port is taken', async () => {
    const port = Number(new URL(sandbox.addresses.control).port);
    await expect(
      startSandbox({ mllpPort: 0, soapPort: 0, modernPort: 0, controlPort: port }),
    ).rejects.toThrow('EADDRINUSE');
  });
});

describe('the old web portal', () => {
  it('serves a page in Latin-1, a file, and redirects', async () => {
    const page = await fetch(sandbox.addresses.portal);
    expect(page.headers.get('content-type')).toBe('text/html; charset=iso-8859-1');
    expect(Buffer.from(await page.arrayBuffer()).toString('latin1')).toContain('Städtisches Klinikum');
    const file = await fetch(new URL('files/opening-hours.csv', sandbox.addresses.portal));
    expect(file.headers.get('content-disposition')).toBe('attachment; filename="opening-hours.csv"');
    expect(Buffer.from(await file.arrayBuffer()).toString('latin1')).toContain('Frühförderung;09:00-12:30');
    const home = await fetch(new URL('/', sandbox.addresses.portal), { redirect: 'manual' });
    expect([home.status, home.headers.get('location')]).toEqual([302, '/portal/']);
    expect((await fetch(new URL('nothing', sandbox.addresses.portal))).status).toBe(404);
  });

  const live = (): string =>
    sandbox.addresses.portal.replace('http', 'ws').replace(/portal\/$/, 'portal/live');

  it('echoes over a WebSocket: short, long and very long messages, and closes when asked', async () => {
    const socket = new WebSocket(live());
    const next = (event: 'open' | 'message' | 'close'): Promise<Event> =>
      new Promise((resolve) => {
        socket.addEventListener(event, resolve, { once: true });
      });
    await next('open');
    for (const message of ['Grüß Gott', 'x'.repeat(200), 'y'.repeat(70_000)]) {
      const echoed = next('message');
      socket.send(message);
      expect(((await echoed) as MessageEvent).data).toBe(message);
    }
    const closed = next('close');
    socket.close(1000);
    expect(((await closed) as CloseEvent).code).toBe(1000);
  });

  it('refuses a WebSocket anywhere else', async () => {
    const socket = new WebSocket(live().replace('live', 'dead'));
    const failed = await new Promise((resolve) => {
      socket.addEventListener('error', () => resolve(true), { once: true });
    });
    expect(failed).toBe(true);
  });
});
