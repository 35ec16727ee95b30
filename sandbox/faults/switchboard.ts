import { setTimeout as sleep } from 'node:timers/promises';
import { isPlanted } from './catalogue.ts';
import { numberOf, textOf, type Dial, type DialInput, type WireDial } from './dial.ts';
import { createLatency } from './latency.ts';
import { mulberry32 } from './random.ts';
import type { Protocol } from './spec.ts';

export type DownMode = 'refuse' | 'reset';

/** A dial with what it has done so far. */
export interface DialState extends Dial {
  readonly hits: number;
}

interface Entry {
  readonly dial: Dial;
  readonly latency: () => number;
  readonly random: () => number;
  passed: number;
  hits: number;
  expiry: NodeJS.Timeout | undefined;
}

/** All dials that are switched on. */
export interface Switchboard {
  set(input: DialInput): Dial;
  list(): DialState[];
  remove(id: string): boolean;
  clear(): void;
  /**
   * The fault for this message: that of the newest dial which is due; counts it. `slow` is waited for here and does not
   * hide another fault.
   */
  take(protocol: Protocol, operation: string): Promise<WireDial | undefined>;
  /**
   * The planted faults of this answer, oldest dial first; counts them. They do not hide each other, or a fault of the
   * wire.
   */
  planted(protocol: Protocol, operation: string): readonly Dial[];
  down(protocol: Protocol): DownMode | undefined;
  /** Calls back whenever a `down` dial comes or goes. */
  onDown(protocol: Protocol, listener: (mode: DownMode | undefined) => void): () => void;
}

/** A switchboard with every dial off. */
export function createSwitchboard(): Switchboard {
  const entries = new Map<string, Entry>();
  const listeners = new Set<{ protocol: Protocol; listener: (mode: DownMode | undefined) => void }>();
  let issued = 0;

  const down = (protocol: Protocol): DownMode | undefined => {
    const entry = [...entries.values()].findLast(
      (e) => e.dial.protocol === protocol && e.dial.fault === 'down',
    );
    return entry && (textOf(entry.dial, 'mode') as DownMode);
  };
  const announce = (protocol: Protocol): void => {
    for (const each of listeners) if (each.protocol === protocol) each.listener(down(protocol));
  };
  const remove = (id: string): boolean => {
    const entry = entries.get(id);
    if (!entry) return false;
    clearTimeout(entry.expiry);
    entries.delete(id);
    if (entry.dial.fault === 'down') announce(entry.dial.protocol);
    return true;
  };
  const due = (entry: Entry): boolean => {
    if (entry.passed < entry.dial.after) {
      entry.passed += 1;
      return false;
    }
    const { percent } = entry.dial;
    // A planted fault chooses among resources, not among messages.
    if (percent !== undefined && !isPlanted(entry.dial.fault) && entry.random() * 100 >= percent)
      return false;
    entry.hits += 1;
    if (entry.dial.count !== undefined && entry.hits >= entry.dial.count) remove(entry.dial.id);
    return true;
  };
  return {
    set(input) {
      issued += 1;
      const dial: Dial = { ...input, id: `d${issued}` };
      const entry: Entry = {
        dial,
        latency: createLatency(dial),
        random: mulberry32(1),
        passed: 0,
        hits: 0,
        expiry: undefined,
      };
      entries.set(dial.id, entry);
      if (dial.durationMs !== undefined) {
        entry.expiry = setTimeout(() => remove(dial.id), dial.durationMs);
        entry.expiry.unref();
      }
      if (dial.fault === 'down') announce(dial.protocol);
      return dial;
    },
    list: () => [...entries.values()].map((entry) => ({ ...entry.dial, hits: entry.hits })),
    remove,
    clear: () => [...entries.keys()].forEach(remove),
    async take(protocol, operation) {
      if (entries.size === 0) return undefined;
      const matching = [...entries.values()].toReversed().filter((e) => isOfWire(e, protocol, operation));
      const slow = matching.find((e) => e.dial.fault === 'slow');
      const fault = matching.find((e) => e.dial.fault !== 'slow' && due(e))?.dial;
      if (slow && due(slow)) await sleep(slow.latency(), undefined, { ref: false });
      return fault as WireDial | undefined;
    },
    planted(protocol, operation) {
      if (entries.size === 0) return [];
      return [...entries.values()]
        .filter(({ dial }) => isPlanted(dial.fault) && dial.protocol === protocol && matches(dial, operation))
        .filter(due)
        .map(({ dial }) => dial);
    },
    down,
    onDown(protocol, listener) {
      const entry = { protocol, listener };
      listeners.add(entry);
      return () => listeners.delete(entry);
    },
  };
}

function isOfWire({ dial }: Entry, protocol: Protocol, operation: string): boolean {
  const { fault } = dial;
  return dial.protocol === protocol && fault !== 'down' && !isPlanted(fault) && matches(dial, operation);
}

function matches(dial: Dial, operation: string): boolean {
  if (dial.operation === undefined) return true;
  if (dial.operation.endsWith('*')) return operation.startsWith(dial.operation.slice(0, -1));
  return dial.operation === operation;
}

/** What a `kill-mid-write` leaves behind: the protocol refuses connections for `downMs`. */
export function downAfter(switchboard: Switchboard, dial: Dial): void {
  const durationMs = numberOf(dial, 'downMs') ?? 0;
  if (durationMs > 0) {
    switchboard.set({
      protocol: dial.protocol,
      fault: 'down',
      parameters: { mode: 'refuse' },
      after: 0,
      durationMs,
    });
  }
}
