import type { ParkReason } from '../feed-ports.ts';

/** Faults that only the sender can mend; the others are ours. */
const OF_THE_SENDER: ReadonlySet<ParkReason> = new Set([
  'decode-error',
  'malformed',
  'not-supported',
  'not-allowed',
  'control-id-reused',
  'out-of-sequence',
]);

/**
 * Who has to look at a message that is parked, or was rejected: `sender NAME` for what only the sender can mend, else
 * (and when it does not say who it is) the owner of the interface.
 *
 * @param sender MSH-3 and MSH-4 joined by `|`
 * @param interfaceOwner owner of the interface in the configuration
 */
export function ownerOf(reason: ParkReason, sender: string, interfaceOwner: string): string {
  const says = sender.replace('|', '') !== '';
  return OF_THE_SENDER.has(reason) && says ? `sender ${sender}` : interfaceOwner;
}
