import { lookup } from 'node:dns';
import { Agent, request } from 'undici';
import { FicusError } from '../../errors.ts';
import { wordsOf } from '../../events/feed/failure.ts';
import type { Resource } from '../../fhir/types.ts';
import { guardedLookup, whyNoReceiver } from '../../security/internal-address.ts';
import type { AddressRules } from '../../security/internal-address.ts';

/** Posts notifications to one address. */
export interface Webhook {
  /** Resolves when the receiver answers with success. @throws FicusError with what may be said of why it did not */
  post(notification: Resource, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface WebhookOptions extends AddressRules {
  readonly url: string;
  /** Longest that one notification waits, in milliseconds (default 10 s). */
  readonly ms?: number;
  /** How names are looked up (default: the system's way). */
  readonly lookup?: typeof lookup;
}

/**
 * A receiver of notifications. Addresses that are internal are refused where the connection is made, so that a name
 * which stood for another address when it was checked leads nowhere either. Redirects are not followed.
 */
export function createWebhook(options: WebhookOptions): Webhook {
  const { url, ms = 10_000 } = options;
  const agent = new Agent({
    connections: 1,
    connect: { timeout: ms, lookup: guardedLookup(options, options.lookup ?? lookup, 'the receiver') },
  });
  return {
    async post(notification, signal) {
      const why = whyNoReceiver(url, options);
      if (why !== undefined) throw refused(why);
      const status = await statusOf(notification, AbortSignal.any([signal, AbortSignal.timeout(ms)]));
      if (status >= 200 && status < 300) return;
      throw new FicusError('legacy-exception', `the receiver answered with HTTP status ${status}`);
    },
    // What is under way was given its time by whoever posts.
    close: () => agent.destroy(),
  };

  async function statusOf(notification: Resource, signal: AbortSignal): Promise<number> {
    try {
      const { statusCode, body } = await request(url, {
        method: 'POST',
        dispatcher: agent,
        signal,
        headers: { 'content-type': 'application/fhir+json', accept: 'application/fhir+json' },
        body: JSON.stringify(notification),
      });
      await body.dump();
      return statusCode;
    } catch (error) {
      if (error instanceof FicusError) throw error;
      throw new FicusError('unavailable', `the receiver cannot be reached: ${wordsOf(error)}`, {
        cause: error,
      });
    }
  }
}

function refused(why: string): FicusError {
  return new FicusError('forbidden', `the address of the receiver ${why}`);
}
