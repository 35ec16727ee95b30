import { contractLayer } from '../contract/layer.ts';
import type { Endpoint } from '../fhir/types.ts';
import { knownReferences } from '../identity/known-references.ts';
import { createOpener } from '../identity/opener.ts';
import type { Backend, Layer } from '../ports.ts';
import { idempotency } from '../resilience/idempotency.ts';
import { federate } from '../search/federate.ts';
import { backendNameOf, createRouter } from '../strangler/router.ts';
import { createRouteTable } from '../strangler/table.ts';
import type { RouteTable } from '../strangler/table.ts';
import type { Assembly } from './assembly.ts';
import { installBackend } from './backends.ts';
import type { Installed } from './backends.ts';
import type { WiringOptions } from './wiring-options.ts';

/** What runs, apart from its servers. */
export interface Wiring {
  /** The whole product as one Backend. */
  readonly backend: Backend;
  readonly table: RouteTable;
  readonly installed: ReadonlyMap<string, Installed>;
  close(): Promise<void>;
}

const HOUR_MS = 3_600_000;

/**
 * Contract, federation, idempotency, router, and the backends with their own Layers.
 *
 * @throws FicusError | Error for mappings that do not serve a backend (of every backend at once), routes that no backend can answer; nothing is
 * left open
 */
export async function wire(assembly: Assembly, options: WiringOptions): Promise<Wiring> {
  const { config, contract, pages } = assembly;
  const { publicBase, stores, clock, log, metrics } = options;
  const installed = new Map<string, Installed>();
  const close = async (): Promise<void> => {
    await Promise.all([...installed.values()].map((one) => one.close()));
    for (const one of installed.values()) one.shutdown();
  };
  const readable = (type: string) => contract.promises(type, 'read');
  try {
    const refused: string[] = [];
    for (const [name, backend] of Object.entries(config.backends)) {
      try {
        installed.set(name, installBackend(name, backend, { ...assembly, ...options, readable }));
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
      clock,
      log,
    });
    const backends = new Map([...installed].map(([name, one]): [string, Backend] => [name, one.backend]));
    const layers: readonly Layer[] = [
      contractLayer(contract),
      knownReferences({
        opener: createOpener({ sealer: assembly.sealer, crosswalk: stores.crosswalk, publicBase }),
        publicBase,
        minted: (type) => table.get(`${type}.read`)?.stage === 'legacy',
      }),
      federate({ pages, base: publicBase, serves: readable, failClosed: new Set(config.search.failClosed) }),
      idempotency({
        store: stores.idempotency,
        clock,
        ttlMs: config.idempotencyHours * HOUR_MS,
        backendOf: (request) => backendNameOf(table, request),
        onRepeat: () => metrics.count('idempotent_repeat', 'all'),
      }),
    ];
    const router = createRouter({ table, backends });
    return { backend: layers.reduceRight((next, layer) => layer(next), router), table, installed, close };
  } catch (error) {
    await close();
    throw error;
  }
}
