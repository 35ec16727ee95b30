import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { FhirResponse, Principal } from '../../src/ports.ts';
import { startFhirServer } from '../unit/http/fhir-server.ts';
import type { Running } from '../unit/http/fhir-server.ts';

const CALLERS = { client: 'x-client-id', facility: 'x-facility', side: 'x-ficus-side' };
const found: FhirResponse = {
  status: 200,
  headers: {},
  body: { kind: 'resource', resource: { resourceType: 'Patient', id: 'p1' } },
  servedBy: 'legacy:core',
};

let running: Running | undefined;
afterEach(async () => {
  await running?.server.close(0);
  running = undefined;
});

describe('who calls', () => {
  async function principalFor(
    headers: Record<string, string>,
    callers = true,
  ): Promise<Principal | undefined> {
    let seen: Principal | undefined;
    running = await startFhirServer(
      (_request, context) => {
        seen = context.principal;
        return found;
      },
      callers ? { callers: CALLERS } : {},
    );
    await (await fetch(`${running.base}/Patient/p1`, { headers })).text();
    return seen;
  }

  it.each<[string, Record<string, string>, Principal]>([
    ['nobody says', {}, { key: 'anonymous' }],
    [
      'a client and a facility',
      { 'x-client-id': 'kiosk', 'x-facility': 'EAST' },
      { key: 'anonymous', client: 'kiosk', facility: 'EAST' },
    ],
    ['a tester', { 'x-ficus-side': 'modern' }, { key: 'anonymous', side: 'modern' }],
    ['a side that is none', { 'x-ficus-side': 'left' }, { key: 'anonymous' }],
    ['two clients', { 'x-client-id': 'a, b' }, { key: 'anonymous' }],
    ['a name without end', { 'x-client-id': 'a'.repeat(129) }, { key: 'anonymous' }],
  ])('%s', async (_, headers, principal) => {
    expect(await principalFor(headers)).toEqual(principal);
  });

  it('is anonymous where no headers are believed', async () => {
    expect(await principalFor({ 'x-client-id': 'kiosk' }, false)).toEqual({ key: 'anonymous' });
  });
});

describe('what follows an answer', () => {
  it('begins when the answer has gone, and its faults reach nobody', async () => {
    const order: string[] = [];
    let done = (): void => {};
    const after = new Promise<void>((resolve) => (done = resolve));
    running = await startFhirServer((_request, context) => {
      context.afterwards?.(() => {
        throw new Error('a fault of what follows');
      });
      context.afterwards?.(() => {
        order.push('after');
        done();
      });
      order.push('answer');
      return found;
    });
    const answer = await fetch(`${running.base}/Patient/p1`);
    expect(answer.status).toBe(200);
    await answer.text();
    await after;
    expect(order).toEqual(['answer', 'after']);
    expect(running.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  it('begins when the client has gone without its answer', async () => {
    let done = (): void => {};
    const after = new Promise<void>((resolve) => (done = resolve));
    let came = (): void => {};
    const arrived = new Promise<void>((resolve) => (came = resolve));
    running = await startFhirServer((_request, context) => {
      context.afterwards?.(done);
      came();
      return new Promise<FhirResponse>(() => {});
    });
    const socket = connect(running.server.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write('GET /fhir/r4/Patient/p1 HTTP/1.1\r\nhost: x\r\n\r\n');
    await arrived;
    socket.destroy();
    await after;
  });
});
