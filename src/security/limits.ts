import { isIPv6 } from 'node:net';
import { LRUCache } from 'lru-cache';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { FicusError } from '../errors.ts';
import type { Admission, Limiter } from '../security-ports.ts';

/** So many requests in so many seconds. */
export interface Rate {
  readonly requests: number;
  readonly seconds: number;
}

export interface LimitsOptions {
  readonly client: Rate;
  /** Of one client about one patient: no client can keep another from a patient's record. */
  readonly patient: Rate;
  /** Requests of one client under way at once. */
  readonly concurrency: number;
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

/** Limits of one process, in its memory. */
export function createLimiter(options: LimitsOptions): Limiter {
  const { client, patient, concurrency, refusals, keys } = options;
  const clients = new Windows(client, keys);
  const patients = new Windows(patient, keys);
  const refused = new Windows(refusals, keys);
  /** Addresses whose tokens are not looked at, until when in epoch milliseconds. */
  const shut = new LRUCache<string, number>({ max: keys });
  const underWay = new Map<string, number>();
  const policy = `${client.requests};w=${client.seconds}, ${patient.requests};w=${patient.seconds}`;
  const headersOf = ({ requests }: Rate, left: Left): Record<string, string> => ({
    'ratelimit-limit': String(requests),
    'ratelimit-remaining': String(left.requests),
    'ratelimit-reset': String(left.seconds),
    'ratelimit-policy': policy,
  });
  const refuseOver = (rate: Rate, left: Left, message: string): void => {
    if (left.over) throw throttled(message, left.seconds, headersOf(rate, left));
  };

  return {
    hear(address) {
      const until = shut.get(networkOf(address)) ?? 0;
      const seconds = Math.ceil((until - Date.now()) / 1_000);
      if (seconds > 0) throw throttled('Too many tokens from this address were refused', seconds);
    },
    async refused(address) {
      const network = networkOf(address);
      const left = await refused.take(network);
      if (left.requests === 0) shut.set(network, Date.now() + left.seconds * 1_000);
    },
    async enter(principal, address): Promise<Admission> {
      const { access, client: application = principal.key } = principal;
      // Two issuers may call two applications the same.
      const key = access ? `client:${access.issuer} ${application}` : networkOf(address);
      let left: Left = await clients.take(key);
      refuseOver(client, left, 'This client has asked as often as it may for now');
      const about = async (id: string): Promise<void> => {
        const of = await patients.take(`${id}@${key}`);
        refuseOver(patient, of, 'This client has asked about one patient as often as it may for now');
      };
      const own = principal.access?.patient;
      if (own !== undefined) await about(own);
      const count = underWay.get(key) ?? 0;
      if (count >= concurrency)
        throw throttled('This client has as many requests under way as it may', 1, headersOf(client, left));
      underWay.set(key, count + 1);
      return {
        headers: () => headersOf(client, left),
        async further(requests) {
          left = await clients.take(key, requests);
          refuseOver(client, left, 'This client has not as many requests left as the batch has entries');
        },
        // What the token is about was counted when it came in.
        about: async (id) => (id === own ? undefined : about(id)),
        leave() {
          const others = (underWay.get(key) ?? 1) - 1;
          if (others > 0) underWay.set(key, others);
          else underWay.delete(key);
        },
      };
    },
  };
}

function throttled(message: string, seconds: number, headers: Record<string, string> = {}): FicusError {
  return new FicusError('throttled', message, { retryAfter: Math.max(1, seconds), headers });
}

/** One subscriber has a whole /64 of IPv6 addresses (RFC 6177): they count as one. */
function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('::');
  const groups = head.split(':').filter((group) => group !== '');
  if (tail !== undefined) {
    const behind = tail.split(':').filter((group) => group !== '');
    groups.push(...Array.from({ length: 8 - groups.length - behind.length }, () => '0'), ...behind);
  }
  return `${groups.slice(0, 4).join(':')}::/64`;
}
