import { audit } from '../audit/layer.ts';
import type { Config } from '../config/schema.ts';
import { contractLayer } from '../contract/layer.ts';
import type { Endpoint } from '../fhir/types.ts';
import { knownReferences } from '../identity/known-references.ts';
import { createOpener } from '../identity/opener.ts';
import type { Backend, Clock, Layer, Route } from '../ports.ts';
import { idempotency } from '../resilience/idempotency.ts';
import { everything } from '../search/everything.ts';
import { federate } from '../search/federate.ts';
import { createTimeZone } from '../search/time-zone.ts';
import { kindOf } from '../security/compartment.ts';
import { enforcement } from '../security/enforce.ts';
import { createRepeats } from '../security/enforce-written.ts';
import { onlyPatient } from '../security/narrow.ts';
import { allowancesFor, needsOf } from '../security/permissions.ts';
import { callersSight, createSight } from '../security/visible.ts';
import { createInProcessAnnouncer } from '../strangler/announce.ts';
import { goBack } from '../strangler/go-back.ts';
import { backendNameOf, createRouter } from '../strangler/router.ts';
import { createRouteTable } from '../strangler/table.ts';
import type { RouteTable } from '../strangler/table.ts';
import type { Assembly } from './assembly.ts';
import { serving } from './audit/serving.ts';
import { installBackend } from './backends.ts';
import type { Installed } from './backends.ts';
import { createMigration } from './migration/migration.ts';
import type { Migration } from './migration/migration.ts';
import type { WiringOptions } from './wiring-options.ts';

/** What runs, apart from its servers. */
export interface Wiring {
  /** The whole product as one Backend. */
  readonly backend: Backend;
  readonly table: RouteTable;
  readonly installed: ReadonlyMap<string, Installed>;
  readonly migration: Migration;
  close(): Promise<void>;
}

const HOUR_MS = 3_600_000;

/**
 * Audit, contract, records of patients, federation, the way back, idempotency, enforcement, router, and the backends
 * with their own Layers.
 *
 * @throws FicusError | Error for mappings that do not serve a backend (of every backend at once), routes that no
 * backend can answer; nothing is left open
 */
export async function wire(
  assembly: Assembly,
  options: WiringOptions & { readonly calendar?: Clock },
): Promise<Wiring> {
  const { config, contract, pages } = assembly;
  const { publicBase, stores, clock, log, metrics, calendar = clock, withholding, brokenGlass } = options;
  const installed = new Map<string, Installed>();
  let migration: Migration | undefined;
  const close = async (): Promise<void> => {
    await migration?.stop();
    await Promise.all([...installed.values()].map((one) => one.close()));
    for (const one of installed.values()) one.shutdown();
  };
  const readable = (type: string) => contract.promises(type, 'read');
  try {
    const refused: string[] = [];
    // A projection may stand before a core: it comes last.
    const configured = Object.entries(config.backends).toSorted(
      ([, one], [, other]) => Number(one.kind === 'projection') - Number(other.kind === 'projection'),
    );
    for (const [name, backend] of configured) {
      try {
        const parts = { ...assembly, ...options, installed, readable };
        installed.set(name, installBackend(name, backend, parts));
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        refused.push(...error.message.split('\n').map((line) => `backends.${name}: ${line}`));
      }
    }
    if (refused.length > 0) throw new Error(refused.join('\n'));
    const table = await createRouteTable({
      seeds: config.routes.map((route) => ({ ...route, endpoint: route.endpoint as Endpoint })),
      store: stores.routes,
      backends: [...installed.values()],
      clock: calendar,
      log,
      announce: createInProcessAnnouncer(),
    });
    const opener = createOpener({ sealer: assembly.sealer, crosswalk: stores.crosswalk, publicBase });
    migration = await createMigration({ ...options, assembly, table, installed, opener, calendar });
    const { router: parts, keeping } = migration;
    const backends = new Map([...installed].map(([name, one]): [string, Backend] => [name, one.backend]));
    const zone = createTimeZone(config.timeZone);
    const sight = createSight({ base: publicBase, zone, clock, ...(withholding ? { withholding } : {}) });
    const failClosed = new Set(config.search.failClosed);
    const layers: readonly Layer[] = [
      ...(options.audit ? [audit(options.audit)] : []),
      ...(brokenGlass ? [brokenGlass] : []),
      contractLayer(contract),
      knownReferences({
        opener,
        publicBase,
        minted: (type) => isMinted(table.get(`${type}.read`)),
        isKnown: (type, id) => keeping.writes.outbox.knows(type, id),
      }),
      everything({
        rules: {
          types: [...contract.resources.keys()],
          searches: (type) => contract.promises(type, 'search'),
          parameter: (type, name) => contract.parameter(type, name),
        },
        pages,
        clock,
        base: publicBase,
        serves: readable,
        isShared: (type) => kindOf(type) === 'shared',
        patientOf: (access) => access && onlyPatient(allowancesFor(access, 'Patient', needsOf('everything'))),
        failClosed,
      }),
      federate({
        pages,
        base: publicBase,
        serves: readable,
        failClosed,
        followsChains: (type) => isTold(table, config, type),
        sight: callersSight(sight),
      }),
      goBack(table, parts),
      idempotency({
        store: stores.idempotency,
        clock,
        ttlMs: config.idempotencyHours * HOUR_MS,
        backendOf: (request, context) => backendNameOf(table, request, context.principal, parts),
        judge: createRepeats({ sight }),
        onRepeat: () => metrics.count('idempotent_repeat', 'all'),
      }),
      enforcement({
        sight,
        base: publicBase,
        pages,
        defaultCount: config.search.defaultCount,
        knowsVersions(request, { principal }, readBy) {
          const name = backendNameOf(table, request, principal, parts);
          const writes = name === undefined ? undefined : installed.get(name);
          return writes !== undefined && readBy === `${writes.kind}:${name}`;
        },
      }),
      serving('AuditEvent', options.auditEvents),
    ];
    const router = createRouter({ table, backends, migration: parts });
    const backend = layers.reduceRight((next, layer) => layer(next), router);
    return { backend, table, installed, migration, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Whether searches of a type are answered by what the feed has told, and by nothing else. */
export function isTold(
  table: Pick<RouteTable, 'get'>,
  { backends }: Pick<Config, 'backends'>,
  type: string,
): boolean {
  const route = table.get(`${type}.search`);
  const backend = route?.legacy === undefined ? undefined : backends[route.legacy];
  const answers = route?.stage === 'legacy' || route?.stage === 'shadow';
  return answers && backend?.kind === 'projection' && !backend.live;
}

/** Whether all ids of a type come from the legacy side: nothing of it is read from a modern service. */
function isMinted(read: Route | undefined): boolean {
  return read?.stage === 'legacy' || read?.stage === 'shadow';
}
