import type { ConnectionOptions } from 'node:tls';
import type { ErrorStyle } from './error-segment.ts';

/** When a sender wants to hear of its message (HL7 table 0155). */
export type AckCondition = 'AL' | 'NE' | 'ER' | 'SU';

/** A pair of MSH-3 and MSH-4 as written; an absent one means any. */
export interface AllowedSender {
  readonly application?: string;
  readonly facility?: string;
}

/** TLS of an interface. */
export interface InterfaceTls {
  /** PEM of our certificate and its key. */
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** PEM of the authorities that vouch for senders. */
  readonly ca?: string | Buffer;
  /** Whether senders must show a certificate that `ca` vouches for. */
  readonly clientCertificates: boolean;
  /** Subjects as `CN=lab.example`, attributes in any order as a subset of the certificate's; empty: any. */
  readonly subjects: readonly string[];
  /** SHA-256 fingerprints in hex, with or without colons; empty: any. With subjects too, either will do. */
  readonly fingerprints: readonly string[];
}

/** Where a sender listens for application acknowledgements. */
export interface ReplyAddress {
  readonly host: string;
  readonly port: number;
  /** Plain TCP without. */
  readonly tls?: ConnectionOptions;
}

/** How one interface takes messages. */
export interface InterfaceProfile {
  /** As the configuration names it: `Arrival.source`. */
  readonly name: string;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly tls?: InterfaceTls;
  /** Declared for the interface: overrides MSH-18. */
  readonly charset?: string;
  /** Where MSH-18 says nothing. */
  readonly defaultCharset: string;
  /** `as-asked`: enhanced where MSH-15 or MSH-16 says something (HL7 v2.5.1 §2.9.2, §2.9.3). */
  readonly acknowledge: 'original' | 'enhanced' | 'as-asked';
  /** MSH-12.1 that are taken; empty: every v2. */
  readonly versions: readonly string[];
  /** `ADT` or `ADT^A01`; empty: all that the mappings know. */
  readonly types: readonly string[];
  /** MSH-11.1 that are taken. */
  readonly processing: readonly string[];
  /** `lenient` asks for what a message means nothing without; `strict` for all that the standard requires. */
  readonly strictness: 'lenient' | 'strict';
  /** Empty: any. */
  readonly senders: readonly AllowedSender[];
  readonly errorStyle: ErrorStyle;
  /**
   * Where application acknowledgements of enhanced mode go (HL7 v2.5.1 §2.9.3.2); absent: to the connection that the
   * message came on.
   */
  readonly replies?: ReplyAddress;
  /** Sequence number protocol of MSH-13 (HL7 v2.5.1 §2.10.1). */
  readonly sequence: boolean;
  /** How a batch is answered (HL7 v2.5.1 §2.10.3.3). */
  readonly batches: 'all' | 'errors' | 'none';
  /** Bytes. */
  readonly maxFrameBytes: number;
  readonly maxConnections: number;
  /** Messages of one connection that may wait before reading stops. */
  readonly maxWaiting: number;
  /** Messages of one connection on their way to the disk at once; acknowledgements keep the order. */
  readonly maxInFlight: number;
  /** Milliseconds without a byte after which a connection is closed; 0: never. */
  readonly idleMs: number;
  /** Milliseconds without a byte inside a message after which a connection is closed; 0: never. */
  readonly stallMs: number;
}
