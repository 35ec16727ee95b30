import { FicusError } from '../errors.ts';
import type { Endpoint, Resource } from '../fhir/types.ts';
import type { Difference } from '../migration-ports.ts';
import type { Replica } from '../replica-ports.ts';
import type { Backend, RequestContext, Side } from '../ports.ts';
import type { Background } from './background.ts';
import { asResource, readBody } from './content.ts';
import { createModernSide } from './modern-side.ts';
import type { SidesOf } from './sides.ts';

/** What the two sides hold of one resource. */
interface Both {
  readonly legacy: Resource | undefined;
  readonly modern: Resource | undefined;
}

/** What is wrong: signatures of differences, or which side has it not. No signatures: nothing. */
export interface Finding {
  readonly missingOn?: Side;
  readonly signatures: readonly string[];
}

/** Reads the two copies of a resource, and judges them. */
export interface Copies {
  /** @throws FicusError `unprocessable`: the endpoint has not two sides */
  backendsOf(endpoint: Endpoint): {
    readonly [Name in Side]: { readonly name: string; readonly backend: Backend };
  };
  /** undefined: it is not there. @throws FicusError when that cannot be told */
  readSide(
    side: Side,
    endpoint: Endpoint,
    replica: Replica,
    context: RequestContext,
  ): Promise<Resource | undefined>;
  readBoth(endpoint: Endpoint, replica: Replica, signal: AbortSignal): Promise<Both>;
  judge(replica: Replica, both: Both): Finding;
}

export interface CopiesOptions {
  /** By name, with their Layers. */
  readonly backends: ReadonlyMap<string, Backend>;
  readonly sides: SidesOf;
  /** What differs between the two copies; what is `noise` is no drift. */
  readonly compare: (legacy: Resource, modern: Resource) => readonly Difference[];
}

export function createCopies(options: CopiesOptions, background: Background): Copies {
  const { backends, sides } = options;

  function backendsOf(endpoint: Endpoint): {
    readonly [Name in Side]: { readonly name: string; readonly backend: Backend };
  } {
    const of = (side: Side) => {
      const name = sides(endpoint)[side];
      const backend = name === undefined ? undefined : backends.get(name);
      if (name !== undefined && backend) return { name, backend };
      throw new FicusError(
        'unprocessable',
        `${endpoint} has no ${side} backend: there is nothing to compare.`,
      );
    };
    return { legacy: of('legacy'), modern: of('modern') };
  }

  async function readSide(
    side: Side,
    endpoint: Endpoint,
    replica: Replica,
    context: RequestContext,
  ): Promise<Resource | undefined> {
    const { backend } = backendsOf(endpoint)[side];
    const { type, id } = replica;
    if (side === 'modern') return createModernSide(backend, MAX_BYTES).read(type, id, context);
    try {
      const { body } = await backend.handle({ interaction: 'read', type, id, handling: 'lenient' }, context);
      return asResource(await readBody(body, MAX_BYTES));
    } catch (error) {
      if (error instanceof FicusError && error.code === 'not-found') return undefined;
      throw error;
    }
  }

  function readBoth(endpoint: Endpoint, replica: Replica, signal: AbortSignal): Promise<Both> {
    return background.run(async (context) => {
      const [legacy, modern] = await Promise.all([
        readSide('legacy', endpoint, replica, context),
        readSide('modern', endpoint, replica, context),
      ]);
      return { legacy, modern };
    }, signal);
  }

  function judge(replica: Replica, { legacy, modern }: Both): Finding {
    const { type } = replica;
    if (!legacy && !modern) return { signatures: [] };
    if (!legacy) return { missingOn: 'legacy', signatures: [`extra ${type}`] };
    if (!modern) return { missingOn: 'modern', signatures: [`missing ${type}`] };
    const counted = options
      .compare(legacy, modern)
      .filter((one) => one.severity !== 'noise' && !isExpected(one, replica));
    return { signatures: [...new Set(counted.map(({ signature }) => signature))] };
  }

  return { backendsOf, readSide, readBoth, judge };
}

const MAX_BYTES = 8 * 1024 * 1024;

/**
 * Legacy has no place for what was left out when it was told, and adds what it knows itself (numbers, names) to what
 * modern made: neither is drift as long as modern is the side that is right.
 */
function isExpected({ kind, path }: Difference, { from, leftOut = [] }: Replica): boolean {
  if (from !== 'modern') return false;
  return kind === 'missing' || leftOut.some((out) => path === out || path.startsWith(`${out}.`));
}
