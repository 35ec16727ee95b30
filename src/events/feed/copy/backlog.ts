import type { ProjectionEvent } from '../../../projection-ports.ts';

/** A resource that a copy is still to be brought. However often it changed, it is owed once. */
export interface Owed {
  readonly type: string;
  readonly id: string;
  /** FHIR id of the patient, where it is of one. */
  readonly patient: string | undefined;
  /** What is owed in order: one patient, or a resource of nobody. */
  readonly lane: string;
  /** Number of the first event that is not done with. */
  first: number;
  /** Newest version that an event told of. */
  version: number;
  /** Epoch milliseconds since when it is owed. */
  readonly since: number;
  /** Tries that came to nothing, and those of them that count. */
  tries: number;
  failures: number;
  /** It is on its way; number of the first event that came since. */
  underWay: boolean;
  next: number | undefined;
}

/** What a copy is owed, in memory: lanes in order, each resource once. */
export interface Backlog {
  /** Adds what an event tells of, at the end of its lane unless it is owed already; gives the lane. */
  add(event: Pick<ProjectionEvent, 'number' | 'type' | 'id' | 'version' | 'patient'>, now: number): string;
  /** The one whose turn it is. */
  head(lane: string): Owed | undefined;
  begin(owed: Owed): void;
  /** It was brought, refused or let go of, as far as `version`: it stays owed, since `now`, for what came meanwhile. */
  end(owed: Owed, version: number, now: number): void;
  /** It is not on its way any more, and keeps its place; `behind`: lets the others of its lane go first. */
  putBack(owed: Owed, behind?: boolean): void;
  /** What is owed of a resource. */
  of(type: string, id: string): Owed | undefined;
  readonly size: number;
  lanes(): Iterable<string>;
  /** The first event that is not done with; undefined: nothing is owed. */
  lowest(): number | undefined;
  /** Since when the oldest is owed, in epoch milliseconds. */
  oldest(): number | undefined;
}

export function createBacklog(): Backlog {
  const all = new Map<string, Owed>();
  const lanes = new Map<string, Owed[]>();

  function leave(owed: Owed): void {
    const lane = lanes.get(owed.lane) ?? [];
    const index = lane.indexOf(owed);
    if (index >= 0) lane.splice(index, 1);
    if (lane.length === 0) lanes.delete(owed.lane);
  }

  function enter(owed: Owed): void {
    const lane = lanes.get(owed.lane);
    if (lane) lane.push(owed);
    else lanes.set(owed.lane, [owed]);
  }

  const least = (of: (owed: Owed) => number): number | undefined => {
    let found: number | undefined;
    for (const owed of all.values()) {
      const value = of(owed);
      if (found === undefined || value < found) found = value;
    }
    return found;
  };

  return {
    add({ number, type, id, version, patient }, now) {
      const name = `${type}/${id}`;
      const known = all.get(name);
      if (known) {
        known.version = Math.max(known.version, version);
        if (known.underWay) known.next ??= number;
        return known.lane;
      }
      const owed: Owed = {
        type,
        id,
        patient,
        lane: patient === undefined ? name : `Patient/${patient}`,
        first: number,
        version,
        since: now,
        tries: 0,
        failures: 0,
        underWay: false,
        next: undefined,
      };
      all.set(name, owed);
      enter(owed);
      return owed.lane;
    },
    head: (lane) => lanes.get(lane)?.[0],
    begin(owed) {
      owed.underWay = true;
      owed.next = undefined;
    },
    end(owed, version, now) {
      const name = `${owed.type}/${owed.id}`;
      leave(owed);
      all.delete(name);
      if (owed.next === undefined || owed.version <= version) return;
      // Changed while it was on its way: owed anew, from there on.
      const again: Owed = {
        ...owed,
        first: owed.next,
        since: now,
        tries: 0,
        failures: 0,
        underWay: false,
        next: undefined,
      };
      all.set(name, again);
      enter(again);
    },
    putBack(owed, behind = false) {
      owed.underWay = false;
      owed.next = undefined;
      if (!behind) return;
      leave(owed);
      enter(owed);
    },
    of: (type, id) => all.get(`${type}/${id}`),
    get size() {
      return all.size;
    },
    lanes: () => lanes.keys(),
    lowest: () => least(({ first }) => first),
    oldest: () => least(({ since }) => since),
  };
}
