import { createHl7v2Source, createModernBackend, createSoapSource } from '../../adapters/index.ts';
import type { BackendConfig } from '../config/schema.ts';
import type { Endpoint } from '../fhir/types.ts';
import { identity } from '../identity/layer.ts';
import { createSourceBackend } from '../search/backend.ts';
import type { LegacySource, SourceSearch } from '../search/source.ts';
import { createProjectionBackend } from '../projection/backend.ts';
import { createTimeZone } from '../search/time-zone.ts';
import type { Assembly } from './assembly.ts';
import { clientTls } from './client-tls.ts';
import { indexedBy } from './feed/files.ts';
import { thenLive } from './feed/then-live.ts';
import { legacySide, modernSide, recordSide } from './side.ts';
import type { Side, SideOptions } from './side.ts';
import type { WiringOptions } from './wiring-options.ts';

/** Everything that backends are made of. */
export interface Parts extends Assembly, WiringOptions {
  /** Backends that are installed already. */
  readonly installed: ReadonlyMap<string, Installed>;
  /** Whether resources of a type can be read through this API: references to others stay logical. */
  readonly readable: (type: string) => boolean;
}

/** A backend of the configuration, ready to answer. */
export interface Installed extends Side {
  readonly name: string;
  readonly kind: 'legacy' | 'modern';
  readonly endpoints: readonly Endpoint[];
  /**
   * Whether it has the history of each resource that it reads; of a modern service only its endpoints say so, as
   * `Observation.history`.
   */
  readonly keepsVersions: boolean;
  /** What a legacy source can filter; undefined for a modern service, which says so itself. */
  readonly searchOf: (type: string) => SourceSearch | undefined;
  readonly close: () => Promise<void>;
}

/**
 * Makes one backend of its configuration, with its Layers.
 * @throws FicusError | Error when its mappings or files do not serve.
 */
export function installBackend(name: string, config: BackendConfig, parts: Parts): Installed {
  const side = { name, resilience: config, clock: parts.clock, log: parts.log, metrics: parts.metrics };
  if (config.kind === 'projection') return installProjection(name, config, side, parts);
  const tls = config.tls && clientTls(`backends.${name}.tls`, config.tls, parts.certificates);
  if (config.kind === 'modern') {
    const service = createModernBackend({
      name,
      url: config.url,
      publicBase: () => parts.publicBase,
      endpoints: config.endpoints as Endpoint[],
      connections: config.connections,
      ...(tls ? { tls } : {}),
    });
    return {
      name,
      kind: 'modern',
      keepsVersions: false,
      endpoints: service.endpoints,
      searchOf: () => undefined,
      close: () => service.close(),
      ...modernSide(service, side),
    };
  }
  const timeZone = config.timeZone ?? parts.config.timeZone;
  const { mappings, readable, clock, log, metrics } = parts;
  const shared = {
    name,
    timeZone,
    mappings,
    authorities: parts.authorities.all,
    readable,
    clock,
    log,
    metrics,
    tls,
  };
  const source: LegacySource & { close(): Promise<void> } =
    config.kind === 'hl7v2'
      ? createHl7v2Source({
          ...config,
          ...shared,
          pageLifetimeMs: parts.config.search.pageTokenMinutes * 60_000,
        })
      : createSoapSource({
          ...config,
          ...shared,
          security: config.security && {
            username: config.security.username,
            password: parts.secrets.text(config.security.password),
          },
        });
  const { defaultCount, maxGathered } = parts.config.search;
  const backend = createSourceBackend(source, {
    clock,
    pages: parts.pages,
    zone: createTimeZone(timeZone),
    base: parts.publicBase,
    defaultCount,
    maxGathered,
  });
  const layer = identity({
    sealer: parts.sealer,
    crosswalk: parts.stores.crosswalk,
    publicBase: parts.publicBase,
    servedBy: `legacy:${name}`,
  });
  return {
    name,
    kind: 'legacy',
    keepsVersions: false,
    endpoints: source.endpoints,
    searchOf: (type) => source.searchOf(type),
    close: () => source.close(),
    ...legacySide(backend, layer, { ...side, idempotency: parts.stores.idempotency }),
  };
}

/** What the feed has told, as a legacy side: FHIR ids, versions of its own. */
function installProjection(
  name: string,
  { endpoints, live }: Extract<BackendConfig, { kind: 'projection' }>,
  side: SideOptions,
  parts: Parts,
): Installed {
  const { record } = parts;
  // Asked each time: the feed says how old what it told may be once it runs.
  const age = (): number | undefined => record.age();
  const { clock, pages, config, publicBase } = parts;
  const projection = createProjectionBackend(record.reading(), {
    clock,
    pages,
    zone: createTimeZone(config.timeZone),
    base: publicBase,
    indexed: indexedBy(parts.contract),
    defaultCount: config.search.defaultCount,
    age,
  });
  const core = live && parts.installed.get(live.backend);
  if (live && !core) throw new Error(`the backend ${live.backend} could not be installed`);
  const backend =
    live && core
      ? thenLive(projection, core.backend, { olderThanSeconds: live.olderThanSeconds, age })
      : projection;
  return {
    name,
    kind: 'legacy',
    keepsVersions: true,
    endpoints: endpoints as Endpoint[],
    searchOf: () => undefined,
    close: async () => {},
    ...recordSide(backend, side),
  };
}
