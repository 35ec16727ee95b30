import { hash } from 'node:crypto';
import { lookup } from 'node:dns';
import { Agent, request } from 'undici';
import { FicusError } from '../../errors.ts';
import { isJsonObject, parseJson } from '../../fhir/json.ts';
import type { Json, JsonObject, Resource } from '../../fhir/types.ts';
import { readUpTo } from '../../security/egress.ts';
import { PRIVATE_NETWORKS, guardedLookup } from '../../security/internal-address.ts';
import type { AddressRules } from '../../security/internal-address.ts';

/** An Audit Record Repository (IHE ITI-20, FHIR feed). */
export interface Repository {
  /** Sends events, and tells how many of them, from the first on, it has taken. @throws FicusError when it took none */
  record(events: readonly Resource[], signal: AbortSignal): Promise<number>;
  close(): Promise<void>;
}

export interface RepositoryOptions {
  /** FHIR base address. */
  readonly url: string;
  readonly bearer?: string | undefined;
  readonly tls?: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly servername?: string;
  };
  readonly deadlineMs: number;
  /** How names are looked up (default: the system's way). */
  readonly lookup?: typeof lookup;
}

const TYPE = 'application/fhir+json';

/** What a batch of 500 is answered with is far smaller. */
const MOST_BYTES = 8 << 20;

/**
 * Posts one event to `AuditEvent`, several as a batch (ITI-20 §3.20.4.3). Whoever configures the address means it,
 * wherever in the house that is; what its name stands for is not theirs to say: nothing goes to a link-local or
 * reserved address, nor to this machine under the name of another. Redirects are not followed.
 */
export function createRepository(options: RepositoryOptions): Repository {
  const { url, bearer, tls, deadlineMs } = options;
  const base = url.replace(/\/+$/, '');
  const rulesOf = (hostname: string): AddressRules => ({
    allowLoopback: hostname === 'localhost',
    networks: PRIVATE_NETWORKS,
  });
  const guarded = guardedLookup(rulesOf, options.lookup ?? lookup, 'the repository');
  const agent = new Agent({ connections: 1, connect: { timeout: deadlineMs, lookup: guarded, ...tls } });

  async function post(path: string, body: Resource, signal: AbortSignal): Promise<string> {
    try {
      const { statusCode, body: answer } = await request(`${base}${path}`, {
        method: 'POST',
        dispatcher: agent,
        signal: AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]),
        headers: {
          'content-type': TYPE,
          accept: TYPE,
          ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        },
        body: JSON.stringify(body),
      });
      const text = (await readUpTo(answer, MOST_BYTES)).toString('utf8');
      if (statusCode >= 200 && statusCode < 300) return text;
      throw new FicusError('unavailable', `the repository answered with HTTP status ${statusCode}`);
    } catch (error) {
      if (error instanceof FicusError) throw error;
      throw new FicusError('unavailable', 'the repository cannot be reached', { cause: error });
    }
  }

  return {
    async record(events, signal) {
      const [first] = events;
      if (first && events.length === 1) {
        await post('/AuditEvent', withoutIdentity(first), signal);
        return 1;
      }
      const taken = takenOf(await post('', batchOf(events), signal), events.length);
      if (taken === 0) throw new FicusError('unavailable', 'the repository refused the first of the events');
      return taken;
    },
    close: () => agent.destroy(),
  };
}

/** A create names no id; whoever is sent an event twice knows it by the address of its entry and by what it says. */
function withoutIdentity({ id: _id, ...event }: Resource): Resource {
  return event;
}

function batchOf(events: readonly Resource[]): Resource {
  return {
    resourceType: 'Bundle',
    type: 'batch',
    entry: events.map((event) => ({
      fullUrl: uuidOf(event),
      resource: withoutIdentity(event),
      request: { method: 'POST', url: 'AuditEvent' },
    })),
  };
}

/** The same for the same event, however often it is sent (RFC 9562 §5.8). */
function uuidOf(event: Resource): string {
  const digest = hash('sha256', JSON.stringify(event), 'hex');
  const variant = ((Number.parseInt(digest[16]!, 16) & 0x3) | 0x8).toString(16);
  const parts = [digest.slice(0, 8), digest.slice(8, 12), `8${digest.slice(13, 16)}`, `${variant}${digest.slice(17, 20)}`]; // prettier-ignore
  return `urn:uuid:${[...parts, digest.slice(20, 32)].join('-')}`;
}

/** How many entries, from the first on, a batch-response says were made. */
function takenOf(text: string, sent: number): number {
  let bundle: Json;
  try {
    bundle = parseJson(text);
  } catch (cause) {
    throw new FicusError('unavailable', 'the answer of the repository cannot be read', { cause });
  }
  const entries = isJsonObject(bundle) && Array.isArray(bundle['entry']) ? bundle['entry'] : [];
  const refused = entries.findIndex((entry) => !isTaken(entry));
  return Math.min(sent, refused < 0 ? entries.length : refused);
}

function isTaken(entry: Json): boolean {
  const response = isJsonObject(entry) ? (entry['response'] as JsonObject | undefined) : undefined;
  const status = response?.['status'];
  return typeof status === 'string' && /^2\d\d/.test(status);
}
