import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import { interfaceConfig } from '../../src/config/feed-schema.ts';
import type { LoadedConfig } from '../../src/config/load.ts';
import { createRandom } from '../../src/mapping/laws/random.ts';
import { startCore } from '../integration/mllp-core.ts';
import { makeHome } from '../support/fed.ts';
import { makeServer } from '../support/fed-server.ts';

/** How often Ficus is killed: `FICUS_SERVER_KILLS=100` for a long run. */
const KILLS = Number(process.env['FICUS_SERVER_KILLS'] ?? 5);
/** `FICUS_SEED=...` repeats the choices of a run (not the moments of the disk). */
const SEED = Number(process.env['FICUS_SEED'] ?? Date.now() % 1_000_000);
/** Messages between two kills. */
const MESSAGES = 40;
const PATIENT = { timeout: 90_000 };

const home = makeHome();
afterAll(() => home.remove());

function withReplies(loaded: LoadedConfig, port: number): LoadedConfig {
  const { config } = loaded;
  const { hospix, ...others } = config.feed!.interfaces;
  const replies = { host: '127.0.0.1', port };
  const replied = interfaceConfig.parse({ ...hospix, replies });
  return {
    ...loaded,
    config: {
      ...config,
      feed: { ...config.feed!, interfaces: { ...others, hospix: replied } },
      migration: {
        ...config.migration,
        // Nothing is given up: whatever is not told at the end was forgotten.
        outbox: { ...config.migration.outbox, firstRetryMs: 5, maxRetryMs: 50, attempts: 1_000 },
      },
    },
  };
}

/** A message that is processed, or parked for its assigning authority: its sender asks for CA, and for AA or AE. */
function messageOf(id: string, parked: boolean): Buffer {
  const number = `${id.length}${id.replace(/\D/g, '')}`;
  return Buffer.from(
    [
      `MSH|^~\\&|HOSPIX|MAIN|FICUS|GATE|20261102100500||ADT^A04^ADT_A01|${id}|P|2.5.1|||AL|AL`,
      'EVN||20261102100500',
      `PID|1||${number}^^^${parked ? 'NOBODY' : 'HOSP'}||Muster^Jo||19800312|X`,
      'PV1|1|O',
      '',
    ].join('\r'),
  );
}

it(
  `killed ${KILLS} times (FICUS_SERVER_KILLS), seed ${SEED} (FICUS_SEED), it tells of every message how it ended`,
  { timeout: 120_000 + KILLS * 60_000 },
  async () => {
    const random = createRandom(SEED);
    /** MSA-1 of everything that came to the reply address, by MSA-2. */
    const told = new Map<string, string[]>();
    const replies = await startCore((answer) => {
      const [, code = '', id = ''] = /\rMSA\|(\w+)\|(\w+)/.exec(answer.text) ?? [];
      told.set(id, [...(told.get(id) ?? []), code]);
      // Slower than messages come, so that most are owed; and now and then nobody knows whether it was taken.
      if (random.chance(0.1)) answer.socket.destroy();
      else setTimeout(() => answer.ack('CA'), 1 + random.int(10));
    });
    onTestFinished(() => replies.close());
    const server = await makeServer(home, (loaded) => withReplies(loaded, replies.port));
    onTestFinished(() => server.end());

    const expected = new Map<string, 'AA' | 'AE'>();
    const safe = new Set<string>();
    const sendings: Promise<string[]>[] = [];
    let owedAtKills = 0;
    for (let round = 0; round <= KILLS; round += 1) {
      const begun = server.start();
      // Some kills hit it while it starts, with what the one before left.
      if (round > 0 && round < KILLS && random.chance(0.2))
        await Promise.race([begun, sleep(random.int(2_000))]);
      else {
        expect(await begun).toBe(true);
        const ids = Array.from({ length: MESSAGES }, (_, nth) => `R${round}N${nth}`);
        const messages = ids.map((id) => {
          const parked = random.chance(0.3);
          expected.set(id, parked ? 'AE' : 'AA');
          return messageOf(id, parked);
        });
        const enough = 1 + random.int(MESSAGES);
        let enoughAreSafe = (): void => {};
        const reached = new Promise<void>((resolve) => (enoughAreSafe = resolve));
        let acknowledged = 0;
        const onAcknowledged = ({ index }: { readonly index: number }): void => {
          safe.add(ids[index]!);
          if (++acknowledged === enough) enoughAreSafe();
        };
        sendings.push(server.send(messages, 'hospix', { onAcknowledged, patienceMs: 60_000 }));
        await reached;
        await sleep(random.int(30));
      }
      if (round === KILLS) break;
      owedAtKills += [...safe].filter((id) => !told.has(id)).length;
      await server.kill();
    }
    for (const codes of await Promise.all(sendings)) expect(new Set(codes)).toEqual(new Set(['CA']));
    await server.settled();
    await expect.poll(() => told.size, PATIENT).toBe(expected.size);
    await expect
      .poll(() => server.admin('/feed'), PATIENT)
      .toMatchObject({ answers: [{ owed: 0, dead: 0, lost: 0 }] });

    // Otherwise this would show nothing.
    expect(owedAtKills).toBeGreaterThan(0);
    expect(new Map([...told].map(([id, codes]) => [id, [...new Set(codes)]]))).toEqual(
      new Map([...expected].map(([id, code]) => [id, [code]])),
    );
  },
);
