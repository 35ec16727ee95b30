import { resolve } from 'node:path';
import { systemClock } from './clock.ts';
import { assemble } from './compose/assembly.ts';
import { AUDIT_ENDPOINTS } from './audit/backend.ts';
import { openAudit } from './compose/audit/audit.ts';
import { tellAutomatic } from './compose/audit/automatic.ts';
import { alertOperations } from './compose/alert-desk.ts';
import { watchTokens } from './compose/anomalies.ts';
import type { Anomalies } from './compose/anomalies.ts';
import { adminAccessOf } from './compose/admin-access.ts';
import { createCapability } from './compose/capability.ts';
import { OPEN, securityOf } from './compose/security-of.ts';
import { refuseLawlessOnce } from './compose/lawful.ts';
import { deskOperations } from './compose/migration/desk.ts';
import { differencesOperations } from './compose/migration/differences-desk.ts';
import { loadAdminDocument } from './compose/migration/document.ts';
import { writesOperations } from './compose/migration/writes-desk.ts';
import { startServers } from './compose/servers.ts';
import { feedOperations } from './compose/feed/desk.ts';
import { feedFiles } from './compose/feed/files.ts';
import { startFeed } from './compose/feed/feed.ts';
import { createFeedRecord } from './compose/feed/record.ts';
import { createPrivacy } from './compose/privacy.ts';
import { revocationOperations } from './compose/revocation-desk.ts';
import { securityOperations } from './compose/security-desk.ts';
import { isTold, wire } from './compose/wiring.ts';
import type { LoadedConfig } from './config/load.ts';
import { livesOf } from './contract/contract.ts';
import type { Config } from './config/schema.ts';
import type { AppOptions } from './http/app.ts';
import { endingsOf } from './http/lifecycle.ts';
import { createLogger } from './log.ts';
import { createMetrics } from './metrics.ts';
import type { Backend, Clock, Logger } from './ports.ts';
import { parseEverything } from './search/everything-parse.ts';
import { parseHistory } from './search/history-parse.ts';
import { parseSearch } from './search/parse.ts';
import type { SearchRules } from './search/rules.ts';
import { openPrivacyStores } from './store/privacy-stores.ts';
import { makeStateDir } from './store/folder.ts';
import { lockState } from './store/state-lock.ts';
import { openSqliteStores } from './store/stores.ts';
import { isStreamed } from './strangler/router.ts';

export { HOME } from './compose/assembly.ts';

const ADMIN_OPEN = 'The admin API is open: whoever reaches its address may move endpoints, and by any name';
/** Of an issuer that was never reached. */
const UNKNOWN = {};

/** A running Ficus. */
export interface Ficus {
  /** FHIR base address that clients see. */
  readonly publicBase: string;
  readonly adminBase: string;
  /** TCP port of each interface of the feed, by name. */
  readonly feedPorts: Readonly<Record<string, number>>;
  /** Every backend with its Layers, by name, whatever the route table says: for whoever must ask one side. */
  readonly backends: ReadonlyMap<string, Backend>;
  /** Finishes what is in flight, then lets go of everything. */
  stop(): Promise<void>;
}

export interface ComposeOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly clock?: Clock;
  /**
   * What ages and days of a migration's evidence are counted by; default: `clock`. One that runs fast shows weeks in
   * minutes.
   */
  readonly calendar?: Clock;
  readonly log?: Logger;
}

/**
 * The product, put together from its configuration and started.
 *
 * @throws Error that says everything wrong with secrets, contract, mappings or routes, which address is taken, or that
 * no state can be kept; nothing is left open
 */
