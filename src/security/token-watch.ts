import { LRUCache } from 'lru-cache';
import type { Anomaly, NetworkUse, UseCounts } from '../privacy-ports.ts';
import { anomaliesOf } from './anomaly.ts';
import type { AnomalyLimits } from './anomaly.ts';

export interface WatchOptions extends AnomalyLimits {
  /** How long requests are counted together, in milliseconds. */
  readonly windowMs: number;
  /**
   * A token that was not used from the networks that are known for so long, in milliseconds, has moved to where it is
   * used now.
   */
  readonly inUseMs: number;
  /** Tokens that are watched at once; the least recent is forgotten. */
  readonly tokens: number;
}

/** One request with a token. */
export interface TokenUse {
  /** Whose use is compared: of a token, or of a client that has its own. */
  readonly key: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly network: string;
  /** It was a try at what the token does not open. */
  readonly refused: boolean;
  /** Logical ids of patients beside the token's own. */
  readonly patients: readonly string[];
  /** It is a program's, which may run on several machines: wherever it is used from in its first window is known. */
  readonly program: boolean;
}

/** A token whose use is out of its usual. */
export interface Suspicion {
  readonly anomalies: readonly Anomaly[];
  readonly networks: { readonly known: readonly NetworkUse[]; readonly strange: readonly NetworkUse[] };
  readonly counts: { readonly known: UseCounts; readonly strange: UseCounts };
}

/** Watches from where tokens are used. In memory: what it knows ends with the process. */
export interface TokenWatch {
  /** @returns what is out of the usual, for each request for which it is so */
  saw(use: TokenUse): Suspicion | undefined;
  /**
   * Takes the networks that a token is used from as known, and how it is used from them as usual: somebody has looked
   * at it.
   */
  settle(key: string): void;
}

/** Networks of one token that are told apart, known and strange each; the least recent is forgotten. */
const MOST_NETWORKS = 16;
/** Patients that are told apart in one window. */
const MOST_PATIENTS = 1_000;

export function createTokenWatch(options: WatchOptions): TokenWatch {
  const tracks = new LRUCache<string, Track>({ max: options.tokens });
  return {
    saw(use) {
      const track = tracks.get(use.key);
      if (track) return track.saw(use);
      tracks.set(use.key, new Track(use, options));
      return undefined;
    },
    settle: (key) => tracks.get(key)?.settle(),
  };
}

/** What is known of one token. */
class Track {
  readonly #options: WatchOptions;
  readonly #known: Networks;
  readonly #usual: Tally;
  #strange: Networks;
  #unusual: Tally;
  /** Epoch milliseconds. */
  readonly #since: number;
  /** What was strange once does not become usual by going on. */
  #suspected = false;

  constructor(use: TokenUse, options: WatchOptions) {
    this.#options = options;
    this.#since = use.at;
    this.#known = new Networks();
    this.#usual = new Tally(options.windowMs);
    this.#strange = new Networks();
    this.#unusual = new Tally(options.windowMs);
    this.#known.add(use);
    this.#usual.add(use);
  }

  saw(use: TokenUse): Suspicion | undefined {
    const known = this.#known.has(use.network);
    const moved = !known && this.#hasMoved(use.at);
    if (moved) this.settle();
    const learning = use.program && use.at - this.#since < this.#options.windowMs;
    if (known || moved || learning) {
      this.#known.add(use);
      this.#usual.add(use);
      return undefined;
    }
    this.#strange.add(use);
    this.#unusual.add(use);
    const counts = { known: this.#usual.most(), strange: this.#unusual.now() };
    const anomalies = anomaliesOf(counts.known, counts.strange, this.#options);
    if (anomalies.length === 0) return undefined;
    this.#suspected = true;
    return { anomalies, counts, networks: { known: this.#known.all(), strange: this.#strange.all() } };
  }

  #hasMoved(at: number): boolean {
    return !this.#suspected && at - this.#known.lastAt > this.#options.inUseMs;
  }

  /** Where it is used now is where it is usually used. */
  settle(): void {
    this.#suspected = false;
    this.#known.take(this.#strange);
    this.#usual.take(this.#unusual);
    this.#strange = new Networks();
    this.#unusual = new Tally(this.#options.windowMs);
  }
}

/** From where, and when. */
class Networks {
  readonly #uses = new Map<string, { readonly first: number; readonly last: number }>();
  lastAt = 0;

  has(network: string): boolean {
    return this.#uses.has(network);
  }

  add({ network, at }: Pick<TokenUse, 'network' | 'at'>): void {
    const { first } = this.#uses.get(network) ?? { first: at };
    this.#put(network, { first, last: at });
  }

  take(others: Networks): void {
    for (const [network, use] of others.#uses) this.#put(network, use);
  }

  all(): readonly NetworkUse[] {
    return [...this.#uses].map(([network, { first, last }]) => ({
      network,
      first: new Date(first).toISOString(),
      last: new Date(last).toISOString(),
    }));
  }

  #put(network: string, use: { readonly first: number; readonly last: number }): void {
    // The last one is the most recent.
    this.#uses.delete(network);
    this.#uses.set(network, use);
    this.lastAt = Math.max(this.lastAt, use.last);
    const [oldest] = this.#uses.keys();
    if (this.#uses.size > MOST_NETWORKS && oldest !== undefined) this.#uses.delete(oldest);
  }
}

const NONE: UseCounts = { requests: 0, refused: 0, patients: 0 };

/** Counts in windows, one after the other. */
class Tally {
  readonly #windowMs: number;
  #since = Number.NEGATIVE_INFINITY;
  #requests = 0;
  #refused = 0;
  #patients = new Set<string>();
  #before = NONE;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  add({ at, refused, patients }: TokenUse): void {
    if (at - this.#since >= this.#windowMs) this.#begin(at);
    this.#requests += 1;
    if (refused) this.#refused += 1;
    for (const patient of patients) if (this.#patients.size < MOST_PATIENTS) this.#patients.add(patient);
  }

  /** In the window that was begun last. */
  now(): UseCounts {
    return { requests: this.#requests, refused: this.#refused, patients: this.#patients.size };
  }

  /** The most of each in one window, of all that there were. */
  most(): UseCounts {
    return highest(this.#before, this.now());
  }

  take(other: Tally): void {
    this.#before = highest(this.#before, other.most());
  }

  #begin(at: number): void {
    this.#before = this.most();
    this.#since = at;
    this.#requests = 0;
    this.#refused = 0;
    this.#patients = new Set();
  }
}

function highest(one: UseCounts, other: UseCounts): UseCounts {
  return {
    requests: Math.max(one.requests, other.requests),
    refused: Math.max(one.refused, other.refused),
    patients: Math.max(one.patients, other.patients),
  };
}
