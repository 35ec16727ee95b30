import type { CallSeen } from '../../migration-ports.ts';
import type { Endpoint } from '../../fhir/types.ts';
import type { Side } from '../../ports.ts';

/** A combination of parameters that clients use. */
export interface ShapeSeen {
  seen: number;
  readonly first: number;
  last: number;
  /** When modern last answered a client that used it. */
  modern?: number;
}

/** Shapes come from promised parameters, so that there are few; past this many they are not told apart. */
const MOST_SHAPES = 1_000;

/**
 * What clients ask of an endpoint, over all its runs: learnt from the first day on. Instants are epoch milliseconds.
 */
export interface Traffic {
  readonly endpoint: Endpoint;
  /** When it was first watched. */
  first?: number;
  readonly shapes: Map<string, ShapeSeen>;
  /** When a shape was last seen that is not in `shapes`, because there are too many. */
  untold?: number;
  /** When each side was last asked for a client. */
  readonly lastAsked: Partial<Record<Side, number>>;
}

export function createTraffic(endpoint: Endpoint): Traffic {
  return { endpoint, shapes: new Map(), lastAsked: {} };
}

/** Notes that a side was asked for a client, in place. */
export function addAsked(traffic: Traffic, side: Side, at: number): void {
  traffic.first ??= at;
  traffic.lastAsked[side] = at;
}

/** Counts a call that a client made, in place; the experiment's own calls are no traffic. */
export function addTraffic(traffic: Traffic, seen: CallSeen): void {
  if (seen.path !== 'client') return;
  addAsked(traffic, seen.side, seen.at);
  let shape = traffic.shapes.get(seen.shape);
  if (!shape) {
    if (traffic.shapes.size >= MOST_SHAPES) {
      traffic.untold = seen.at;
      return;
    }
    shape = { seen: 0, first: seen.at, last: seen.at };
    traffic.shapes.set(seen.shape, shape);
  }
  // A call that fell back is told twice, once for each side: it is one call.
  if (seen.fellBack !== true) shape.seen += 1;
  shape.last = seen.at;
  if (seen.side === 'modern' && seen.ok) shape.modern = seen.at;
}
