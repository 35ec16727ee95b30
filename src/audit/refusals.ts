import type { FicusError } from '../errors.ts';
import type { Clock, Principal } from '../ports.ts';
import type { AuditEntry, AuditSink } from '../security-ports.ts';
import { agentOf } from './agent.ts';
import { queryText } from './query.ts';

/** A request that was turned away before a Backend was asked. */
export interface Refused {
  readonly principal: Principal;
  readonly address: string;
  readonly requestId: string;
  /** `Patient.read`, `batch`. */
  readonly action: string;
  /** Parameters as the client wrote them. */
  readonly asked?: readonly (readonly [string, string])[];
  readonly failure: FicusError;
}

export interface RefusalsOptions {
  readonly sink: AuditSink;
  readonly clock: Clock;
  /** Refusals that are alike are counted together for so long, in milliseconds (default 10,000). */
  readonly windowMs?: number;
  /** Kinds of refusals that are told apart at once (default 1,000). */
  readonly most?: number;
}

export interface Refusals {
  /** Records a refusal. @throws FicusError `unavailable` as the sink does */
  refused(refusal: Refused): Promise<void>;
  /** Writes the counts that are open. */
  close(): Promise<void>;
}

interface Alike {
  readonly first: AuditEntry;
  /** Further ones that are not written yet. */
  more: number;
  readonly cancel: () => void;
}

/**
 * Records who was turned away, without letting a flood of them fill the trail: the first of a kind is written at once,
 * what is just like it is counted, and the count is written when the window ends. Where there are too many kinds
 * (addresses of a botnet), what is new is counted together, whoever it was.
 */
export function createRefusals(options: RefusalsOptions): Refusals {
  const { sink, clock, windowMs = 10_000, most = 1_000 } = options;
  const open = new Map<string, Alike>();

  async function end(key: string): Promise<void> {
    const alike = open.get(key);
    if (!alike) return;
    alike.cancel();
    open.delete(key);
    const { first, more } = alike;
    if (more === 0) return;
    const details = { ...first.details, repeated: String(more) };
    try {
      await sink.write([{ ...first, details }]);
    } catch {
      // Told by the sink, and not forgotten here.
      begin(key, first).more += more;
    }
  }

  function begin(key: string, first: AuditEntry): Alike {
    const known = open.get(key);
    if (known) return known;
    const cancel = clock.after(windowMs, () => void end(key));
    const alike = { first, more: 0, cancel };
    open.set(key, alike);
    return alike;
  }

  return {
    async refused(refusal) {
      const own = entryOf(refusal);
      const ownKey = keyOf(own);
      const crowded = open.size >= most && !open.has(ownKey);
      const entry = crowded ? withoutWho(own) : own;
      const key = crowded ? keyOf(entry) : ownKey;
      const known = open.get(key);
      if (known) {
        known.more += 1;
        return;
      }
      const alike = begin(key, entry);
      try {
        await sink.write([entry]);
      } catch (error) {
        alike.more += 1;
        throw error;
      }
    },
    async close() {
      await Promise.all([...open.keys()].map((key) => end(key)));
      for (const { cancel } of open.values()) cancel();
    },
  };
}

function entryOf({ principal, address, requestId, action, asked, failure }: Refused): AuditEntry {
  return {
    kind: 'refused',
    outcome: failure.status < 500 ? 'refused' : 'failed',
    agent: agentOf(principal, address),
    requestId,
    action,
    patients: [],
    references: [],
    ...(asked && asked.length > 0 ? { query: queryText(action.slice(0, action.indexOf('.')), asked) } : {}),
    errorCode: failure.code,
  };
}

function withoutWho(entry: AuditEntry): AuditEntry {
  return {
    ...entry,
    agent: { subject: 'many' },
    action: 'any',
    details: { callers: 'many: counted together' },
  };
}

function keyOf({ agent, action, errorCode }: AuditEntry): string {
  const { subject, client, tokenId, address } = agent;
  return JSON.stringify([address, client, subject, tokenId, action, errorCode]);
}
