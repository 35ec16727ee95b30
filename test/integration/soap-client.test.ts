import { describe, expect, it } from 'vitest';
import { childOf } from '../../adapters/soap/xml-element.ts';
import {
  ANSWER,
  callOf,
  closeAfterwards,
  connect,
  envelope,
  FAULT,
  refusal,
  serve,
  xml,
} from './soap-service.ts';

describe('a SOAP client', () => {
  it('sends a SOAP 1.1 request and gives the answer', async () => {
    let seen: unknown;
    const url = await serve((response, body, { headers, method, url: path }) => {
      seen = {
        method,
        path,
        type: headers['content-type'],
        action: headers.soapaction,
        encoding: headers['accept-encoding'],
        extra: headers['authorization'],
        body,
      };
      xml(response, ANSWER);
    });
    const reply = await connect(url, { headers: { authorization: 'Basic x' } }).call(callOf('query'));
    expect(reply).toMatchObject({
      kind: 'answer',
      body: { ns: 'urn:x', local: 'a', text: 'caf\u00e9 1.50' },
      headers: [],
    });
    expect(seen).toEqual({
      method: 'POST',
      path: '/service?x=1',
      type: 'text/xml; charset=utf-8',
      action: '"urn:x/Find"',
      encoding: 'identity',
      extra: 'Basic x',
      body:
        '<?xml version="1.0" encoding="UTF-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:n1="urn:x">' +
        '<soap:Body><n1:Find/></soap:Body></soap:Envelope>',
    });
  });

  it('sends a SOAP 1.2 request', async () => {
    let type: string | undefined;
    const url = await serve((response, _, { headers }) => {
      type = headers['content-type'];
      xml(response, envelope('<a/>', '', '1.2'), 200, 'application/soap+xml');
    });
    expect(await connect(url, { version: '1.2' }).call(callOf('query'))).toMatchObject({ kind: 'answer' });
    expect(type).toBe('application/soap+xml; charset=utf-8; action="urn:x/Find"');
  });

  it.each([200, 400, 500, 503])('gives a Fault as a Fault, with HTTP %s', async (status) => {
    const url = await serve((response) => xml(response, FAULT, status));
    const reply = await connect(url).call(callOf('write'));
    expect(reply).toMatchObject({
      kind: 'fault',
      status,
      fault: { version: '1.1', code: 'Server', text: 'busy' },
    });
  });

  it('gives a Fault of the other version: that is how a service refuses a version', async () => {
    const url = await serve((response) => xml(response, FAULT, 500));
    const reply = await connect(url, { version: '1.2' }).call(callOf('query'));
    expect(reply).toMatchObject({ kind: 'fault', fault: { version: '1.1' } });
  });

  it('reads the charset HTTP names, or the one it is configured to', async () => {
    const body = Buffer.from(ANSWER, 'latin1');
    const url = await serve((response, request) => {
      xml(
        response,
        body,
        200,
        request.includes('Other') ? 'text/xml; charset=utf-8' : 'text/xml;charset="ISO-8859-1"',
      );
    });
    const answer = { body: { text: 'caf\u00e9 1.50' } };
    expect(await connect(url).call(callOf('query'))).toMatchObject(answer);
    expect(
      await connect(url, { charset: 'iso-8859-1' }).call(callOf('query', { action: 'urn:Other' })),
    ).toMatchObject(answer);
  });

  it('keeps its connections', async () => {
    const ports = new Set<number | undefined>();
    const url = await serve((response, _, { socket }) => {
      ports.add(socket.remotePort);
      xml(response, ANSWER);
    });
    const client = connect(url, { connections: 2 });
    for (let i = 0; i < 5; i++) await client.call(callOf('query'));
    await Promise.all(Array.from({ length: 20 }, () => client.call(callOf('query'))));
    expect(ports.size).toBe(2);
  });

  it('names its messages with WS-Addressing, and refuses the answer to another', async () => {
    let related = '';
    const url = await serve((response, body) => {
      const id = /MessageID>([^<]+)</.exec(body)?.[1] ?? '';
      xml(
        response,
        envelope(
          '<a/>',
          `<r:RelatesTo xmlns:r="http://www.w3.org/2005/08/addressing">${related || id}</r:RelatesTo>`,
        ),
      );
    });
    const client = connect(url, { addressing: true });
    const reply = await client.call(callOf('query'));
    expect(reply.messageId).toMatch(/^urn:uuid:[0-9a-f-]{36}$/);
    expect(await client.call(callOf('query', { messageId: 'urn:uuid:mine' }))).toMatchObject({
      messageId: 'urn:uuid:mine',
    });
    related = reply.messageId;
    expect(await refusal(client.call(callOf('query')))).toMatchObject({ code: 'legacy-malformed' });
    expect(await connect(url).call(callOf('query'))).toMatchObject({ kind: 'answer' });
  });

  it('waits for what is under way when it is closed, and takes nothing more', async () => {
    const url = await serve((response) => setTimeout(() => xml(response, ANSWER), 50));
    const client = connect(url);
    const underWay = client.call(callOf('query'));
    await client.close();
    expect(await underWay).toMatchObject({ kind: 'answer' });
    expect((await refusal(client.call(callOf('write')))).code).toBe('unavailable');
  });

  it('sends nothing when a value cannot be carried', async () => {
    let calls = 0;
    const url = await serve((response) => {
      calls++;
      xml(response, ANSWER);
    });
    const body = { ns: '', local: 'a', attrs: [], children: [], text: 'x\u0000' };
    expect((await refusal(connect(url).call(callOf('write', { body })))).code).toBe('value-invalid');
    expect(calls).toBe(0);
  });
});

