import type { PromisedAnswer } from '../../answer-ports.ts';
import type { Intake } from '../../../adapters/hl7v2/intake/intake.ts';
import type { KnownMessage } from '../../../adapters/hl7v2/intake/message-types.ts';
import type { InterfaceProfile, InterfaceTls } from '../../../adapters/hl7v2/intake/profile.ts';
import type { JournalStanding, MessageOutcome } from '../../feed-ports.ts';
import type { IntakeCounts } from './intake-counts.ts';
import type { ToldLine } from './intake-log.ts';

/** What the thread that takes messages is started with. */
export interface IntakeData {
  /** Path of the inbox. */
  readonly inbox: string;
  /** Owner of each interface by its name. */
  readonly owners: Readonly<Record<string, string>>;
  /** The messages that the mappings understand. */
  readonly types: readonly KnownMessage[];
  /** What may wait for the disk before nothing more is read. */
  readonly most: { readonly messages: number; readonly bytes: number };
  /** What the thread counts up while its event loop turns, in shared memory. */
  readonly beats: Int32Array;
}

/** What of the mappings the thread needs: the rest of them cannot be cloned. */
export function knownMessages(messages: Iterable<KnownMessage>): readonly KnownMessage[] {
  return Array.from(messages, ({ message, of, structure }) => ({ message, of, structure }));
}

/** What is known of the interfaces outside of their thread. */
export interface IntakeState extends Pick<Intake, 'stats' | 'held'> {
  /** By interface. */
  readonly counts: Readonly<Record<string, IntakeCounts>>;
  readonly journal: JournalStanding;
}

/** What the thread is told. */
export type ToIntake =
  /** Opens the interfaces: once, when the inbox is open. Certificates are the texts of now. */
  | { readonly kind: 'listen'; readonly interfaces: readonly InterfaceProfile[] }
  /** Other certificates of an interface. */
  | { readonly kind: 'renew'; readonly name: string; readonly tls: InterfaceTls }
  /** How a message ended that the thread had asked for. */
  | { readonly kind: 'settled'; readonly outcome: MessageOutcome }
  | { readonly kind: 'close' };

/** What the thread says. */
export type FromIntake =
  /** The inbox is open. */
  | { readonly kind: 'open' }
  /** The interfaces are; TCP port of each. */
  | { readonly kind: 'listening'; readonly ports: Readonly<Record<string, number>> }
  /** There are more messages to process. */
  | { readonly kind: 'stored' }
  /** Whether anything can be made safe, when that has changed. */
  | { readonly kind: 'safe'; readonly safe: boolean }
  /** A sender is to hear how a message ends. */
  | { readonly kind: 'awaits'; readonly seq: number }
  /** The sender of a message is to hear again how it ended. */
  | { readonly kind: 'asked-again'; readonly source: string; readonly seq: number }
  /** The connection is gone that an answer was to go to. */
  | {
      readonly kind: 'answer-lost';
      readonly source: string;
      readonly answer: Pick<PromisedAnswer, 'seq' | 'code'>;
    }
  | { readonly kind: 'state'; readonly state: IntakeState }
  | { readonly kind: 'log'; readonly line: ToldLine };
