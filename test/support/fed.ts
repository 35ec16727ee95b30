import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { demoConfig, ensureSecrets } from '../../src/cli/demo-config.ts';
import { compose } from '../../src/compose.ts';
import type { Ficus } from '../../src/compose.ts';
import { feedFiles } from '../../src/compose/feed/files.ts';
import type { LoadedConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import { interfaceConfig } from '../../src/config/feed-schema.ts';
import { createLogger } from '../../src/log.ts';
import { sendFeed } from '../../sandbox/feed/send.ts';
import type { Outgoing, SendOptions } from '../../sandbox/feed/send.ts';
import type { FeedCounts, MessageState } from '../../src/feed-ports.ts';

/** What the record answers in these tests. */
const TYPES = [
  'Patient',
  'Encounter',
  'Observation',
  'DiagnosticReport',
  'AllergyIntolerance',
  'Condition',
  'Practitioner',
  'Location',
] as const;

const SENDERS = [{ application: 'HOSPIX', facility: 'MAIN' }];
const HOSPIX = interfaceConfig.parse({ port: 0, owner: 'integration', authority: 'HOSP', senders: SENDERS });
const LATIN = interfaceConfig.parse({ ...HOSPIX, charset: '8859/1', senders: SENDERS });

/** Folder of a Ficus: its secrets and its state. */
export interface Home {
  readonly secrets: string;
  readonly state: string;
  remove(): void;
}

/** @param beside takes the secrets of another home, so that both make the same ids, and what it found out about the mappings */
export function makeHome(beside?: Home): Home {
  const folder = mkdtempSync(join(tmpdir(), 'ficus-feed-'));
  const secrets = beside?.secrets ?? folder;
  if (!beside) ensureSecrets(folder);
  const found = beside && join(beside.state, 'mappings-found-lawful');
  if (found !== undefined && existsSync(found)) cpSync(found, join(folder, 'state/mappings-found-lawful'));
  return {
    secrets,
    state: join(folder, 'state'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/**
 * A configuration in which what the feed tells answers everything: interface `hospix` (UTF-8 unless MSH-18 says otherwise) and interface `latin`
 * (declared ISO 8859-1). No core stands behind it.
 */
export function fedConfig(
  home: Home,
  overlays: readonly string[] = [],
  { feed = 0, fhir = 0, admin = 0 } = {},
): LoadedConfig {
  const nowhere = {
    mllp: 'mllp://127.0.0.1:9',
    soap: 'http://127.0.0.1:9',
    modern: 'http://127.0.0.1:9/fhir',
  };
  const places = { ...nowhere, portal: 'http://127.0.0.1:9/portal/' };
  const { config, baseDir } = demoConfig(places, home.secrets, { fhir, admin });
  const { core, record } = config.backends;
  if (!core || record?.kind !== 'projection' || !config.feed) throw new Error('the demo has no feed');
  const endpoints = TYPES.flatMap((type) => [`${type}.read`, `${type}.search`]);
  const backends: Config['backends'] = { record: { ...record, endpoints } };
  return {
    baseDir,
    config: {
      ...config,
      stateDir: home.state,
      log: { ...config.log, level: 'info' },
      mappings: { ...config.mappings, overlays: [...overlays] },
      backends,
      routes: endpoints.map((endpoint) => ({
        endpoint,
        stage: 'legacy',
        legacy: 'record',
        body: 'validated',
      })),
      passthrough: [],
      feed: { ...config.feed, interfaces: { hospix: { ...HOSPIX, port: feed }, latin: LATIN } },
    },
  };
}

/** The configuration as a file, for `ficus serve`. */
export function writeConfig({ config }: LoadedConfig, home: Home): string {
  mkdirSync(home.state, { recursive: true });
  const file = join(home.state, 'ficus.yaml');
  // YAML holds JSON.
  writeFileSync(file, JSON.stringify(config));
  return file;
}

/** Lines of the inbox, as the admin API shows them. */
export interface MessageLine {
  readonly seq: number;
  readonly interface: string;
  readonly controlId: string;
  readonly type: string;
  readonly state: MessageState;
  readonly reason?: string;
  readonly detail?: string;
  readonly owner?: string;
  readonly receivedAt: string;
  readonly repeats: number;
}

/** An answer of the FHIR API. */
export interface Got<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

/** A running Ficus that is fed. */
export interface Fed {
  readonly ficus: Ficus;
  readonly home: Home;
  /** Sends messages over one connection, or several, and gives how each was acknowledged. */
  send(
    messages: readonly (Buffer | Outgoing)[],
    to?: 'hospix' | 'latin',
    options?: Partial<SendOptions>,
  ): Promise<string[]>;
  /** Waits until all that was sent is counted and nothing waits, and gives the counts of an interface. */
  settled(of?: string): Promise<FeedCounts>;
  messages(query?: string): Promise<MessageLine[]>;
  get<T>(path: string): Promise<Got<T>>;
  admin<T>(path: string, body?: object): Promise<T>;
  /** FHIR id of the patient with a number of the hospital. */
  patientId(number: string): Promise<string>;
  stop(): Promise<void>;
}

export async function startFed(home: Home, overlays: readonly string[] = []): Promise<Fed> {
  const log = createLogger({ level: 'silent' });
  const ficus = await compose(fedConfig(home, overlays), { log });
  return {
    ...reach(ficus.publicBase, ficus.adminBase, ficus.feedPorts),
    ficus,
    home,
    stop: () => ficus.stop(),
  };
}

/** Reaches a Ficus by its addresses. */
export function reach(
  base: string,
  adminBase: string,
  ports: Readonly<Record<string, number>>,
): Omit<Fed, 'ficus' | 'home' | 'stop'> {
  const get = async <T>(path: string): Promise<Got<T>> => {
    const response = await fetch(path.startsWith('http') ? path : `${base}/${path}`);
    return { status: response.status, headers: response.headers, body: (await response.json()) as T };
  };
  const admin = async <T>(path: string, body?: object): Promise<T> => {
    const response = await fetch(
      `${adminBase}${path}`,
      body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) },
    );
    const answer = (await response.json()) as T;
    if (!response.ok) throw new Error(`${path}: ${response.status} ${JSON.stringify(answer)}`);
    return answer;
  };
  // A message is acknowledged when it is on disk, and counted a moment later.
  const sent = new Map<string, number>();
  const status = () =>
    admin<{ interfaces: { name: string; counts: FeedCounts; conserved: boolean }[] }>('/feed');
  return {
    get,
    admin,
    send: async (messages, to = 'hospix', options = {}) => {
      const codes: string[] = [];
      const known = (await status()).interfaces.find(({ name }) => name === to)!.counts.received;
      sent.set(to, Math.max(sent.get(to) ?? 0, known) + messages.length);
      const outgoing = messages.map((one) => (Buffer.isBuffer(one) ? { bytes: one, lane: '' } : one));
      await sendFeed(outgoing, {
        host: '127.0.0.1',
        port: ports[to]!,
        ...options,
        onAcknowledged: (one) => {
          codes[one.index] = [one.code, ...one.errors].join(' ');
          options.onAcknowledged?.(one);
        },
      });
      return codes;
    },
    settled: async (of = 'hospix') => {
      for (;;) {
        const { interfaces } = await status();
        if (!interfaces.every(({ conserved }) => conserved)) throw new Error('the counts do not add up');
        const done = interfaces.every(
          ({ name, counts }) => counts.waiting === 0 && counts.received >= (sent.get(name) ?? 0),
        );
        if (done) return interfaces.find(({ name }) => name === of)!.counts;
        await sleep(10);
      }
    },
    messages: async (query = '') =>
      (await admin<{ messages: MessageLine[] }>(`/feed/messages?limit=10000&${query}`)).messages,
    patientId: async (number) => {
      const { body } = await get<{ entry?: { resource: { id: string } }[] }>(
        `Patient?identifier=${encodeURIComponent(`urn:oid:2.999.1.1|${number}`)}`,
      );
      const id = body.entry?.[0]?.resource.id;
      if (id === undefined) throw new Error(`No patient ${number}: ${JSON.stringify(body)}`);
      return id;
    },
  };
}

/** A message of fixtures/feed. */
export function fixture(name: string): Buffer {
  return readFileSync(join(import.meta.dirname, '../../fixtures/feed', `${name}.hl7`));
}

/** Every resource that the feed of a home has told of, by type and id, as it is now; without version and time. */
export function contentsOf(home: Home): Map<string, object> {
  const database = new DatabaseSync(feedFiles(home.state).projection, { readOnly: true });
  try {
    const rows = database
      .prepare(
        'SELECT n.text AS type, r.id, r.json FROM resource r JOIN name n ON n.nid = r.type WHERE r.version > 0',
      )
      .all();
    return new Map(
      rows.map(({ type, id, json }) => {
        const { meta, ...rest } = JSON.parse(String(json)) as Record<string, unknown>;
        const { versionId: _v, lastUpdated: _l, ...said } = (meta ?? {}) as Record<string, unknown>;
        return [`${String(type)}/${String(id)}`, { ...rest, meta: said }];
      }),
    );
  } finally {
    database.close();
  }
}

/** Versions of each resource: how often something was applied to it. */
export function versionsOf(home: Home): Map<string, number> {
  const database = new DatabaseSync(feedFiles(home.state).projection, { readOnly: true });
  try {
    const rows = database
      .prepare(
        'SELECT n.text AS type, r.id, r.version FROM resource r JOIN name n ON n.nid = r.type WHERE r.version > 0',
      )
      .all();
    return new Map(rows.map(({ type, id, version }) => [`${String(type)}/${String(id)}`, Number(version)]));
  } finally {
    database.close();
  }
}
