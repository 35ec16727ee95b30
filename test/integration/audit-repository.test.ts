import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { link } from '../../src/audit/chain.ts';
import { factsOf } from '../../src/audit/facts.ts';
import { startRepositoryFeed } from '../../src/compose/audit/repository-feed.ts';
import type { RepositoryFeed } from '../../src/compose/audit/repository-feed.ts';
import { createRepository } from '../../src/compose/audit/repository.ts';
import type { RepositoryOptions } from '../../src/compose/audit/repository.ts';
import { systemClock } from '../../src/clock.ts';
import { validateResource } from '../../src/fhir/validate.ts';
import type { Resource } from '../../src/fhir/types.ts';
import { createLogger } from '../../src/log.ts';
import { createMemoryAuditStore } from '../../src/store/memory-audit.ts';
import { PRIVATE_NETWORKS, whyRefused } from '../../src/security/internal-address.ts';
import { entry } from '../unit/audit/entries.ts';

interface Posted {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: Resource;
}

interface BundleEntry {
  readonly fullUrl: string;
  readonly resource: Resource;
}

/** Answers one request; undefined: takes it. */
type Mood = (posted: Posted, response: ServerResponse) => boolean;

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});

/** An Audit Record Repository that keeps what it takes, and at times is in a mood. */
async function openRepository(mood: () => Mood | undefined) {
  const posts: Posted[] = [];
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Resource;
      const posted = { path: request.url ?? '', authorization: request.headers.authorization, body };
      posts.push(posted);
      if (mood()?.(posted, response)) return;
      const entries = (body['entry'] as unknown[] | undefined)?.map(() => ({
        response: { status: '201 Created' },
      }));
      response.setHeader('content-type', 'application/fhir+json');
      response.statusCode = entries ? 200 : 201;
      response.end(JSON.stringify({ resourceType: 'Bundle', type: 'batch-response', entry: entries ?? [] }));
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  undo.push(() => new Promise((resolve) => (server.closeAllConnections(), server.close(resolve))));
  return { posts, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/fhir` };
}

function openTrail() {
  const store = createMemoryAuditStore();
  return {
    store,
    add(from: number, to: number) {
      for (let n = from; n <= to; n++)
        store.append((head) => link(head, factsOf(entry({ requestId: `r${n}` })), 1_000 + n));
    },
  };
}

function follow(url: string, store: ReturnType<typeof openTrail>['store'], batch = 10): RepositoryFeed {
  const feed = startRepositoryFeed({
    config: { url, batch, bearer: { env: 'TOKEN' }, deadlineMs: 2_000, firstRetryMs: 5, maxRetryMs: 20 },
    store,
    publicBase: 'https://ehr.example/fhir/r4',
    assembly: { secrets: { text: () => 'sesame' } as never, baseDir: '/' },
    clock: systemClock,
    log: createLogger({ level: 'silent' }),
  });
  undo.push(() => feed.stop());
  return feed;
}

const requestsIn = (posts: readonly Posted[]): string[] =>
  posts.flatMap(({ body }) => {
    const events = body['entry']
      ? (body['entry'] as unknown as BundleEntry[]).map(({ resource }) => resource)
      : [body];
    return events.map((event) => /"value":"(r\d+)"/.exec(JSON.stringify(event['entity']))![1]!);
  });
const numbered = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, n) => `r${from + n}`);

describe('an audit repository', () => {
  it('is sent every event once, in order, as valid FHIR, with its token', async () => {
    const { posts, url } = await openRepository(() => undefined);
    const trail = openTrail();
    trail.add(1, 25);
    const feed = follow(url, trail.store);
    await expect.poll(() => feed.status().owed).toBe(0);
    expect(requestsIn(posts)).toEqual(numbered(1, 25));
    expect(posts.map(({ path }) => path)).toEqual(['/fhir', '/fhir', '/fhir']);
    for (const { body, authorization } of posts) {
      expect(validateResource(body)).toEqual([]);
      expect(authorization).toBe('Bearer sesame');
    }
    trail.add(26, 26);
    feed.wake();
    await expect.poll(() => feed.status().owed).toBe(0);
    expect(posts.at(-1)).toMatchObject({ path: '/fhir/AuditEvent', body: { resourceType: 'AuditEvent' } });
    expect(feed.problems()).toEqual([]);
  });

  it('that fails at times, or takes a part, misses nothing, and gets nothing out of order', async () => {
    let turn = 0;
    const moods: readonly Mood[] = [
      (_posted, response) => Boolean(response.writeHead(503).end()),
      (_posted, response) => Boolean(response.destroy()),
      ({ body }, response) => {
        const entries = (body['entry'] as unknown[]).map((_, n) => ({
          response: { status: n < 3 ? '201' : '500' },
        }));
        response.writeHead(200).end(JSON.stringify({ resourceType: 'Bundle', entry: entries }));
        return true;
      },
      (_posted, response) => Boolean(response.writeHead(200).end('<html>')),
    ];
    const { posts, url } = await openRepository(() => moods[turn++]);
    const trail = openTrail();
    trail.add(1, 20);
    const feed = follow(url, trail.store);
    await expect.poll(() => feed.status().owed).toBe(0);
    // What was taken: each first time that a request is seen, in order, and after the partial one the rest again.
    const seen = [...new Set(requestsIn(posts))];
    expect(seen).toEqual(numbered(1, 20));
    expect(requestsIn(posts.slice(4))[0]).toBe('r4');
    const urls = posts.flatMap(({ body }) =>
      ((body['entry'] ?? []) as unknown as BundleEntry[]).map(({ fullUrl }) => fullUrl),
    );
    // Sent again it is known by the same address.
    expect(new Set(urls).size).toBe(20);
  });

  it('that is down is told of with its backlog, and gets everything when it is back, after a restart too', async () => {
    let down = true;
    const { posts, url } = await openRepository(() =>
      down ? (_posted, response) => Boolean(response.writeHead(500).end()) : undefined,
    );
    const trail = openTrail();
    trail.add(1, 5);
    const feed = follow(url, trail.store, 1);
    await expect.poll(() => feed.problems()).toHaveLength(1);
    expect(feed.problems()[0]).toMatch(/takes nothing since .*, 5 events wait: .*500/);
    await feed.stop();
    down = false;
    posts.length = 0;
    const again = follow(url, trail.store, 1);
    await expect.poll(() => again.status().owed).toBe(0);
    expect(requestsIn(posts)).toEqual(numbered(1, 5));
  });

  it('that sends elsewhere is not followed, and has taken nothing', async () => {
    const elsewhere = await openRepository(() => undefined);
    let redirects = true;
    const { posts, url } = await openRepository(() =>
      redirects
        ? (_posted, response) => Boolean(response.writeHead(307, { location: elsewhere.url }).end())
        : undefined,
    );
    const trail = openTrail();
    trail.add(1, 3);
    const feed = follow(url, trail.store);
    await expect.poll(() => feed.problems()[0]).toMatch(/3 events wait: .*307/);
    redirects = false;
    await expect.poll(() => feed.status().owed).toBe(0);
    expect(elsewhere.posts).toEqual([]);
    expect(posts.length).toBeGreaterThan(1);
  });

  it('that answers without an end is cut off', async () => {
    const { url } = await openRepository(() => (_posted, response) => {
      response.on('error', () => {});
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(1 << 20, ' ')));
      };
      response.on('drain', more);
      more();
      return true;
    });
    await expect(record(url)).rejects.toThrow(/answers with more than/);
  });

  it.each(['169.254.169.254', '127.0.0.1', '0.0.0.0', '::1', 'fe80::1', '::ffff:127.0.0.1'])(
    'whose name is made to stand for %s is sent nothing',
    async (address) => {
      const { posts, url } = await openRepository(() => undefined);
      const named = url.replace('127.0.0.1', 'arr.hospital.example');
      await expect(record(named, nameServer(address))).rejects.toThrow(/the address of the repository is/);
      expect(posts).toEqual([]);
    },
  );

  it('may be this machine, where the configuration says so', async () => {
    const { posts, url } = await openRepository(() => undefined);
    expect(await record(url.replace('127.0.0.1', 'localhost'), nameServer('127.0.0.1'))).toBe(1);
    expect(posts).toHaveLength(1);
  });
});

it.each(['10.1.2.3', '172.31.0.1', '192.168.4.5', '100.64.1.1', 'fd12::1'])(
  'a repository may be in the house, at %s',
  (address) => {
    expect(whyRefused(address, { allowLoopback: false, networks: PRIVATE_NETWORKS })).toBeUndefined();
  },
);

/** Answers every question with one address. */
function nameServer(address: string): NonNullable<RepositoryOptions['lookup']> {
  const look = (_host: string, _options: object, callback: (error: null, found: object[]) => void): void =>
    callback(null, [{ address, family: isIP(address) }]);
  return look as unknown as NonNullable<RepositoryOptions['lookup']>;
}

/** Sends one event. */
async function record(url: string, lookup?: RepositoryOptions['lookup']): Promise<number> {
  const repository = createRepository({ url, deadlineMs: 1_000, ...(lookup ? { lookup } : {}) });
  const event: Resource = { resourceType: 'AuditEvent' };
  try {
    return await repository.record([event], new AbortController().signal);
  } finally {
    await repository.close();
  }
}
