import { randomUUID } from 'node:crypto';
import { FicusError } from '../../errors.ts';
import { parseJson, stringifyJson } from '../../fhir/json.ts';
import type { Endpoint, Json } from '../../fhir/types.ts';
import type { Difference, Severity } from '../../migration-ports.ts';
import type { Clock, Logger, Route } from '../../ports.ts';
import type { AskedRequest } from './asked-request.ts';
import type { ComparableAnswer } from '../compare/answer.ts';
import type { SampleAccess, SampleLabel, SampleStore } from './sample-store.ts';
import { createVault } from './vault.ts';

/** Two answers that differ, and what was asked. It holds patient data: it leaves memory sealed only. */
export interface SamplePair {
  readonly asked: AskedRequest;
  readonly legacy: ComparableAnswer;
  readonly modern: ComparableAnswer;
  readonly differences: readonly Difference[];
}

/** Who wants to see a sample, as what, and what for. */
export interface SampleOpening {
  readonly by: string;
  readonly role: string;
  readonly reason: string;
}

/** Whether somebody may see samples of an endpoint. */
export type MayOpen = (endpoint: Endpoint, who: Pick<SampleOpening, 'by' | 'role'>) => boolean;

export interface SamplesOptions {
  readonly store: SampleStore;
  /** At least 32 bytes. */
  readonly key: Uint8Array;
  /** Life of a sample; 0: none is kept. */
  readonly hours: number;
  /** Living samples of one endpoint and signature, at most. */
  readonly perSignature: number;
  readonly mayOpen: MayOpen;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Pairs of different answers, for the few who must see what is behind a signature; sealed, few and short-lived. */
export interface Samples {
  /**
   * Seals a pair for the gravest of its differences of which there are too few; undefined: it is not kept. Noise is not
   * sampled.
   */
  take(endpoint: Endpoint, pair: SamplePair): Promise<string | undefined>;
  /**
   * Shows a pair. Who asked, when, why and with what outcome is on record before anything is shown.
   * @throws FicusError `value-required`; `forbidden`: not with this role; `not-found`: there is none, or it has expired
   *   and is deleted.
   */
  open(id: string, opening: SampleOpening): Promise<SampleLabel & SamplePair>;
  /** The living samples of an endpoint, newest first. */
  list(endpoint: Endpoint): Promise<readonly SampleLabel[]>;
  /** Who asked for samples; oldest first. */
  accesses(id?: string): Promise<readonly SampleAccess[]>;
  /** No sample is deleted by itself any more. */
  stop(): void;
}

const HOUR_MS = 3_600_000;
/** How often samples whose life is over are looked for. */
const SWEEP_MS = 60_000;
const GRAVITY: readonly Severity[] = ['critical', 'major', 'minor'];

/** Whoever the route names as an owner may, in that role. */
export function ownersMayOpen(routeOf: (endpoint: Endpoint) => Route | undefined): MayOpen {
  return (endpoint, { by, role }) => {
    if (role !== 'clinical' && role !== 'technical') return false;
    const owner = routeOf(endpoint)?.owners?.[role];
    return owner !== undefined && owner === by;
  };
}

/** Samples expire by themselves while it runs. @throws RangeError for a key that is too short */
export function createSamples(options: SamplesOptions): Samples {
  const { store, key, hours, perSignature, mayOpen, clock, log } = options;
  const vault = createVault(key, 'ficus: samples of different answers');
  let cancelSweep = clock.after(SWEEP_MS, sweep);

  function sweep(): void {
    cancelSweep = clock.after(SWEEP_MS, sweep);
    store.expire(clock.now()).then(
      (count) => {
        if (count > 0) log.info('sealed samples were deleted at the end of their life', { count });
      },
      (error: unknown) => log.error('expired samples could not be deleted', { error }),
    );
  }

  async function take(endpoint: Endpoint, pair: SamplePair): Promise<string | undefined> {
    if (hours === 0 || perSignature === 0) return undefined;
    const now = clock.now();
    const living = Map.groupBy(await store.list(endpoint, now), ({ signature }) => signature);
    for (const signature of signaturesByGravity(pair.differences)) {
      if ((living.get(signature)?.length ?? 0) >= perSignature) continue;
      const id = randomUUID();
      const label = { id, endpoint, signature, takenAt: now, expiresAt: now + hours * HOUR_MS };
      const sealed = vault.seal(stringifyJson(pair as unknown as Json), bindingOf(label));
      if (await store.add({ ...label, sealed }, perSignature, now)) return id;
    }
    return undefined;
  }

  async function open(id: string, opening: SampleOpening): Promise<SampleLabel & SamplePair> {
    refuseUnsigned(opening);
    const { by, role, reason } = opening;
    const at = clock.now();
    const found = await store.find(id, at);
    const endpoint = found?.endpoint;
    const outcome = outcomeOf(found, endpoint !== undefined && mayOpen(endpoint, opening));
    await store.record({ sample: id, at, by, role, reason, outcome });
    const fields = { endpoint, by, reason, kind: role, state: outcome };
    if (outcome === 'opened') log.info('a sealed sample was opened', fields);
    else log.warn('a sealed sample was asked for and not opened', fields);
    if (outcome === 'refused')
      throw new FicusError('forbidden', 'Samples are opened by an owner of the endpoint, in that role.');
    if (!found) throw new FicusError('not-found', 'There is no such sample.');
    const { sealed, ...label } = found;
    if (!sealed) {
      const when = new Date(label.expiresAt).toISOString();
      throw new FicusError('not-found', `The sample expired at ${when}; it is deleted for good.`);
    }
    const pair = parseJson(vault.open(sealed, bindingOf(label)));
    return { ...label, ...(pair as unknown as SamplePair) };
  }

  return {
    take,
    open,
    list: (endpoint) => store.list(endpoint, clock.now()),
    accesses: (id) => store.accesses(id),
    stop: () => cancelSweep(),
  };
}

function outcomeOf(
  found: { readonly sealed?: Uint8Array } | undefined,
  allowed: boolean,
): SampleAccess['outcome'] {
  if (!found) return 'unknown';
  if (!allowed) return 'refused';
  return found.sealed ? 'opened' : 'expired';
}

/** What a sample belongs to; one whose life was lengthened in the store does not open. */
function bindingOf({ id, endpoint, signature, expiresAt }: SampleLabel): string {
  return `${id}|${endpoint}|${signature}|${expiresAt}`;
}

function signaturesByGravity(differences: readonly Difference[]): ReadonlySet<string> {
  const signatures = GRAVITY.flatMap((severity) =>
    differences.filter((difference) => difference.severity === severity).map(({ signature }) => signature),
  );
  return new Set(signatures);
}

function refuseUnsigned(opening: SampleOpening): void {
  const missing = (['by', 'role', 'reason'] as const).filter((name) => opening[name].trim() === '');
  if (missing.length === 0) return;
  const words = `Whoever opens a sample says ${missing.join(', ')}.`;
  throw new FicusError('value-required', words, { expression: missing });
}
