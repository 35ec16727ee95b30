import type { TlsOptions } from 'node:tls';
import type { Clock, Logger } from '../../src/ports.ts';

/** The certificate that a sender has shown, vouched for by an authority that the listener trusts. */
export interface PeerCertificate {
  /** `CN`, `O` and others; a list where one occurs several times. */
  readonly subject: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** SHA-256, capitals, with colons. */
  readonly fingerprint256: string;
}

/** Who sent a message. */
export interface Peer {
  readonly address: string;
  readonly port: number;
  /** Undefined without TLS, and where none was asked for or shown. */
  readonly certificate: PeerCertificate | undefined;
  /**
   * Sends a message that answers no other one just now; false when the connection has gone. Answers in hand keep their
   * own order.
   */
  send(payload: Uint8Array): boolean;
}

/** An acknowledgement, several in their order, or none. */
export type Answer = Uint8Array | readonly Uint8Array[] | undefined;

/**
 * Takes one message and gives the bytes of its acknowledgement, or undefined for none. Whatever must be safe before the
 * sender hears of it is done before the answer is given. When it throws nothing is acknowledged and the connection is
 * closed: the sender keeps its message.
 */
export type MessageHandler = (payload: Buffer, peer: Peer) => Answer | Promise<Answer>;

export interface MllpListenerOptions {
  readonly handler: MessageHandler;
  /** 127.0.0.1 unless given. */
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** TLS with these options (cert, key, ca, requestCert); plain TCP without. */
  readonly tls?: TlsOptions;
  /** Longest message in bytes; 16 MiB. A longer one closes its connection. */
  readonly maxFrameBytes?: number;
  /** Connections at most; 256. */
  readonly maxConnections?: number;
  /** Messages of one connection that may wait for the handler before reading stops; 16. */
  readonly maxWaiting?: number;
  /**
   * Messages of one connection that the handler may have in hand at once; 1. Answers go out in the order of the
   * messages all the same.
   */
  readonly maxInFlight?: number;
  /**
   * True while no further message is to be handled and none read, whoever sends it. When it turns false, `resume` must
   * be called.
   */
  readonly hold?: () => boolean;
  /** Milliseconds without a byte after which a connection is closed; 0, the default: never. */
  readonly idleMs?: number;
  /** The same inside a message; 0, the default: never. */
  readonly stallMs?: number;
  /** Silence in milliseconds after which a message without its final CR counts as complete; 100. */
  readonly settleMs?: number;
  readonly clock: Clock;
  readonly log?: Logger;
}

/** Counts since the start. */
export interface ListenerCounts {
  received: number;
  answered: number;
  noiseBytes: number;
  /** Connections that were one too many. */
  refused: number;
  /** Messages longer than allowed, cut off, or without an end. */
  broken: number;
  /** TLS handshakes that failed. */
  handshakes: number;
}