export async function compose(loaded: LoadedConfig, options: ComposeOptions = {}): Promise<Ficus> {
  const { config, baseDir } = loaded;
  const { env = process.env, clock = systemClock, calendar = clock } = options;
  const { log = createLogger({ level: config.log.level }) } = options;
  const metrics = createMetrics({ process: true });
  const assembly = assemble(loaded, env, clock);
  const stateDir = resolve(baseDir, config.stateDir);
  makeStateDir(stateDir);
  refuseLawlessOnce(assembly.mappings, clock, stateDir);
  const servers = await startServers({
    config,
    clock,
    log,
    metrics,
    certificates: assembly.certificates,
  });
  const undo: (() => Promise<void> | void)[] = [() => servers.close()];
  let letGo = (): void => {};
  const stop = async (): Promise<void> => {
    for (const step of undo) await step();
    letGo();
    log.info('Stopped');
  };
  try {
    letGo = lockState(stateDir);
    const stores = openSqliteStores(resolve(stateDir, 'ficus.sqlite'));
    undo.push(() => stores.close());
    const { publicBase } = servers;
    const record = createFeedRecord(feedFiles(stateDir).projection);
    undo.push(() => record.close());
    const trail = openAudit({ assembly, stateDir, publicBase, clock, log, metrics });
    undo.push(() => trail.stop());
    const privacyStores = openPrivacyStores(resolve(stateDir, 'privacy.sqlite'));
    undo.push(() => privacyStores.close());
    const anomalies = anomaliesOf(config, { audit: trail, store: privacyStores.alerts, clock, log, metrics });
    if (anomalies) undo.splice(1, 0, () => anomalies.flush());
    const audit = anomalies ? { ...trail, sink: anomalies.sink, refused: anomalies.refused } : trail;
    const audited = { audit: audit.sink, ...(audit.events ? { auditEvents: audit.events } : {}) };
    const privacy = await createPrivacy({
      config,
      stores: privacyStores,
      audit: audit.sink,
      clock,
      reading: record.reading,
    });
    const { guard } = privacy;
    const wiring = await wire(assembly, {
      publicBase,
      stores,
      clock,
      calendar,
      log,
      metrics,
      record,
      ...audited,
      ...(guard ? { withholding: guard.withholding, brokenGlass: guard.layer } : {}),
    });
    // Servers first, so that nothing new comes; then the backends; the stores last.
    undo.splice(1, 0, () => wiring.close());
    const feed =
      config.feed &&
      (await startFeed(config.feed, {
        loaded,
        env,
        assembly,
        publicBase,
        stateDir,
        clock,
        log,
        metrics,
        record,
        releases: stores.releases,
        backends: wiring.installed,
        origins: {
          sealer: assembly.sealer,
          crosswalk: stores.crosswalk,
          replicas: stores.replicas,
          pins: wiring.migration.keeping.writes.outbox.pins,
        },
      }));
    if (feed) undo.splice(1, 0, () => feed.stop());
    const { backend, table, installed, migration } = wiring;
    tellAutomatic(table, audit.sink, log);
    await migration.start();
    const { contract } = assembly;
    const { maxCount } = config.search;
    // What refers to a type can be asked for in reverse where one answers for both.
    const told = (type: string): boolean => isTold(table, config, type);
    const rulesOf = (type: string): SearchRules => ({
      serves: (name) => contract.serves(name),
      parameter: (of, name) => contract.parameter(of, name),
      include: (of, name) => contract.include(of, name),
      reverse: (source) => told(type) && told(source),
    });
    const ending = endingsOf(livesOf(contract));
    const parse: AppOptions['parseSearch'] = (type, pairs, handling) =>
      parseSearch(type, pairs, { rules: rulesOf(type), handling, base: publicBase, maxCount });
    const security = securityOf(assembly, {
      publicBase,
      parse,
      clock,
      log,
      metrics,
      audit: audit.sink,
      revoked: (token, issuedAt) => privacy.revocations.revoked(token, issuedAt),
      ...(guard ? { breakGlass: guard.breakGlass } : {}),
    });
    if (security) undo.push(() => security.close());
    security?.start();
    const adminAccess = adminAccessOf(config, security, servers.adminBase);
    servers.open({
      ...(adminAccess ? { adminAccess } : {}),
      audit,
      backend,
      promised: (type) => contract.answers(type),
      parseSearch: parse,
      parseHistory: (type, id, pairs) => parseHistory(type, id, pairs, maxCount),
      parseEverything: (id, pairs, handling) => parseEverything(id, pairs, { handling, maxCount }),
      ...(security
        ? {
            authenticator: security.authenticator(),
            smartConfiguration: () => security.smartConfiguration(),
          }
        : {}),
      ...(ending ? { ending } : {}),
      refused: audit.refused,
      capability: createCapability({
        contract,
        table,
        installed,
        own: audit.events ? AUDIT_ENDPOINTS : [],
        publicBase,
        clock,
        cors: !!config.http.cors,
        security: () => (security ? (security.knownConfiguration() ?? UNKNOWN) : 'open'),
      }),
      bodyOf: (endpoint) => (isStreamed(table.get(endpoint)) ? 'streamed' : 'validated'),
      table,
      backends: [...installed.values()],
      steps: migration.steps,
      feedProblems: () => feed?.health().problems ?? [],
      auditProblems: () => audit.problems(),
      securityProblems: () => security?.problems() ?? [],
      document: loadAdminDocument(),
      operations: {
        ...deskOperations({ migration, table, percentages: config.migration.steps }),
        ...differencesOperations({ migration, table, calendar }),
        ...writesOperations({ migration, table }),
        ...securityOperations({ privacy, clock }),
        ...revocationOperations({ privacy, clock }),
        ...alertOperations({ store: privacyStores.alerts, anomalies, publicBase, clock }),
        ...feedOperations({ feed, clock, log }),
      },
    });
    if (config.security === 'open') log.warn(OPEN);
    if (!adminAccess) log.warn(ADMIN_OPEN);
    log.info('Ficus is ready', { address: publicBase });
    const backends = new Map([...installed].map(([name, one]): [string, Backend] => [name, one.backend]));
    return {
      publicBase,
      adminBase: servers.adminBase,
      feedPorts: feed?.ports ?? {},
      backends,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Watches how tokens are used; undefined: there are none, or nobody wants it. */
function anomaliesOf(
  { security }: Pick<Config, 'security'>,
  parts: Omit<Parameters<typeof watchTokens>[0], 'settings'>,
): Anomalies | undefined {
  if (security === 'open' || security.anomalies === 'off') return undefined;
  return watchTokens({ settings: security.anomalies, ...parts });
}
