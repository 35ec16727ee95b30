import { once } from 'node:events';
import { createServer, get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { Outflow } from '../../../../adapters/modern/outflow.ts';
import { createRelinker, createRelinking } from '../../../../adapters/modern/relink.ts';

/** A sink that says what it got in which call. */
function keeping(calls: string[]): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      calls.push(chunk.toString());
      done();
    },
    writev(chunks, done) {
      calls.push(chunks.map(({ chunk }) => String(chunk)).join('+'));
      done();
    },
  });
}

describe('a body on its way to its sink', () => {
  it('is written once for all that came in one turn of the event loop', async () => {
    const calls: string[] = [];
    const outflow = new Outflow(keeping(calls), undefined, () => {});
    for (const part of ['a', 'b', 'c']) outflow.push(Buffer.from(part));
    expect(calls).toEqual([]);
    await nextTurn();
    expect(calls).toEqual(['a', 'b+c']);
    outflow.push(Buffer.from('d'));
    outflow.end();
    expect(calls).toEqual(['a', 'b+c', 'd']);
  });

  it('says when there is no room, and does not wait with what is much', async () => {
    const written: number[] = [];
    let full = 0;
    const slow = new Writable({
      highWaterMark: 10,
      write: ({ length }: Buffer, _encoding, done) => {
        written.push(length);
        setImmediate(done);
      },
    });
    const outflow = new Outflow(slow, undefined, () => (full += 1));
    outflow.push(Buffer.from('a'));
    await nextTurn();
    expect(written).toEqual([1]);
    expect(full).toBe(0);
    await nextTurn();
    outflow.push(Buffer.alloc(300_000, 0x20));
    expect(written).toEqual([1, 300_000]);
    expect(full).toBe(1);
  });

  it('is let go when its sink is gone', async () => {
    const calls: string[] = [];
    const outflow = new Outflow(keeping(calls), undefined, () => {});
    outflow.push(Buffer.from('a'));
    outflow.drop();
    await nextTurn();
    expect(calls).toEqual([]);
  });

  it('keeps every byte and its order through HTTP, with links replaced, however it comes', async () => {
    const from = 'http://labs.example/fhir';
    const to = 'https://api.hospital.example/fhir/r4';
    const sent = Array.from({ length: 3_000 }, (_, at) => `{"url":"${from}/Patient/${at}é"}`).join(',');
    const bytes = Buffer.from(sent);
    const server = createServer((_req, res) => {
      const outflow = new Outflow(res, createRelinker(createRelinking(from, to)), () => {});
      const send = async (): Promise<void> => {
        for (let at = 0, step = 1; at < bytes.length; step += 7) {
          outflow.push(Buffer.from(bytes.subarray(at, (at += step))));
          if (step % 5 === 0) await nextTurn();
        }
        outflow.end();
      };
      void send();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const [answer] = (await once(get({ port: (server.address() as AddressInfo).port }), 'response')) as [IncomingMessage]; // prettier-ignore
    expect(await text(answer)).toBe(sent.replaceAll(from, to));
    server.closeAllConnections();
    server.close();
  });
});
