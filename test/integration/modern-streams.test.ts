import { once } from 'node:events';
import { Agent, get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createModernBackend } from '../../adapters/modern/backend.ts';
import { FHIR, READ, contextOf, startScene } from '../unit/adapters/modern/scene.ts';
import type { Scene } from '../unit/adapters/modern/scene.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await startScene();
});
beforeEach(() => scene.reset());
afterAll(() => scene.close());

describe('a stream', () => {
  it('waits for a slow client instead of filling memory', async () => {
    const size = 48 * 1024 * 1024;
    let written = 0;
    scene.behave = (_req, res) => {
      res.writeHead(200, FHIR);
      const chunk = Buffer.alloc(64 * 1024, 0x20);
      const more = (): void => {
        while (written < size) {
          written += chunk.length;
          if (!res.write(chunk)) {
            res.once('drain', more);
            return;
          }
        }
        res.end();
      };
      more();
    };
    const response = await fetch(`${scene.ficus.base}/Patient/p1`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const held = written;
    expect(held).toBeLessThan(size / 2);
    let received = 0;
    for await (const chunk of response.body ?? []) received += (chunk as Uint8Array).length;
    expect(received).toBe(size);
  });

  it('frees the connection to the service when the client goes away, a hundred times over', async () => {
    let closed = 0;
    scene.behave = (_req, res) => {
      res.on('close', () => (closed += 1));
      res.writeHead(200, FHIR);
      res.write(Buffer.alloc(256 * 1024, 0x20));
    };
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(
        Array.from({ length: 10 }, async () => {
          const controller = new AbortController();
          const response = await fetch(`${scene.ficus.base}/Patient/p1`, { signal: controller.signal });
          expect(response.status).toBe(200);
          controller.abort();
        }),
      );
    }
    await expect.poll(() => closed).toBe(100);
    scene.behave = (_req, res) => res.writeHead(200, FHIR).end('{}');
    const before = scene.connections;
    for (let round = 0; round < 20; round += 1)
      expect((await fetch(`${scene.ficus.base}/Patient/p1`)).status).toBe(200);
    expect(scene.connections - before).toBeLessThanOrEqual(2);
  });

  it('leaves nothing of its body with an idle connection', async () => {
    const connections = 64;
    const body = Buffer.from(`{"resourceType":"Patient","x":"${'x'.repeat(120_000)}"}`);
    scene.behave = (_req, res) => res.writeHead(200, FHIR).end(body);
    const agent = new Agent({ keepAlive: true, maxSockets: connections, maxFreeSockets: connections });
    const read = async (): Promise<void> => {
      const [answer] = (await once(get(`${scene.ficus.base}/Patient/p1`, { agent }), 'response')) as [
        IncomingMessage,
      ];
      answer.resume();
      await once(answer, 'end');
    };
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const held = (): number => {
      collect();
      return process.memoryUsage().arrayBuffers;
    };
    const before = held();
    await Promise.all(Array.from({ length: connections }, read));
    await expect.poll(() => held() - before, { timeout: 10_000 }).toBeLessThan(connections * 8 * 1024);
    expect(Object.values(agent.freeSockets).flat()).toHaveLength(connections);
    agent.destroy();
  });

  it('keeps the connection when a short body is not wanted, and cuts a long one off', async () => {
    const narrow = createModernBackend({
      name: 'narrow',
      url: scene.base,
      publicBase: () => '',
      endpoints: [],
      connections: 1,
    });
    const before = scene.connections;
    for (let round = 0; round < 5; round += 1) {
      const { body } = await narrow.handle(READ, contextOf());
      if (body.kind === 'pipe') body.discard();
    }
    expect(scene.connections - before).toBe(1);
    scene.behave = (_req, res) => {
      res.writeHead(200, FHIR);
      res.write(Buffer.alloc(1024 * 1024, 0x20));
    };
    const { body } = await narrow.handle(READ, contextOf());
    if (body.kind === 'pipe') body.discard();
    scene.behave = (_req, res) => res.writeHead(200, FHIR).end('{}');
    expect((await narrow.handle(READ, contextOf())).status).toBe(200);
    expect(scene.connections - before).toBe(2);
    await narrow.destroy();
  });

  it('is taken in one piece when all of it has come, and only once', async () => {
    const sent = JSON.stringify({
      resourceType: 'Patient',
      text: { div: `<a href='${scene.base}/x'>é</a>` },
    });
    scene.behave = (_req, res) => res.writeHead(200, FHIR).end(sent);
    const backend = createModernBackend({
      name: 'labs',
      url: scene.base,
      publicBase: () => 'https://api.example/fhir',
      endpoints: [],
    });
    const { body } = await backend.handle(READ, contextOf());
    if (body.kind !== 'pipe') throw new Error('A stream was expected');
    await expect
      .poll(() => body.whole?.()?.toString())
      .toBe(sent.replace(scene.base, 'https://api.example/fhir'));
    expect(body.whole?.()).toBeUndefined();
    await backend.destroy();
  });

  it('is not taken while some of it is still to come', async () => {
    let finish = (): void => {};
    scene.behave = (_req, res) => {
      res.writeHead(200, FHIR);
      res.write('{"resourceType":');
      finish = () => res.end('"Patient"}');
    };
    const backend = createModernBackend({
      name: 'labs',
      url: scene.base,
      publicBase: () => '',
      endpoints: [],
    });
    const { body } = await backend.handle(READ, contextOf());
    if (body.kind !== 'pipe') throw new Error('A stream was expected');
    expect(body.whole?.()).toBeUndefined();
    const sink = new PassThrough();
    const piped = body.pipe(sink);
    expect(body.whole?.()).toBeUndefined();
    finish();
    const [received] = await Promise.all([text(sink), piped]);
    expect(received).toBe('{"resourceType":"Patient"}');
    await backend.destroy();
  });

  it.each([
    ['short', 2_000],
    ['too long to be copied into a string', 30_000],
  ])('that has come at once and is %s has a length and every byte', async (_what, size) => {
    const bytes = Buffer.from(`{"a":"${'é\u00fc\\'.repeat(size / 10)}"}`);
    scene.behave = (_req, res) => res.writeHead(200, FHIR).end(bytes);
    const response = await fetch(`${scene.ficus.base}/Patient/p1`);
    expect(Buffer.from(await response.arrayBuffer())).toEqual(bytes);
    if (size < 12_000) expect(response.headers.get('content-length')).toBe(String(bytes.length));
  });
});
