import { Cancellation } from '../cancellation.ts';
import type { Pins } from '../migration-ports.ts';
import type { Clock, FhirRequest, RequestContext, Route } from '../ports.ts';
import { concernOf, isBehind } from './choice.ts';
import { sideOf } from './stage.ts';

/** Share of the time left that a write waits for those before it; the rest is legacy's. */
const SHARE = 0.25;

/**
 * Whether a write is legacy's again, after a roll back, and writes before it that modern has accepted are still on their way there. It
 * waits for them: sent to modern like them, it would keep the next one there in turn, and a patient who is often written about would never
 * come back. A repeat asks the side it was sent to, and does not wait.
 */
export function goesBack(route: Route, request: FhirRequest, pins: Pins | undefined): boolean {
  const { interaction, attempt } = request;
  if (interaction !== 'create' && interaction !== 'update') return false;
  if (route.legacy === undefined || route.modern === undefined) return false;
  if (route.stage === 'canary' || sideOf(route.stage) === 'modern' || attempt?.doubtful) return false;
  return isBehind(pins, 'legacy', request);
}

/** Resolves when legacy has the writes before this one, when they will not come soon, or when it is time to do without them. */
export async function arrivalAtLegacy(
  request: FhirRequest,
  { deadline, signal }: RequestContext,
  { pins, clock }: { readonly pins?: Pins; readonly clock: Clock },
): Promise<void> {
  const concern = concernOf(request);
  if (!concern || !pins) return;
  const enough = new Cancellation();
  const stop = (): void => enough.abort();
  const cancel = clock.after(Math.max(0, deadline - clock.now()) * SHARE, stop);
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  await pins.arrival('legacy', concern, enough);
  cancel();
  signal.removeEventListener('abort', stop);
}
