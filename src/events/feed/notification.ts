import { createHash } from 'node:crypto';
import type { JsonObject, Resource } from '../../fhir/types.ts';
import type { TopicEvent } from '../../follower-ports.ts';

const BACKPORT = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition';

/**
 * One event of a topic as it is told: an id-only notification Bundle (Subscriptions R5 Backport 1.1.0,
 * backport-subscription-notification-r4). The same event makes the same Bundle whenever it is told. The focus is who
 * was merged or came back, the additional context who survived.
 *
 * @param base FHIR base address that clients see, without a slash at its end
 */
export function notificationOf(event: TopicEvent, subscriber: string, topic: string, base: string): Resource {
  const { number, type, id, other, at } = event;
  const timestamp = new Date(at).toISOString();
  const address = (one: string): string => `${base}/${type}/${one}`;
  const context: JsonObject[] =
    other === undefined
      ? []
      : [{ name: 'additional-context', valueReference: { reference: address(other) } }];
  const status: Resource = {
    resourceType: 'Parameters',
    meta: { profile: [`${BACKPORT}/backport-subscription-status-r4`] },
    parameter: [
      // The configuration makes subscriptions: there is no resource to read.
      { name: 'subscription', valueReference: { identifier: { value: subscriber } } },
      { name: 'topic', valueCanonical: `${base}/SubscriptionTopic/${topic}` },
      { name: 'status', valueCode: 'active' },
      { name: 'type', valueCode: 'event-notification' },
      { name: 'events-since-subscription-start', valueString: String(number) },
      {
        name: 'notification-event',
        part: [
          { name: 'event-number', valueString: String(number) },
          { name: 'timestamp', valueInstant: timestamp },
          { name: 'focus', valueReference: { reference: address(id) } },
          ...context,
        ],
      },
    ],
  };
  return {
    resourceType: 'Bundle',
    meta: { profile: [`${BACKPORT}/backport-subscription-notification-r4`] },
    type: 'history',
    timestamp,
    entry: [
      {
        fullUrl: `urn:uuid:${uuidOf(`${subscriber} ${topic} ${number}`)}`,
        resource: status,
        // A history has to say it (FHIR R4 bundle.html, bdl-3 and bdl-4).
        request: { method: 'GET', url: `Subscription/${subscriber}/$status` },
        response: { status: '200' },
      },
      {
        fullUrl: address(id),
        request: { method: 'GET', url: `${type}/${id}` },
        response: { status: '200' },
      },
    ],
  };
}

/** The same UUID for the same words (RFC 9562 §5.8). */
function uuidOf(words: string): string {
  const hex = createHash('sha256').update(words).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