describe('a deadline', () => {
  /** Time enough for what is sent to be on its way. */
  const soon = (): number => Date.now() + 500;

  it.each([
    ['query', 'timeout'],
    ['write', 'outcome-unknown'],
  ] as const)('ends a %s nobody answers: %s', async (kind, code) => {
    const url = await serve(() => undefined);
    expect((await refusal(connect(url).call(callOf(kind, { deadline: soon() })))).code).toBe(code);
  });

  it('ends an answer that drips', async () => {
    const url = await serve((response) => {
      const drip = setInterval(() => response.write(' '), 10);
      closeAfterwards(() => clearInterval(drip));
    });
    expect((await refusal(connect(url).call(callOf('query', { deadline: soon() })))).code).toBe('timeout');
  });

  it('that has passed, or a signal that was aborted, sends nothing', async () => {
    let calls = 0;
    const url = await serve(() => calls++);
    const client = connect(url);
    expect((await refusal(client.call(callOf('write', { deadline: Date.now() - 1 })))).code).toBe('timeout');
    expect((await refusal(client.call(callOf('write', { signal: AbortSignal.abort() })))).code).toBe(
      'timeout',
    );
    expect(calls).toBe(0);
  });

  it('of a write that still waits for a connection leaves it unsent, and says so; the others go on', async () => {
    const bodies: string[] = [];
    const answer = Promise.withResolvers<void>();
    const url = await serve((response, body) => {
      bodies.push(body);
      void answer.promise.then(() => xml(response, ANSWER));
    });
    const client = connect(url, { connections: 1 });
    const action = (
      name: string,
    ): { body: { ns: string; local: string; attrs: []; children: []; text: string } } => ({
      body: { ns: '', local: name, attrs: [], children: [], text: '' },
    });
    const first = client.call(callOf('query', action('first')));
    const second = client.call(callOf('write', { ...action('second'), deadline: soon() }));
    const third = client.call(callOf('query', action('third')));
    const error = await refusal(second);
    expect(error).toMatchObject({ code: 'timeout' });
    expect(error.message).toContain('nothing was sent');
    answer.resolve();
    await Promise.all([first, third]);
    expect(bodies.map((body) => /<(first|second|third)/.exec(body)?.[1])).toEqual(['first', 'third']);
  });

  it.each([
    ['query', 'timeout'],
    ['write', 'outcome-unknown'],
  ] as const)('or a client that goes away frees the connection of a %s', async (kind, code) => {
    const closed = Promise.withResolvers<void>();
    const caller = new AbortController();
    const url = await serve((_, __, { socket }) => {
      socket.on('close', () => closed.resolve());
      caller.abort();
    });
    expect((await refusal(connect(url).call(callOf(kind, { signal: caller.signal })))).code).toBe(code);
    await closed.promise;
  });
});

describe('an answer with WS-Security', () => {
  it('is taken when its Timestamp holds, and refused when it ran out', async () => {
    const wss = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity';
    const url = await serve((response, body) => {
      const expires = new Date(Date.now() + (body.includes('old') ? -3_600_000 : 60_000)).toISOString();
      const security = `<s:Security xmlns:s="${wss}-secext-1.0.xsd" xmlns:u="${wss}-utility-1.0.xsd" e:mustUnderstand="1"><u:Timestamp><u:Expires>${expires}</u:Expires></u:Timestamp></s:Security>`;
      xml(response, envelope('<a><b/></a>', security));
    });
    const reply = await connect(url).call(callOf('query'));
    expect(reply.kind === 'answer' && childOf(reply.body, '', 'b')).toBeTruthy();
    const old = callOf('query', { body: { ns: '', local: 'old', attrs: [], children: [], text: '' } });
    expect((await refusal(connect(url).call(old))).code).toBe('legacy-malformed');
  });
});
