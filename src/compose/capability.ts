import packageFile from '../../package.json' with { type: 'json' };
import { capabilityStatement } from '../contract/capability.ts';
import type { Installation } from '../contract/capability.ts';
import type { Contract } from '../contract/contract.ts';
import type { Endpoint, Resource } from '../fhir/types.ts';
import type { Clock } from '../ports.ts';
import { backendOf } from '../strangler/stage.ts';
import type { RouteTable } from '../strangler/table.ts';
import type { Installed } from './backends.ts';

/**
 * The CapabilityStatement of this installation: the same object until a route changes, or the addresses of the issuer
 * of tokens.
 */
export function createCapability(options: {
  readonly contract: Contract;
  readonly table: RouteTable;
  readonly installed: ReadonlyMap<string, Installed>;
  /** What Ficus answers itself. */
  readonly own: readonly Endpoint[];
  readonly publicBase: string;
  readonly clock: Clock;
  readonly cors: boolean;
  /** Where apps get tokens, as far as it is known: the same object while nothing has changed. */
  readonly security: () => Installation['security'];
}): () => Resource {
  const { contract, table, installed, own, publicBase, clock, cors } = options;
  let statement: Resource | undefined;
  let security = options.security();
  let date = new Date(clock.now()).toISOString();
  table.onChange(() => {
    statement = undefined;
    date = new Date(clock.now()).toISOString();
  });
  return () => {
    const now = options.security();
    if (now !== security) {
      security = now;
      statement = undefined;
    }
    return (statement ??= capabilityStatement(
      contract,
      (endpoint) => {
        if (own.includes(endpoint)) return { declared: own };
        const [type = '', interaction] = endpoint.split('.');
        // vread and history go the way of read, see endpointOf of the router.
        const route = table.get(
          interaction === 'vread' || interaction === 'history' ? `${type}.read` : endpoint,
        );
        const name = route && backendOf(route, route.stage);
        const backend = name === undefined ? undefined : installed.get(name);
        if (!backend) return { declared: undefined };
        const anchors = backend.searchOf(type)?.anchors;
        const read = backend.endpoints.includes(`${type}.read`);
        const versions: Endpoint[] = read
          ? [`${type}.vread`, ...(backend.keepsVersions ? ([`${type}.history`] as const) : [])]
          : [];
        return { declared: [...backend.endpoints, ...versions], ...(anchors ? { anchors } : {}) };
      },
      { base: publicBase, softwareVersion: packageFile.version, date, cors, security },
    ));
  };
}
