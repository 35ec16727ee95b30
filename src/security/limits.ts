import { LRUCache } from 'lru-cache';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { FicusError } from '../errors.ts';
import type { Principal } from '../ports.ts';
import type { Admission, Limiter } from '../security-ports.ts';
import { networkOf } from './network.ts';

/** So many requests in so many seconds. */
export interface Rate {
  readonly requests: number;
  readonly seconds: number;
}

export interface LimitsOptions {
  readonly client: Rate;
  /** Of one user of a client: none takes what the others need. */
  readonly user: Rate;
  /** Of one client about one patient: no client can keep another from a patient's record. */
  readonly patient: Rate;
  /** Requests of one client under way at once. */
  readonly concurrency: number;
  /** Requests of one user of a client under way at once. */
  readonly userConcurrency: number;
  /** Tokens of one address that were refused. */
  readonly refusals: Rate;
  /** Keys that each count keeps at most; the least recent is forgotten. */
  readonly keys: number;
}

/** What is left after a request was counted. */
interface Left {
  readonly over: boolean;
  readonly requests: number;
  readonly seconds: number;
}

/** Counts by key in fixed windows, for a bounded number of keys. */
class Windows {
  readonly #counter: RateLimiterMemory;
  readonly #recent: LRUCache<string, true>;

  constructor({ requests, seconds }: Rate, keys: number) {
    this.#counter = new RateLimiterMemory({ points: requests, duration: seconds });
    this.#recent = new LRUCache({ max: keys, dispose: (_, key) => void this.#counter.delete(key) });
  }

  async take(key: string, requests = 1): Promise<Left> {
    this.#recent.set(key, true, { noDisposeOnSet: true });
    let counted: RateLimiterRes;
    let over = false;
    try {
      counted = await this.#counter.consume(key, requests);
    } catch (error) {
      // One that is over is rejected with its count; there is no other rejection.
      if (!(error instanceof RateLimiterRes)) throw error;
      counted = error;
      over = true;
    }
    return { over, requests: counted.remainingPoints, seconds: Math.ceil(counted.msBeforeNext / 1_000) };
  }
}

/** Whoever requests are counted for: a client, or one of its users. */
interface Counted {
  readonly key: string;
  /** In words, for a refusal. */
  readonly who: string;
  readonly rate: Rate;
  readonly windows: Windows;
  /** Most requests under way at once. */
  readonly atOnce: number;
}

/** What is left of a rate. */
interface Standing {
  readonly rate: Rate;
  readonly left: Left;
}

/** One address of IPv4; a subscriber has a whole /64 of IPv6 addresses (RFC 6177), which count as one. */
const ADDRESS = { ipv4: 32, ipv6: 64 };

/** Limits of one process, in its memory. */
export function createLimiter(options: LimitsOptions): Limiter {
  const { client, user, patient, refusals, keys } = options;
  const clients = new Windows(client, keys);
  const users = new Windows(user, keys);
  const patients = new Windows(patient, keys);
  const refused = new Windows(refusals, keys);
  /** Addresses whose tokens are not looked at, until when in epoch milliseconds. */
  const shut = new LRUCache<string, number>({ max: keys });
  const underWay = new Map<string, number>();

  /** Who asks, the narrowest first: what is refused to one user is not counted for all. */
  function callersOf({ access, client: application }: Principal, address: string): readonly Counted[] {
    // Two issuers may call two applications the same.
    const key = access ? `client:${access.issuer} ${application}` : networkOf(address, ADDRESS);
    const all = { key, who: 'This client', rate: client, windows: clients, atOnce: options.concurrency };
    // A program is its own subject (RFC 9068 §2.2): it has users where its tokens are about one patient each.
    const one = access?.subject === application ? access?.patient : access?.subject;
    if (one === undefined) return [all];
    const who = 'This user of the client';
    return [{ key: `${key} ${one}`, who, rate: user, windows: users, atOnce: options.userConcurrency }, all];
  }

  return {
    hear(address) {
      const until = shut.get(networkOf(address, ADDRESS)) ?? 0;
      const seconds = Math.ceil((until - Date.now()) / 1_000);
      if (seconds > 0) throw throttled('Too many tokens from this address were refused', seconds);
    },
    async refused(address) {
      const network = networkOf(address, ADDRESS);
      const left = await refused.take(network);
      if (left.requests === 0) shut.set(network, Date.now() + left.seconds * 1_000);
    },
    async triedGlass({ issuer, subject }) {
      const left = await refused.take(`glass:${issuer} ${subject}`);
      if (left.over) throw throttled('This caller has tried too often to break the glass', left.seconds);
    },
    async enter(principal, address): Promise<Admission> {
      const callers = callersOf(principal, address);
      const application = callers.at(-1)!;
      const policy = [...callers.map(({ rate }) => rate), patient].map(policyOf).join(', ');
      const headersOf = ({ rate, left }: Standing): Record<string, string> => ({
        'ratelimit-limit': String(rate.requests),
        'ratelimit-remaining': String(left.requests),
        'ratelimit-reset': String(left.seconds),
        'ratelimit-policy': policy,
      });
      const take = async (
        { windows, key, rate }: Pick<Counted, 'windows' | 'key' | 'rate'>,
        words: string,
        requests?: number,
      ): Promise<Standing> => {
        const standing = { rate, left: await windows.take(key, requests) };
        if (standing.left.over) throw throttled(words, standing.left.seconds, headersOf(standing));
        return standing;
      };
      const takeAll = async (words: string, requests?: number): Promise<Standing> => {
        let tightest: Standing | undefined;
        for (const caller of callers) {
          const standing = await take(caller, `${caller.who} ${words}`, requests);
          if (!tightest || standing.left.requests < tightest.left.requests) tightest = standing;
        }
        return tightest!;
      };
      let tightest = await takeAll('has asked as often as it may for now');
      const about = async (id: string): Promise<void> => {
        const words = 'This client has asked about one patient as often as it may for now';
        await take({ windows: patients, key: `${id}@${application.key}`, rate: patient }, words);
      };
      const own = principal.access?.patient;
      if (own !== undefined) await about(own);
      const full = callers.find(({ key, atOnce }) => (underWay.get(key) ?? 0) >= atOnce);
      if (full)
        throw throttled(`${full.who} has as many requests under way as it may`, 1, headersOf(tightest));
      for (const { key } of callers) underWay.set(key, (underWay.get(key) ?? 0) + 1);
      return {
        headers: () => headersOf(tightest),
        async further(requests) {
          tightest = await takeAll('has not as many requests left as the batch has entries', requests);
        },
        // What the token is about was counted when it came in.
        about: async (id) => (id === own ? undefined : about(id)),
        leave() {
          for (const { key } of callers) {
            const others = (underWay.get(key) ?? 1) - 1;
            if (others > 0) underWay.set(key, others);
            else underWay.delete(key);
          }
        },
      };
    },
  };
}

function policyOf({ requests, seconds }: Rate): string {
  return `${requests};w=${seconds}`;
}

function throttled(message: string, seconds: number, headers: Record<string, string> = {}): FicusError {
  return new FicusError('throttled', message, { retryAfter: Math.max(1, seconds), headers });
}
