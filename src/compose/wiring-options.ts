import type { Metrics } from '../metrics.ts';
import type { Backend, Clock, Layer, Logger } from '../ports.ts';
import type { AuditSink, Withholding } from '../security-ports.ts';
import type { FeedRecord } from './feed/record.ts';
import type { Stores } from '../store/stores.ts';

/** What the wiring stands on: effects that a running Ficus has and a rehearsal has not. */
export interface WiringOptions {
  readonly publicBase: string;
  readonly stores: Stores;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** What the feed has told. */
  readonly record: FeedRecord;
  /** Takes what was done and what was not allowed; absent: nothing is recorded. */
  readonly audit?: AuditSink;
  /** Answers AuditEvents; absent: they are no part of the API. */
  readonly auditEvents?: Backend;
  /** What labels and consents keep back from callers; absent: nothing. */
  readonly withholding?: Withholding;
  /** Writes down what is done under a broken glass; absent: no glass can be broken. */
  readonly brokenGlass?: Layer;
}
