import { FicusError } from '../errors.ts';
import { patientOfResource } from '../fhir/patient.ts';
import type { OutboxEntry } from '../migration-ports.ts';
import type { OutboxChange, OutboxHead, OutboxStore } from '../replica-ports.ts';
import type { Clock, Logger } from '../ports.ts';
import { createLanes } from './lanes.ts';
import { ledgerOf } from './ledger.ts';
import type { Outbox } from './outbox-port.ts';
import { createPinBoard } from './pins.ts';

export interface OutboxOptions {
  readonly store: OutboxStore;
  readonly clock: Clock;
  readonly log: Logger;
  /** Technical owner of an endpoint, who is asked about entries that cannot be delivered. */
  readonly ownerOf: (endpoint: OutboxEntry['endpoint']) => string | undefined;
  /** How long it is remembered that a write was accepted and has ended, in milliseconds (default 8 days). */
  readonly rememberMs?: number;
}

const DAY_MS = 86_400_000;

/** Opens the outbox as the last process left it: what was under way then is doubtful. @param settleMs see recovery */
export async function openOutbox(options: OutboxOptions, settleMs: number): Promise<Outbox> {
  const { store, clock, log, ownerOf, rememberMs = 8 * DAY_MS } = options;
  const heads = new Map<string, OutboxHead>();
  const pins = createPinBoard(clock);
  const lanes = createLanes();
  const held = new Set<string>();
  /** Dead ones that somebody has decided on, and it is not on disk yet. */
  const deciding = new Set<string>();
  const deadIds = new Set<string>();
  const dueListeners = new Set<(head: OutboxHead) => void>();
  const changeListeners = new Set<() => void>();

  const inLanes = ({ state }: OutboxHead): boolean => state === 'pending' || state === 'doubtful';

  function offer(head: OutboxHead): void {
    const due = head.state === 'doubtful' || (head.state === 'pending' && lanes.isFirst(head));
    if (due) for (const listener of dueListeners) listener(head);
  }

  /** One entry in memory as it is now; undefined: gone. */
  function replace(id: string, now: OutboxHead | undefined): void {
    const before = heads.get(id);
    if (before) pins.take(before);
    const freed = before && inLanes(before) ? lanes.remove(before) : [];
    if (now) {
      heads.set(id, now);
      pins.put(now);
      if (now.state === 'dead') deadIds.add(id);
      else deadIds.delete(id);
      if (inLanes(now)) lanes.add(now);
    } else {
      heads.delete(id);
      deadIds.delete(id);
    }
    if (now) offer(now);
    for (const head of freed) if (head.id !== id) offer(head);
    pins.changed();
    for (const listener of changeListeners) listener();
  }

  /** Changes an entry on disk, then in memory. */
  async function change(
    id: string,
    changes: OutboxChange,
    also?: Parameters<OutboxStore['change']>[2],
  ): Promise<void> {
    const sequence = await store.change(id, changes, also);
    const head = heads.get(id);
    if (sequence === undefined || !head) throw gone();
    const { resource: _resource, ...kept } = changes;
    replace(id, { ...head, ...kept, sequence });
  }

  async function end(id: string, ending: Parameters<OutboxStore['end']>[1]): Promise<void> {
    await store.end(id, ending);
    for (const one of [id, ...(ending.supersedes ?? [])]) if (heads.has(one)) replace(one, undefined);
  }

  function deadBefore({ type, resourceId, toward, sequence }: OutboxHead): OutboxHead[] {
    if (resourceId === undefined) return [];
    return [...deadIds].flatMap((id) => {
      const one = heads.get(id);
      const same = one?.type === type && one.resourceId === resourceId && one.toward === toward;
      return one && same && one.accepted && one.sequence < sequence ? [one] : [];
    });
  }

  /**
   * The entry just before it is void when it is of the same resource, and nothing of it may have arrived that the newer
   * one would double.
   */
  async function supersede(id: string): Promise<void> {
    const newer = heads.get(id);
    const older = newer?.state === 'pending' ? lanes.before(newer) : undefined;
    if (!newer || older?.state !== 'pending' || held.has(older.id)) return;
    const same = older.type === newer.type && older.resourceId === newer.resourceId;
    const mayDouble = older.sent && older.toward === 'legacy';
    if (!same || newer.resourceId === undefined || mayDouble) return;
    await end(older.id, { how: 'superseded', at: clock.now() });
  }

  function deadOne(id: string): OutboxHead {
    const head = heads.get(id);
    if (!head) throw new FicusError('not-found', 'There is no such entry in the outbox.');
    if (head.state !== 'dead') throw new FicusError('conflict', `The entry is ${head.state}, not dead.`);
    if (deciding.has(id)) throw new FicusError('conflict', 'Somebody else decides on the entry just now.');
    return head;
  }

  async function decide(id: string, work: () => Promise<void>): Promise<void> {
    deciding.add(id);
    try {
      await work();
    } finally {
      deciding.delete(id);
    }
  }

  for (const head of await store.load()) {
    if (head.state !== 'intended') {
      replace(head.id, head);
      continue;
    }
    const changes = { state: 'doubtful', nextAttemptAt: clock.now() + settleMs } as const;
    await store.change(head.id, changes);
    replace(head.id, { ...head, ...changes });
  }
  async function forget(): Promise<void> {
    await store.forget(clock.now() - rememberMs).catch((error: unknown) => {
      log.error('the outbox failed', { error });
    });
  }
  await forget();

  return {
    pins,
    knows: (type, id) => pins.holds(type, id),

    async intend(intention) {
      const now = clock.now();
      const state = { state: 'intended', accepted: false, sent: false, attempts: 0 } as const;
      const entry = { ...intention, ...state, acceptedAt: now, nextAttemptAt: now };
      const { resource: _resource, ...head } = entry;
      replace(entry.id, { ...head, sequence: 0 });
      try {
        await store.add(entry);
      } catch (error) {
        replace(entry.id, undefined);
        log.error('the outbox failed', { error });
        throw error;
      }
    },

    async accept(id, accepted) {
      const before = heads.get(id);
      if (!before || before.accepted) return;
      const patient = patientOfResource(accepted) ?? before.patient;
      const now = clock.now();
      const changes: OutboxChange = {
        state: 'pending',
        accepted: true,
        acceptedAt: now,
        nextAttemptAt: now,
        attempts: 0,
        resource: accepted,
        ...(accepted.id === undefined ? {} : { resourceId: accepted.id }),
        ...(patient === undefined ? {} : { patient }),
      };
      // What was doubtful kept its place: nothing of its lanes went on without it.
      await change(id, changes, { newest: before.state === 'intended', counted: 'accepted' });
      await supersede(id);
    },

    async refuse(id) {
      if (heads.has(id)) await end(id, { how: 'refused', at: clock.now() });
    },

    async doubt(id, askAt, words) {
      const head = heads.get(id);
      if (!head || head.accepted) return;
      const changes = { state: 'doubtful', nextAttemptAt: askAt, lastError: words } as const;
      try {
        await change(id, changes, { newest: head.state === 'intended' });
      } catch (error) {
        // On disk it is intended still, and asked after by the next process; by this one, too.
        log.error('the outbox failed', { error });
        replace(id, { ...head, ...changes });
      }
    },

    async repair(intention) {
      const now = clock.now();
      const state = { state: 'pending', accepted: true, sent: false, attempts: 0 } as const;
      const entry = { ...intention, ...state, acceptedAt: now, nextAttemptAt: now };
      const sequence = await store.add(entry, 'repaired');
      const { resource: _resource, ...head } = entry;
      replace(entry.id, { ...head, sequence });
    },

    head: (id) => heads.get(id),
    find: (id) => store.find(id),
    ended: (id) => store.ended(id),
    isFirst: (head) => lanes.isFirst(head),
    deadBefore,

    hold(id) {
      held.add(id);
      return () => void held.delete(id);
    },

    note: (id, changes) => change(id, changes),

    async delivered(id, { assignment, leftOut }) {
      const head = heads.get(id);
      if (!head) return;
      const { type, resourceId, patient, from } = head;
      const at = clock.now();
      const replica = resourceId === undefined ? undefined : { type, id: resourceId, from, at };
      await end(id, {
        how: 'delivered',
        at,
        supersedes: deadBefore(head).map((one) => one.id),
        ...(replica
          ? {
              replica: {
                ...replica,
                ...(patient === undefined ? {} : { patient }),
                ...(leftOut && leftOut.length > 0 ? { leftOut } : {}),
              },
            }
          : {}),
        ...(assignment ? { assignment } : {}),
        ...(leftOut ? { leftOut } : {}),
      });
    },

    async die(id, words, attempts) {
      const head = heads.get(id);
      if (!head) return;
      const owner = ownerOf(head.endpoint) ?? 'unowned';
      await change(id, { state: 'dead', lastError: words, owner, attempts });
      log.error('a write cannot be delivered', {
        endpoint: head.endpoint,
        to: head.toward,
        reason: words,
      });
    },

    async retry(id, { by, reason }) {
      const head = deadOne(id);
      log.info('a dead write is tried again', { endpoint: head.endpoint, by, reason });
      // A doubtful one is asked after again, never sent to the other side.
      const state = head.accepted ? 'pending' : 'doubtful';
      await decide(id, () => change(id, { state, attempts: 0, nextAttemptAt: clock.now() }));
    },

    async discard(id, { by, reason }) {
      const head = deadOne(id);
      if (reason.trim() === '') {
        throw new FicusError('value-required', 'Giving a write up takes a reason.', {
          expression: ['reason'],
        });
      }
      log.warn('a dead write is given up', { endpoint: head.endpoint, to: head.toward, by, reason });
      await decide(id, () => end(id, { how: head.accepted ? 'discarded' : 'refused', at: clock.now() }));
    },

    list: () => [...heads.values()].toSorted((a, b) => a.sequence - b.sequence),
    ledger: async () => ledgerOf(await store.counts(), heads.values()),

    onDue(listener) {
      dueListeners.add(listener);
      return () => dueListeners.delete(listener);
    },
    onChange(listener) {
      changeListeners.add(listener);
      return () => changeListeners.delete(listener);
    },
    forget,
    offerAll() {
      for (const head of heads.values()) offer(head);
    },
  };
}

function gone(): FicusError {
  return new FicusError('internal', 'An entry of the outbox is not there any more.');
}
