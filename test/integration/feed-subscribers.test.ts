import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo, LookupFunction } from 'node:net';
import type { lookup } from 'node:dns';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendFeed } from '../../sandbox/feed/send.ts';
import { createWebhook } from '../../src/compose/feed/webhook.ts';
import { startHospital } from '../support/hospital.ts';
import type { Hospital } from '../support/hospital.ts';
import { until } from '../support/migration-desk.ts';

/* Webhooks over real sockets: what a subscriber of patient-merge is told, when it is away, and which addresses are never told anything. */

interface Told {
  readonly number: number;
  readonly focus: string;
  readonly at: number;
}

/** A receiver that notes what it is told, and answers with a status. */
async function startReceiver() {
  const told: Told[] = [];
  let status = 200;
  const server: Server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      const at = Date.now();
      const of = (pattern: RegExp): string => pattern.exec(text)?.[1] ?? '';
      const number = Number(of(/"event-number","valueString":"(\d+)"/));
      told.push({ number, focus: of(/"focus","valueReference":\{"reference":"([^"]+)"/), at });
      response.writeHead(status, { location: '/elsewhere' }).end('taken');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    told,
    url: `http://127.0.0.1:${port}/merges`,
    port,
    answer: (next: number) => (status = next),
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

let receiver: Awaited<ReturnType<typeof startReceiver>>;

beforeAll(async () => {
  receiver = await startReceiver();
});

afterAll(() => receiver.close());

describe('a subscriber of patient-merge', () => {
  let hospital: Hospital;
  let sent = 0;

  beforeAll(async () => {
    hospital = await startHospital((loaded) => {
      const { config } = loaded;
      const subscriber = { url: receiver.url, owner: 'portal', allowLoopback: true, networks: [] };
      return {
        ...loaded,
        config: {
          ...config,
          feed: {
            ...config.feed!,
            subscribers: [{ ...subscriber, name: 'portal', topic: 'patient-merge' }],
          },
        },
      };
    });
  });

  afterAll(() => hospital?.close());

  /** Sends a message about a patient; `from`: the one that is merged into it. */
  async function send(type: string, patient: string, from?: string): Promise<void> {
    sent += 1;
    const time = `2026110211${String(sent).padStart(2, '0')}00`;
    const bytes = Buffer.from(
      [
        `MSH|^~\\&|HOSPIX|MAIN|FICUS|GATE|${time}||${type}|S${sent}|P|2.5.1`,
        `EVN||${time}`,
        `PID|1||${patient}^^^HOSP||Muster^Jo||19800312|X`,
        ...(from === undefined ? ['PV1|1|O'] : [`MRG|${from}^^^HOSP`]),
        '',
      ].join('\r'),
    );
    const port = hospital.ficus.feedPorts['hospix']!;
    const { answers } = await sendFeed([{ bytes, lane: '' }], { host: '127.0.0.1', port });
    expect(answers).toEqual({ AA: 1 });
  }

  const merge = (into: string, from: string): Promise<void> => send('ADT^A40^ADT_A39', into, from);

  const events = async (after: number) => {
    const path = `/feed/events?topic=patient-merge&after=${after}`;
    const response = await fetch(`${hospital.ficus.adminBase}${path}`);
    return (await response.json()) as { events: { number: number; id: string }[]; last: number };
  };

  it('is told of a merge within two seconds, by ids that are those of the topic', async () => {
    await send('ADT^A04^ADT_A01', '5001');
    const begun = Date.now();
    await send('ADT^A04^ADT_A01', '5002');
    // The thread that processes takes a moment to start.
    await until('both are known', async () => {
      const status = (await (await fetch(`${hospital.ficus.adminBase}/feed`)).json()) as {
        interfaces: { counts: { processed: number } }[];
      };
      return status.interfaces[0]?.counts.processed === 2;
    });
    // What anything takes on this machine, as it is now.
    const usual = Date.now() - begun;
    await merge('5002', '5001');
    const acknowledged = Date.now();
    await until('it is told', async () => receiver.told.length > 0);
    expect(receiver.told[0]!.at - acknowledged).toBeLessThan(2_000 + 3 * usual);
    const { events: listed } = await events(0);
    expect(receiver.told).toMatchObject([{ number: 1, focus: `${hospital.base}/Patient/${listed[0]!.id}` }]);
  });

  it('that was away is told everything later, in order, with the same numbers again', async () => {
    receiver.answer(503);
    for (const nth of [3, 4, 5]) await merge('5002', `500${nth}`);
    await until('it is tried again', async () => receiver.told.length >= 4);
    expect(new Set(receiver.told.slice(1).map(({ number }) => number))).toEqual(new Set([2]));
    expect(await events(1)).toMatchObject({ events: [{ number: 2 }, { number: 3 }, { number: 4 }], last: 4 });
    receiver.answer(200);
    await until('it has been told all', async () => receiver.told.at(-1)?.number === 4);
    const numbers = receiver.told.map(({ number }) => number);
    expect(numbers).toEqual(numbers.toSorted((one, other) => one - other));
    expect(new Set(numbers)).toEqual(new Set([1, 2, 3, 4]));
  });
});

describe('a webhook', () => {
  const never = new AbortController().signal;
  const notification = { resourceType: 'Bundle' };

  /** A look-up whose names stand for one address. */
  const standingFor = (address: string) =>
    ((_: string, __: object, callback: Parameters<LookupFunction>[2]) =>
      callback(null, [{ address, family: address.includes(':') ? 6 : 4 }])) as unknown as typeof lookup;

  it.each(['127.0.0.1', '::ffff:127.0.0.1'])(
    'to a name that stands for %s makes no connection',
    async (address) => {
      const before = receiver.told.length;
      const webhook = createWebhook({
        url: `http://portal.example:${receiver.port}/`,
        allowLoopback: false,
        networks: [],
        lookup: standingFor(address),
      });
      await expect(webhook.post(notification, never)).rejects.toThrow('is this machine itself');
      expect(receiver.told).toHaveLength(before);
      await webhook.close();
    },
  );

  it('to a name that stands for link-local makes none even where everything else is let in', async () => {
    const webhook = createWebhook({
      url: 'http://portal.example/',
      allowLoopback: true,
      networks: ['169.254.0.0/16'],
      lookup: standingFor('169.254.169.254'),
    });
    await expect(webhook.post(notification, never)).rejects.toThrow('is a link-local or reserved address');
    await webhook.close();
  });

  it('to a name that stands for an address that is let in reaches it', async () => {
    const before = receiver.told.length;
    const webhook = createWebhook({
      url: `http://portal.example:${receiver.port}/`,
      allowLoopback: true,
      networks: [],
      lookup: standingFor('127.0.0.1'),
    });
    await webhook.post(notification, never);
    expect(receiver.told).toHaveLength(before + 1);
    await webhook.close();
  });

  it('does not follow where it is sent on to', async () => {
    const before = receiver.told.length;
    receiver.answer(307);
    const webhook = createWebhook({ url: receiver.url, allowLoopback: true, networks: [] });
    await expect(webhook.post(notification, never)).rejects.toThrow('HTTP status 307');
    expect(receiver.told).toHaveLength(before + 1);
    receiver.answer(200);
    await webhook.close();
  });

  it('gives up when a receiver says nothing', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const webhook = createWebhook({
      url: `http://127.0.0.1:${port}/`,
      allowLoopback: true,
      networks: [],
      ms: 50,
    });
    await expect(webhook.post(notification, never)).rejects.toThrow('the receiver cannot be reached');
    await webhook.close();
    silent.closeAllConnections();
    await new Promise((resolve) => silent.close(resolve));
  });
});
