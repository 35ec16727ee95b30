import type { Clock } from '../ports.ts';
import type { Revocation, RevocationStore } from '../privacy-ports.ts';
import type { Access } from '../security-ports.ts';

/** Whose a token is. */
export type RevocableToken = Pick<Access, 'tokenId' | 'subject' | 'client'>;

/** No token is believed for longer than this after it was issued, whatever it says: so a revocation can end. */
export const LONGEST_LIFE_MS = 366 * 86_400_000;
/** Clocks of issuers differ by minutes. */
const SPARE_MS = 86_400_000;

/** Every revocation, in memory. */
export interface RevocationRegister {
  /**
   * Whether a token is refused here. Asked for every request.
   * @param issuedAt epoch milliseconds: the earliest, by our clock, that it can have been issued; where it does not say
   *   when, `-Infinity`
   */
  revoked(token: RevocableToken, issuedAt: number): boolean;
  /** Those that have not ended, lifted ones too, in the order in which they came. */
  all(): readonly Revocation[];
  find(id: string): Revocation | undefined;
  /** From now on it counts, or what it says now. */
  take(revocation: Revocation): void;
}

/** When a revocation of this instant ends. @param at epoch milliseconds */
export const endOfRevocation = (at: number): number => at + LONGEST_LIFE_MS + SPARE_MS;

export async function openRevocationRegister({
  store,
  clock,
}: {
  readonly store: Pick<RevocationStore, 'load'>;
  readonly clock: Pick<Clock, 'now'>;
}): Promise<RevocationRegister> {
  const kept = new Map<string, Revocation>();
  let tokens = new Set<string>();
  /** By subject, and by application where it is about every subject. */
  let subjects = new Map<string, readonly Revocation[]>();
  let clients = new Map<string, readonly Revocation[]>();
  const current = (): readonly Revocation[] => {
    const now = clock.now();
    return [...kept.values()].filter(({ until }) => Date.parse(until) > now);
  };
  const read = (): void => {
    const holding = current().filter(({ lifted }) => !lifted);
    tokens = new Set(holding.flatMap(({ tokenId }) => tokenId ?? []));
    const others = holding.filter(({ tokenId }) => tokenId === undefined);
    const ofSubjects = others.filter(({ subject }) => subject !== undefined);
    subjects = Map.groupBy(ofSubjects, ({ subject }) => subject!);
    const ofClients = others.filter(({ subject, client }) => subject === undefined && client !== undefined);
    clients = Map.groupBy(ofClients, ({ client }) => client!);
  };
  for (const one of await store.load(new Date(clock.now()).toISOString())) kept.set(one.id, one);
  read();
  const meant = (
    found: readonly Revocation[] | undefined,
    client: string | undefined,
    issuedAt: number,
  ): boolean =>
    !!found?.some(
      (one) => (one.client === undefined || one.client === client) && issuedAt <= Date.parse(one.at),
    );
  return {
    revoked({ tokenId, subject, client }, issuedAt) {
      if (tokens.has(tokenId)) return true;
      if (subjects.size > 0 && meant(subjects.get(subject), client, issuedAt)) return true;
      return client !== undefined && clients.size > 0 && meant(clients.get(client), client, issuedAt);
    },
    all: current,
    find: (id) => kept.get(id),
    take(revocation) {
      kept.set(revocation.id, revocation);
      read();
    },
  };
}
