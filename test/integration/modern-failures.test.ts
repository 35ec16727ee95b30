import { once } from 'node:events';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createModernBackend } from '../../adapters/modern/backend.ts';
import { CREATE, FHIR, READ, codeOf, contextOf, startScene } from '../unit/adapters/modern/scene.ts';
import type { Scene } from '../unit/adapters/modern/scene.ts';
import { rawExchange } from '../unit/http/fhir-server.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await startScene();
});
beforeEach(() => scene.reset());
afterAll(() => scene.close());

/** The signal of a caller who gives up as soon as the service has been asked. */
function givenUpWhenAsked(): AbortSignal {
  const caller = new AbortController();
  scene.behave = () => caller.abort();
  return caller.signal;
}

describe('a modern service that fails', () => {
  it('is unavailable when nothing listens', async () => {
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = free.address() as AddressInfo;
    free.close();
    const down = createModernBackend({
      name: 'down',
      url: `http://127.0.0.1:${port}/fhir`,
      publicBase: () => '',
      endpoints: [],
    });
    const failure = await down.handle(CREATE, contextOf()).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'unavailable', retryAfter: 5 });
    await down.destroy();
  });

  it('is a timeout for a read and an unknown outcome for a write when it hangs', async () => {
    expect(await codeOf(scene.backend.handle(READ, contextOf(givenUpWhenAsked())))).toBe('timeout');
    expect(await codeOf(scene.backend.handle(CREATE, contextOf(givenUpWhenAsked())))).toBe('outcome-unknown');
  });

  it('is not scene.asked at all for a request that was already given up', async () => {
    const given = AbortSignal.abort();
    expect(await codeOf(scene.backend.handle(CREATE, contextOf(given)))).toBe('timeout');
    expect(scene.asked).toEqual([]);
  });

  it('does not get a write that waited for a connection until its time was up', async () => {
    const narrow = createModernBackend({
      name: 'narrow',
      url: scene.base,
      publicBase: () => '',
      endpoints: [],
      connections: 1,
    });
    scene.behave = () => {};
    const caller = new AbortController();
    const hung = codeOf(narrow.handle(READ, contextOf(caller.signal)));
    await expect.poll(() => scene.asked.length).toBe(1);
    expect(await codeOf(narrow.handle(CREATE, contextOf(AbortSignal.timeout(100))))).toBe('timeout');
    caller.abort();
    expect(await hung).toBe('timeout');
    scene.behave = (_req, res) => res.writeHead(200, FHIR).end('{}');
    const next = await narrow.handle(READ, contextOf());
    expect(next.status).toBe(200);
    expect(scene.asked.map(({ method }) => method)).toEqual(['GET', 'GET']);
    await narrow.destroy();
  });

  it('leaves the outcome of a write unknown when it hangs up', async () => {
    scene.behave = (req) => req.socket.destroy();
    expect(await codeOf(scene.backend.handle(CREATE, contextOf()))).toBe('outcome-unknown');
    expect(scene.asked).toHaveLength(1);
  });

  it('is scene.asked once more for a read when it hangs up, and then is unavailable', async () => {
    scene.behave = (req, res) => {
      if (scene.asked.length === 1) req.socket.destroy();
      else res.writeHead(200, FHIR).end('{}');
    };
    expect(await codeOf(scene.backend.handle(READ, contextOf()))).toBe('none');
    scene.asked.length = 0;
    scene.behave = (req) => req.socket.destroy();
    expect(await codeOf(scene.backend.handle(READ, contextOf()))).toBe('unavailable');
    expect(scene.asked).toHaveLength(2);
  });

  it('is malformed when it speaks no HTTP', async () => {
    scene.behave = (req) => req.socket.end('SMTP ready\r\n\r\n');
    expect(await codeOf(scene.backend.handle(READ, contextOf()))).toBe('legacy-malformed');
  });

  it.each([
    { name: 'with a length', head: { ...FHIR, 'content-length': '100000' } },
    { name: 'in chunks', head: FHIR },
  ])('never makes a body that broke off $name look complete', async ({ head }) => {
    scene.behave = (req, res) => {
      res.writeHead(200, head);
      res.write('{"resourceType":"Patient","text":"'.padEnd(20_000, 'x'), () =>
        setTimeout(() => req.socket.destroy(), 20),
      );
    };
    const raw = await rawExchange(
      scene.ficus.server.port,
      'GET /fhir/r4/Patient/p1 HTTP/1.1\r\nHost: x\r\n\r\n',
    );
    expect(raw).toMatch(/^HTTP\/1.1 200 /);
    expect(raw).toContain('xxxx');
    expect(raw.endsWith('0\r\n\r\n')).toBe(false);
    await expect(
      fetch(`${scene.ficus.base}/Patient/p1`).then((response) => response.text()),
    ).rejects.toThrow();
  });

  it('is cut off when it falls silent within a body', async () => {
    scene.behave = (_req, res) => {
      res.writeHead(200, FHIR);
      res.write('{');
    };
    await expect(
      fetch(`${scene.ficus.base}/Patient/p1`).then((response) => response.text()),
    ).rejects.toThrow();
  });

  it.each([
    ['breaks off', (res: ServerResponse) => res.socket?.destroy(), 'unavailable'],
    ['falls silent', () => {}, 'timeout'],
  ])(
    'is said to whoever takes an answer apart when it %s within a body, and to nobody else',
    async (_, end, code) => {
      scene.behave = (_req, res) => {
        res.writeHead(200, FHIR);
        res.write('{"resourceType":', () => setImmediate(() => end(res)));
      };
      const { body } = await scene.backend.handle(READ, contextOf());
      if (body.kind !== 'pipe') throw new Error(`it is a ${body.kind}`);
      // Nobody listens to this sink: its error would end the process.
      const sink = new Writable({ write: (_chunk, _encoding, done) => done() });
      await expect(body.pipe(sink)).rejects.toMatchObject({ name: 'FicusError', code });
      expect(sink.destroyed).toBe(true);
    },
  );
});
