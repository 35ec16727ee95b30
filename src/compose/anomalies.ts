import { randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { Counter, Gauge } from 'prom-client';
import { agentOf } from '../audit/agent.ts';
import type { Refused } from '../audit/refusals.ts';
import type { GuardedConfig } from '../config/security-schema.ts';
import type { Metrics } from '../metrics.ts';
import type { Clock, Logger } from '../ports.ts';
import type { AlertStore, NetworkUse, SecurityAlert, UseCounts } from '../privacy-ports.ts';
import { networkOf } from '../security/network.ts';
import { createTokenWatch } from '../security/token-watch.ts';
import type { Suspicion } from '../security/token-watch.ts';
import type { AuditAgent, AuditEntry, AuditSink } from '../security-ports.ts';

type Settings = Exclude<GuardedConfig['anomalies'], 'off'>;
type Refuse = (refusal: Refused) => Promise<void>;

/** Looks at what goes to the audit, and raises an alert where a token is used out of its usual. */
export interface Anomalies {
  /** The way to the audit, from here on. */
  readonly sink: AuditSink;
  readonly refused: Refuse;
  /** Somebody has looked at an alert: the networks that its token is used from by now are known from then on. */
  acknowledged(alert: SecurityAlert): void;
  /** Keeps what was seen so far. */
  flush(): Promise<void>;
}

export interface AnomaliesOptions {
  readonly settings: Settings;
  readonly audit: { readonly sink: AuditSink; readonly refused: Refuse };
  readonly store: AlertStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'registry'>;
}

/** Further uses that an alert counts are kept together. */
const TOGETHER_MS = 5_000;
/** Tokens with an alert that are known in memory. */
const MOST_KNOWN = 10_000;

interface Raised {
  readonly agent: AuditAgent;
  readonly requestId: string;
  readonly at: number;
  readonly suspicion: Suspicion;
}

export function watchTokens(options: AnomaliesOptions): Anomalies {
  const { settings, audit, store, clock, log } = options;
  const { ipv4Bits: ipv4, ipv6Bits: ipv6, windowSeconds, inUseSeconds, ...limits } = settings;
  const watch = createTokenWatch({
    ...limits,
    windowMs: windowSeconds * 1_000,
    inUseMs: inUseSeconds * 1_000,
  });
  const raised = alertMetrics(options);
  /** Whose alert was kept. */
  const seen = new LRUCache<string, true>({ max: MOST_KNOWN });
  /** What is not kept yet, by whose use is watched. */
  let waiting = new Map<string, Raised>();
  let writing = Promise.resolve();
  let cancel: (() => void) | undefined;

  function look(
    entry: Pick<AuditEntry, 'kind' | 'agent' | 'outcome' | 'errorCode' | 'patients' | 'requestId'>,
  ) {
    const { kind, agent, errorCode, requestId } = entry;
    const { tokenId, address } = agent;
    // What a token that is good for nothing is tried with is in the trail; it opens nothing.
    if (tokenId === undefined || address === undefined || kind === 'token' || errorCode === 'unauthenticated')
      return;
    const program = agent.subject === agent.client;
    const watched = watchedOf(agent, tokenId, program);
    const at = clock.now();
    const suspicion = watch.saw({
      key: watched,
      at,
      network: networkOf(address, { ipv4, ipv6 }),
      program,
      ...triedOf(entry),
    });
    if (!suspicion) return;
    waiting.set(watched, { agent, requestId, at, suspicion });
    cancel ??= clock.after(seen.has(watched) ? TOGETHER_MS : 0, () => void flush());
    seen.set(watched, true);
  }
  function flush(): Promise<void> {
    cancel?.();
    cancel = undefined;
    const batch = waiting;
    waiting = new Map();
    for (const [watched, one] of batch) {
      writing = writing
        .then(() => keep(watched, one))
        .catch((error: unknown) => log.error('An alert of a token cannot be kept', { error }));
    }
    return writing;
  }

  async function keep(watched: string, one: Raised): Promise<void> {
    const known = await store.openOf(watched);
    const alert = known ? goneOn(known, one) : alertOf(watched, one);
    await store.keep(alert);
    if (known && known.anomalies.length === alert.anomalies.length) return;
    if (!known) raised.inc();
    log.warn('A token is used from a new network as it never was: ficus security alerts', {
      reason: alert.anomalies.join(', '),
      requestId: one.requestId,
    });
    await audit.sink.write([entryOf(alert, one)]);
  }

  return {
    sink: {
      write(entries) {
        for (const entry of entries) look(entry);
        return audit.sink.write(entries);
      },
    },
    refused(refusal) {
      const { principal, address, requestId, failure } = refusal;
      const agent = agentOf(principal, address);
      look({ kind: 'refused', agent, outcome: 'refused', errorCode: failure.code, patients: [], requestId });
      return audit.refused(refusal);
    },
    acknowledged({ watched }) {
      watch.settle(watched);
      waiting.delete(watched);
      seen.delete(watched);
    },
    flush,
  };
}

/** A program that has tokens on its own account gets new ones all the time: it is watched as a whole. */
function watchedOf({ subject, issuer = '' }: AuditAgent, tokenId: string, program: boolean): string {
  return program ? `client ${issuer} ${subject}` : `token ${issuer} ${tokenId}`;
}

/**
 * Whether a request was a try at what its token does not open, and whom it was about beside the token's own patient.
 */
function triedOf({
  agent,
  outcome,
  errorCode,
  patients,
}: Pick<AuditEntry, 'agent' | 'outcome' | 'errorCode' | 'patients'>) {
  const { inContext } = agent;
  const others = patients.filter((patient) => patient !== inContext);
  // Of somebody else there is nothing for a token of one patient, and it may be told so as if there were nobody.
  const strange = others.length > 0 && (inContext !== undefined || errorCode === 'not-found');
  return { refused: outcome !== 'failed' && (strange || errorCode === 'forbidden'), patients: others };
}

function alertOf(watched: string, { agent, at, suspicion }: Raised): SecurityAlert {
  const { subject, issuer, client, tokenId = '' } = agent;
  const instant = new Date(at).toISOString();
  return {
    id: randomUUID(),
    watched,
    tokenId,
    ...(issuer === undefined ? {} : { issuer }),
    subject,
    ...(client === undefined ? {} : { client }),
    ...suspicion,
    raisedAt: instant,
    lastAt: instant,
  };
}

/** An alert with what was seen since; Ficus may have been started anew, and count from nothing. */
function goneOn(known: SecurityAlert, { agent, at, suspicion }: Raised): SecurityAlert {
  const { anomalies, networks, counts } = suspicion;
  return {
    ...known,
    tokenId: agent.tokenId ?? known.tokenId,
    anomalies: [...new Set([...known.anomalies, ...anomalies])],
    networks: {
      known: together(known.networks.known, networks.known),
      strange: together(known.networks.strange, networks.strange),
    },
    counts: {
      known: highest(known.counts.known, counts.known),
      strange: highest(known.counts.strange, counts.strange),
    },
    lastAt: new Date(at).toISOString(),
  };
}

/** Networks that an alert names, known and strange each. */
const MOST_NAMED = 64;

function together(before: readonly NetworkUse[], now: readonly NetworkUse[]): readonly NetworkUse[] {
  const all = new Map(before.map((one) => [one.network, one]));
  for (const one of now) {
    const { first } = all.get(one.network) ?? one;
    all.set(one.network, { ...one, first });
  }
  return [...all.values()].slice(0, MOST_NAMED);
}

function highest(one: UseCounts, other: UseCounts): UseCounts {
  return {
    refused: Math.max(one.refused, other.refused),
    patients: Math.max(one.patients, other.patients),
    requests: Math.max(one.requests, other.requests),
  };
}

/** It stands in the trail of the token. */
function entryOf({ id, anomalies, networks }: SecurityAlert, { agent, requestId }: Raised): AuditEntry {
  const { address: _where, ...who } = agent;
  const named = (uses: readonly NetworkUse[]): string => uses.map(({ network }) => network).join(', ');
  return {
    kind: 'security-alert',
    outcome: 'success',
    agent: who,
    requestId,
    action: 'security.alert',
    patients: [],
    references: [],
    details: {
      alert: id,
      anomalies: anomalies.join(', '),
      known: named(networks.known),
      strange: named(networks.strange),
    },
  };
}

function alertMetrics({ metrics, store }: AnomaliesOptions): Counter {
  const registers = [metrics.registry];
  void new Gauge({
    name: 'ficus_security_alerts_open',
    help: 'Alerts of tokens that nobody has acknowledged',
    registers,
    collect() {
      this.set(store.open());
    },
  });
  return new Counter({
    name: 'ficus_security_alerts_total',
    help: 'Alerts that were raised: a token is used from a new network as it never was',
    registers,
  });
}
