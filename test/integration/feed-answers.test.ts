import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { compose } from '../../src/compose.ts';
import type { Ficus } from '../../src/compose.ts';
import { interfaceConfig } from '../../src/config/feed-schema.ts';
import type { LoadedConfig } from '../../src/config/load.ts';
import { feedFiles } from '../../src/compose/feed/files.ts';
import { createLogger } from '../../src/log.ts';
import { openAnswerStore } from '../../src/store/answers.ts';
import { fedConfig, makeHome, reach } from '../support/fed.ts';
import type { Home } from '../support/fed.ts';
import { connectSender } from './feed-interface.ts';
import { startCore, until, unusedPort } from './mllp-core.ts';

const PATIENT = { timeout: 30_000 };

/** Senders that were promised an application acknowledgement hear of their messages, whatever ends in between. */
const home = makeHome();
afterAll(() => home.remove());

function configOf(of: Home, replies?: { readonly port: number }): LoadedConfig {
  const loaded = fedConfig(of);
  const hospix = interfaceConfig.parse({
    port: 0,
    owner: 'integration',
    authority: 'HOSP',
    ...(replies ? { replies: { host: '127.0.0.1', port: replies.port } } : {}),
  });
  const { config } = loaded;
  return {
    ...loaded,
    config: {
      ...config,
      feed: { ...config.feed!, interfaces: { hospix } },
      migration: {
        ...config.migration,
        outbox: { ...config.migration.outbox, firstRetryMs: 10, maxRetryMs: 50 },
      },
    },
  };
}

async function start(loaded: LoadedConfig): Promise<Ficus> {
  const ficus = await compose(loaded, { log: createLogger({ level: 'silent' }) });
  let running = true;
  onTestFinished(() => (running ? ficus.stop() : undefined));
  return {
    ...ficus,
    stop: () => {
      running = false;
      return ficus.stop();
    },
  };
}

const message = (id: string, pid = 'PID|1||4711^^^HOSP||Muster^Jo||19800312|X'): string =>
  [
    `MSH|^~\\&|HOSPIX|MAIN|FICUS|GATE|20261102100500||ADT^A04^ADT_A01|${id}|P|2.5.1|||AL|AL`,
    'EVN||20261102100500',
    pid,
    'PV1|1|O',
    '',
  ].join('\r');

interface Status {
  readonly answers: readonly object[];
  readonly health: { readonly problems: readonly string[] };
}

const statusOf = (ficus: Ficus): Promise<Status> =>
  reach(ficus.publicBase, ficus.adminBase, ficus.feedPorts).admin<Status>('/feed');

async function metricsOf(ficus: Ficus): Promise<string> {
  return (await fetch(`${ficus.adminBase}/metrics`)).text();
}

describe('after a restart', () => {
  it('a reply address that was down hears how every message ended, once each', async () => {
    const port = await unusedPort();
    const loaded = configOf(home, { port });
    const first = await start(loaded);
    const sender = await connectSender(first.feedPorts['hospix']!);
    const nobody = 'PID|1||4711^^^NOBODY||Muster^Jo';
    sender.send(message('M1'), message('M2', nobody), message('M3'));
    expect(await sender.answered(3)).toEqual(['MSA|CA|M1', 'MSA|CA|M2', 'MSA|CA|M3']);
    await expect.poll(() => statusOf(first), PATIENT).toMatchObject({ answers: [{ owed: 3, told: 0 }] });
    expect((await statusOf(first)).answers[0]).toHaveProperty('trouble');
    await expect
      .poll(() => metricsOf(first), PATIENT)
      .toContain('ficus_feed_acknowledged_total{interface="hospix",code="CA"} 3');
    await first.stop();

    const replies = await startCore((message) => message.ack('CA'), { port });
    onTestFinished(() => replies.close());
    const second = await start(loaded);
    await until(() => replies.received.length === 3);
    expect(replies.received.map(({ text }) => /MSA\|\w+\|\w+/.exec(text)?.[0])).toEqual([
      'MSA|AA|M1',
      'MSA|AE|M2',
      'MSA|AA|M3',
    ]);
    await expect
      .poll(() => statusOf(second), PATIENT)
      .toMatchObject({ answers: [{ interface: 'hospix', told: 3, owed: 0, dead: 0, lost: 0 }] });
    expect(await metricsOf(second)).toContain(
      'ficus_feed_answers_total{interface="hospix",outcome="told"} 3',
    );
    expect(replies.received).toHaveLength(3);
  });

  it('what was promised over a connection that is gone is counted as lost', async () => {
    const other = makeHome(home);
    onTestFinished(() => other.remove());
    const loaded = configOf(other);
    const first = await start(loaded);
    const sender = await connectSender(first.feedPorts['hospix']!);
    sender.send(message('M1'));
    expect(await sender.answered(2)).toEqual(['MSA|CA|M1', 'MSA|AA|M1']);
    // It was told, and that is noted a moment later.
    const store = openAnswerStore(feedFiles(other.state).answers);
    onTestFinished(() => store.close());
    await expect.poll(() => store.cursor('hospix'), PATIENT).toBe(1);
    await first.stop();
    // The number is put back: as if the process had ended before it was noted.
    store.place('hospix', 0);
    const second = await start(loaded);
    await expect
      .poll(() => statusOf(second), PATIENT)
      .toMatchObject({ answers: [{ interface: 'hospix', lost: 1 }] });
    const { answers } = await reach(second.publicBase, second.adminBase, second.feedPorts).admin<{
      answers: object[];
    }>('/feed/answers');
    expect(answers).toMatchObject([
      {
        seq: 1,
        controlId: 'M1',
        code: 'AA',
        state: 'lost',
        reason: 'the connection that the message came on is gone',
      },
    ]);
  });
});
