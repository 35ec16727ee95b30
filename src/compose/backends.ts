import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createHl7v2Source, createModernBackend, createSoapSource } from '../../adapters/index.ts';
import type { BackendConfig, ClientTlsConfig } from '../config/schema.ts';
import type { Endpoint } from '../fhir/types.ts';
import { identity } from '../identity/layer.ts';
import { createSourceBackend } from '../search/backend.ts';
import type { LegacySource, SourceSearch } from '../search/source.ts';
import { createTimeZone } from '../search/time-zone.ts';
import type { Assembly } from './assembly.ts';
import { legacySide, modernSide } from './side.ts';
import type { Side } from './side.ts';
import type { WiringOptions } from './wiring-options.ts';

/** Everything that backends are made of. */
export interface Parts extends Assembly, WiringOptions {
  /** Whether resources of a type can be read through this API: references to others stay logical. */
  readonly readable: (type: string) => boolean;
}

/** A backend of the configuration, ready to answer. */
export interface Installed extends Side {
  readonly name: string;
  readonly kind: 'legacy' | 'modern';
  readonly endpoints: readonly Endpoint[];
  /** What a legacy source can filter; undefined for a modern service, which says so itself. */
  readonly searchOf: (type: string) => SourceSearch | undefined;
  readonly close: () => Promise<void>;
}

/** Makes one backend of its configuration, with its Layers. @throws FicusError | Error when its mappings or files do not serve. */
export function installBackend(name: string, config: BackendConfig, parts: Parts): Installed {
  const side = { name, resilience: config, clock: parts.clock, log: parts.log, metrics: parts.metrics };
  const tls = config.tls && pemTexts(config.tls, parts);
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
    endpoints: source.endpoints,
    searchOf: (type) => source.searchOf(type),
    close: () => source.close(),
    ...legacySide(backend, layer, { ...side, idempotency: parts.stores.idempotency }),
  };
}

function pemTexts(tls: ClientTlsConfig, parts: Parts) {
  const file = (path: string) => readFileSync(resolve(parts.baseDir, path), 'utf8');
  return {
    ...(tls.ca === undefined ? {} : { ca: file(tls.ca) }),
    ...(tls.certificate === undefined ? {} : { cert: file(tls.certificate) }),
    ...(tls.key === undefined ? {} : { key: parts.secrets.text(tls.key) }),
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
  };
}
