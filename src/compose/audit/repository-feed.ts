import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { auditEvent } from '../../audit/audit-event.ts';
import type { AuditStore } from '../../audit-ports.ts';
import type { AuditConfig } from '../../config/audit-schema.ts';
import { createForwarder } from '../../events/forwarder.ts';
import type { Clock, Logger } from '../../ports.ts';
import type { Assembly } from '../assembly.ts';
import { createRepository } from './repository.ts';

/** Sends the trail to an Audit Record Repository. */
export interface RepositoryFeed {
  /** The trail has gone on. */
  wake(): void;
  /** Events that were not taken yet. */
  status(): { readonly owed: number };
  /** What is not as it should be, in words without patient data. */
  problems(): readonly string[];
  stop(): Promise<void>;
}

export interface RepositoryFeedOptions {
  readonly config: NonNullable<AuditConfig['repository']>;
  readonly store: AuditStore;
  readonly publicBase: string;
  readonly assembly: Pick<Assembly, 'secrets' | 'baseDir'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What is told at once is looked for now and then as well: another process may have added to the trail. */
const LOOK_MS = 5_000;

/** Goes on where the repository stands. @throws Error when a secret or a file of its TLS cannot be read */
export function startRepositoryFeed(options: RepositoryFeedOptions): RepositoryFeed {
  const { config, store, publicBase, clock, log } = options;
  const { url, batch, firstRetryMs, maxRetryMs } = config;
  const repository = createRepository({ ...connectionOf(options), url });
  const follower = `repository ${url}`;
  const forwarder = createForwarder({
    name: 'audit repository',
    firstRetryMs,
    maxRetryMs,
    cursor: () => store.cursor(follower),
    advance: (to) => store.advance(follower, to),
    after: (sequence) => store.after(sequence, batch),
    numberOf: (record) => record.sequence,
    send: (records, signal) =>
      repository.record(
        records.map((record) => auditEvent(record, { publicBase })),
        signal,
      ),
    clock,
    log,
  });
  const owed = (): number => store.head().sequence - store.cursor(follower);
  let cancel = (): void => {};
  const look = (): void => {
    forwarder.wake();
    cancel = clock.after(LOOK_MS, look);
  };
  look();
  return {
    wake: () => forwarder.wake(),
    status: () => ({ owed: owed() }),
    problems() {
      const trouble = forwarder.trouble();
      if (!trouble) return [];
      const since = new Date(trouble.since).toISOString();
      return [`the audit repository takes nothing since ${since}, ${owed()} events wait: ${trouble.words}`];
    },
    async stop() {
      cancel();
      await forwarder.stop();
      await repository.close();
    },
  };
}

function connectionOf({ config, assembly }: RepositoryFeedOptions) {
  const { secrets, baseDir } = assembly;
  const { tls, bearer, deadlineMs } = config;
  const file = (path: string): string => readFileSync(resolve(baseDir, path), 'utf8');
  return {
    deadlineMs,
    bearer: bearer && secrets.text(bearer),
    ...(tls
      ? {
          tls: {
            ...(tls.ca === undefined ? {} : { ca: file(tls.ca) }),
            ...(tls.certificate === undefined ? {} : { cert: file(tls.certificate) }),
            ...(tls.key === undefined ? {} : { key: secrets.text(tls.key) }),
            ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
          },
        }
      : {}),
  };
}
