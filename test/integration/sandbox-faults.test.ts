import { connect } from 'node:net';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { startSandbox, type Sandbox } from '../../sandbox/index.ts';
import { found, frameOf, msh, openLine, pdq, segment, type Line } from '../unit/sandbox/support/line.ts';
import { all, call, patientKey, request } from '../unit/sandbox/support/soap.ts';

let sandbox: Sandbox;
let mllpPort: number;
beforeEach(async () => {
  sandbox = await startSandbox({ mllpPort: 0, soapPort: 0, modernPort: 0, controlPort: 0, security: false });
  onTestFinished(() => sandbox.close());
  mllpPort = Number(new URL(sandbox.addresses.mllp).port);
});

async function control(
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; json: Record<string, unknown> }> {
  const response = await fetch(sandbox.addresses.control + path, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

async function dial(fault: Record<string, unknown>): Promise<string> {
  const { status, json } = await control('POST', '/dials', fault);
  expect(status, JSON.stringify(json)).toBe(201);
  return String(json['id']);
}

const query = (id: string): string => pdq('@PID.5.1^Haller', { id });
const order = (id: string): string =>
  `${msh('OML^O21^OML_O21', { id })}\nPID|||100001^^^HOSP\nORC|NW|P-${id}\nOBR|1|P-${id}||GLU`;

async function orders(): Promise<number> {
  const { json } = await control('GET', '/orders');
  return (json['orders'] as unknown[]).length;
}

/** The line is alive and in step: the next thing on it is the answer to a message without a fault. */
async function expectInStep(line: Line): Promise<void> {
  line.send(query('IN-STEP'));
  expect(segment(await line.answer(), 'MSA').slice(1)).toEqual(['AA', 'IN-STEP']);
}

describe('dials on MLLP', () => {
  it('nack: refuses with the code and error asked for, and does nothing', async () => {
    await dial({
      protocol: 'mllp',
      operation: 'OML^O21',
      fault: 'nack',
      code: 'AR',
      error: '206',
      text: 'locked',
      count: 1,
    });
    const line = await openLine(mllpPort);
    line.send(order('N1'));
    const answer = await line.answer();
    expect(segment(answer, 'MSA').slice(1)).toEqual(['AR', 'N1']);
    expect(segment(answer, 'ERR')[3]).toContain('206^');
    expect(segment(answer, 'ERR')[8]).toBe('locked');
    expect(await orders()).toBe(0);
    line.send(order('N1'));
    expect(segment(await line.answer(), 'MSA')[1]).toBe('AA');
  });

  it.each(['CE', 'CR'])('nack %s is a bare commit acknowledgement', async (code) => {
    await dial({ protocol: 'mllp', fault: 'nack', code });
    const line = await openLine(mllpPort);
    line.send(query('C1'));
    const answer = await line.answer();
    expect(segment(answer, 'MSA').slice(1)).toEqual([code, 'C1']);
    expect(segment(answer, 'MSH')[8]).toBe('ACK');
  });

  it('lost: does it and never answers; the line goes on', async () => {
    await dial({ protocol: 'mllp', operation: 'OML^*', fault: 'lost', count: 1 });
    const line = await openLine(mllpPort);
    line.send(order('L1'));
    await expectInStep(line);
    expect(await orders()).toBe(1);
    const { json } = await control('GET', '/received?controlId=L1');
    expect(json['received']).toMatchObject([
      { operation: 'OML^O21', outcome: 'accepted', code: 'AA', fault: 'lost' },
    ]);
  });

  it('lost before it was done: nothing is kept', async () => {
    await dial({ protocol: 'mllp', fault: 'lost', applied: false, count: 1 });
    const line = await openLine(mllpPort);
    line.send(order('L2'));
    await expectInStep(line);
    expect(await orders()).toBe(0);
  });

  it('late: the answer comes after the delay, and a timeout of the sender does not lose it', async () => {
    await dial({ protocol: 'mllp', fault: 'late', delayMs: 120, count: 1 });
    const line = await openLine(mllpPort);
    const start = performance.now();
    line.send(order('D1'));
    const answer = await line.answer();
    expect(performance.now() - start).toBeGreaterThanOrEqual(115);
    expect(segment(answer, 'MSA').slice(1)).toEqual(['AA', 'D1']);
  });

  it('duplicate: answers twice', async () => {
    await dial({ protocol: 'mllp', fault: 'duplicate', count: 1 });
    const line = await openLine(mllpPort);
    line.send(query('TWICE'));
    const first = await line.bytes();
    expect(await line.bytes()).toEqual(first);
    await expectInStep(line);
  });

  it('wrong-control-id: acknowledges another message', async () => {
    await dial({ protocol: 'mllp', fault: 'wrong-control-id', controlId: 'OTHER', count: 1 });
    const line = await openLine(mllpPort);
    line.send(query('MINE'));
    const answer = await line.answer();
    expect(segment(answer, 'MSA').slice(1)).toEqual(['AA', 'OTHER']);
    expect(found(answer)).toEqual(['100001']);
  });

  it('garbage: a frame that holds no HL7, or bytes without a frame', async () => {
    await dial({ protocol: 'mllp', fault: 'garbage', count: 1 });
    const line = await openLine(mllpPort);
    line.send(query('G1'));
    expect((await line.bytes()).includes('MSH')).toBe(false);
    await dial({ protocol: 'mllp', fault: 'garbage', framed: false, count: 1 });
    line.send(query('G2'));
    line.send(query('G3'));
    await expect(line.bytes()).rejects.toThrow('0x0B');
  });

  it('hang: accepts, never answers, and does nothing', async () => {
    await dial({ protocol: 'mllp', fault: 'hang', count: 1 });
    const line = await openLine(mllpPort);
    line.send(order('H1'));
    line.send(query('H2'));
    const other = await openLine(mllpPort);
    await expectInStep(other);
    expect(line.rest()).toHaveLength(0);
    expect(await orders()).toBe(0);
  });

  it('kill-mid-write: half an answer, then the line is gone; what was asked is done', async () => {
    await dial({ protocol: 'mllp', fault: 'kill-mid-write', count: 1 });
    const line = await openLine(mllpPort);
    line.send(order('K1'));
    await line.closed;
    expect(line.rest().length).toBeGreaterThan(0);
    expect(line.rest().includes('\u001c\r')).toBe(false);
    expect(await orders()).toBe(1);
  });

  it('kill-mid-write with downMs: refuses connections for a while and comes back', async () => {
    await dial({ protocol: 'mllp', fault: 'kill-mid-write', bytes: 0, downMs: 4_000, count: 1 });
    const line = await openLine(mllpPort);
    line.send(order('K2'));
    await line.closed;
    expect(line.rest()).toHaveLength(0);
    await expect.poll(() => connects(mllpPort)).toBe(false);
    await expect.poll(() => connects(mllpPort)).toBe(true);
    await expectInStep(await openLine(mllpPort));
  });

  it('down: refuses connections until it is switched off, and comes back on the same port', async () => {
    const before = await openLine(mllpPort);
    const id = await dial({ protocol: 'mllp', fault: 'down' });
    await before.closed;
    expect(await connects(mllpPort)).toBe(false);
    await control('DELETE', `/dials/${id}`);
    await expect.poll(() => connects(mllpPort)).toBe(true);
  });

  it('down by reset: accepts and resets', async () => {
    await dial({ protocol: 'mllp', fault: 'down', mode: 'reset', durationMs: 60_000 });
    const code = await new Promise<string | undefined>((resolve) => {
      const socket = connect(mllpPort, '127.0.0.1');
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
      socket.once('close', () => resolve(undefined));
    });
    expect(code).toBe('ECONNRESET');
  });

  it('oversized: a frame that does not end', async () => {
    await dial({ protocol: 'mllp', fault: 'oversized', bytes: 3_000_000, count: 1 });
    const line = await openLine(mllpPort);
    line.raw(frameOf(query('BIG')));
    await expect.poll(() => line.rest().length).toBeGreaterThan(3_000_000);
    expect(line.rest().includes('\u001c\r')).toBe(false);
  });

  it('slow, with a distribution, concerns its operation only and after as many messages as told', async () => {
    await dial({
      protocol: 'mllp',
      operation: 'QBP^Q22',
      fault: 'slow',
      minMs: 60,
      maxMs: 80,
      after: 1,
      count: 1,
    });
    const line = await openLine(mllpPort);
    await expectInStep(line);
    line.send(order('S1'));
    await line.answer();
    const start = performance.now();
    await expectInStep(line);
    expect(performance.now() - start).toBeGreaterThanOrEqual(55);
    expect((await control('GET', '/dials')).json['dials']).toEqual([]);
  });
});

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

describe('dials on SOAP', () => {
  const find = request('FindAllergies', patientKey('100001'));
  const ask = (body = find, timeoutMs?: number): ReturnType<typeof call> =>
    call(sandbox.addresses.soap, body, timeoutMs === undefined ? {} : { timeoutMs });

  it('fault: a Fault with the code and text asked for', async () => {
    await dial({
      protocol: 'soap',
      fault: 'fault',
      side: 'sender',
      code: 'BUSY',
      text: 'Try <later>',
      retry: true,
    });
    const answer = await ask();
    expect(answer.status).toBe(500);
    expect(all(answer.text, 'faultcode')).toEqual(['soap:Client']);
    expect(all(answer.text, 'faultstring')).toEqual(['Try &lt;later&gt;']);
    expect([all(answer.text, 'ErrorCode'), all(answer.text, 'Retry')]).toEqual([['BUSY'], ['true']]);
  });

  it('partial: some rows, ReturnCode 4 and a warning', async () => {
    const whole = all((await ask()).text, 'AllergyNo');
    await dial({
      protocol: 'soap',
      operation: 'FindAllergies',
      fault: 'partial',
      source: 'CLINIC',
      count: 1,
    });
    const { status, text } = await ask();
    expect(status).toBe(200);
    expect(all(text, 'ReturnCode')).toEqual(['4']);
    expect(all(text, 'Warning')[0]).toContain('<Source>CLINIC</Source>');
    expect(all(text, 'AllergyNo')).toEqual(whole.filter((_, i) => i % 2 === 0));
    expect(all(text, 'RowsReturned')).toEqual([String(all(text, 'AllergyNo').length)]);
    expect(all(text, 'TotalRows')).toEqual([]);
  });

  it('bomb: a document type with entities that grow', async () => {
    await dial({ protocol: 'soap', fault: 'bomb' });
    const { status, text } = await ask();
    expect(status).toBe(200);
    expect(text).toContain('<!DOCTYPE');
    expect(text.match(/<!ENTITY/g)).toHaveLength(10);
    expect(text).toContain('&l9;');
  });

  it('oversized: as large as asked for', async () => {
    await dial({ protocol: 'soap', fault: 'oversized', bytes: 1_000_000 });
    expect((await ask()).text.length).toBeGreaterThan(1_000_000);
  });

  it('garbage, and an HTTP error with a page of some proxy', async () => {
    await dial({ protocol: 'soap', fault: 'garbage', count: 1 });
    expect((await ask()).text).toContain('%PDF');
    await dial({ protocol: 'soap', fault: 'status', status: 502, html: true });
    const answer = await ask();
    expect([answer.status, answer.type]).toEqual([502, 'text/html']);
  });

  it('kill-mid-write: the answer breaks off, the booking is there', async () => {
    await dial({ protocol: 'soap', operation: 'BookAppointment', fault: 'kill-mid-write', count: 1 });
    const booking = `<Appointment><ExternalRef>X-1</ExternalRef>${patientKey('100001')}<StatusCode>WAITL</StatusCode></Appointment>`;
    await expect(ask(request('BookAppointment', booking))).rejects.toThrow();
    const { text } = await ask(request('FindAppointments', '<ExternalRef>X-1</ExternalRef>'));
    expect(all(text, 'ApptNo')).toHaveLength(1);
  });

  it.each(['hang', 'lost'])('%s: no answer', async (fault) => {
    await dial({ protocol: 'soap', fault, count: 1 });
    await expect(ask(find, 150)).rejects.toThrow();
    expect((await ask()).status).toBe(200);
  });

  it('down: refuses connections', async () => {
    const id = await dial({ protocol: 'soap', fault: 'down' });
    await expect(ask()).rejects.toThrow();
    await control('DELETE', `/dials/${id}`);
    await expect
      .poll(() =>
        ask().then(
          (answer) => answer.status,
          () => 0,
        ),
      )
      .toBe(200);
  });
});

describe('dials on the modern service', () => {
  const read = (): Promise<Response> => fetch(`${sandbox.addresses.modern}/metadata`);

  it('status, with Retry-After', async () => {
    await dial({ protocol: 'modern', fault: 'status', status: 503, retryAfter: 7, count: 1 });
    const answer = await read();
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '7']);
    expect((await read()).status).toBe(200);
  });

  it('kill-mid-write: the body breaks off', async () => {
    await dial({ protocol: 'modern', fault: 'kill-mid-write', count: 1 });
    await expect(read().then((answer) => answer.text())).rejects.toThrow();
  });

  it('down', async () => {
    await dial({ protocol: 'modern', fault: 'down' });
    await expect(read()).rejects.toThrow();
  });
});
