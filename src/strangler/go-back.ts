import { Cancellation } from '../cancellation.ts';
import type { Clock, FhirRequest, Layer, RequestContext, Route } from '../ports.ts';
import type { Pins } from '../migration-ports.ts';
import { concernOf, isBehind, isLegacys } from './choice.ts';
import { endpointOf } from './router.ts';
import type { RouteTable } from './table.ts';

/** Share of the time left that a write waits for those before it; the rest is legacy's. */
const SHARE = 0.25;

/** What a wait goes by. */
interface Waiting {
  readonly clock: Clock;
  /** Of the keyed hash that divides a canary. */
  readonly cohortKey: Uint8Array;
  /** Absent: each side has seen every write. */
  readonly pins?: Pins;
}

/**
 * A write that is legacy's again, after a roll back or because the cohort of a canary has lost its patient, waits for
 * those before it that modern has accepted and that are still on their way there: sent to modern like them, it would
 * keep the next one there in turn, and a patient who is often written about would never come back. Stands before whatever asks which side a write goes to (where it is
 * recorded, what it is judged by): the side is the one that it has after the wait.
 */
export function goBack(table: Pick<RouteTable, 'get'>, waiting: Waiting): Layer {
  return (next) => ({
    async handle(request, context) {
      const { pins } = waiting;
      const route = isWrite(request) ? table.get(endpointOf(request)) : undefined;
      if (
        pins &&
        route &&
        isTwoNamed(route) &&
        isBehind(pins, 'legacy', request) &&
        isLegacys(route, request, context.principal, waiting)
      )
        await arrivalAtLegacy(request, context, { ...waiting, pins });
      return next.handle(request, context);
    },
  });
}

function isWrite({ interaction }: FhirRequest): boolean {
  return interaction === 'create' || interaction === 'update';
}

function isTwoNamed({ legacy, modern }: Route): boolean {
  return legacy !== undefined && modern !== undefined;
}

/**
 * Resolves when legacy has the writes before this one, when they will not come soon, when it is time to do without
 * them, or when the client has left.
 */
async function arrivalAtLegacy(
  request: FhirRequest,
  { deadline, signal }: RequestContext,
  { pins, clock }: Required<Pick<Waiting, 'pins' | 'clock'>>,
): Promise<void> {
  const concern = concernOf(request);
  if (!concern) return;
  const enough = new Cancellation();
  const stop = (): void => enough.abort();
  const cancel = clock.after(Math.max(0, deadline - clock.now()) * SHARE, () => {
    stop();
    pins.giveUp('legacy', concern);
  });
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  await pins.arrival('legacy', concern, enough);
  cancel();
  signal.removeEventListener('abort', stop);
}
