import type { MessageRecord } from '../../feed-ports.ts';
import type { FieldReading } from '../../mapping/coverage.ts';
import type { ExplainedField } from '../../mapping/explain-message.ts';
import type { MappingRelease } from '../../mapping/release.ts';
import type { ReadContent } from './processor.ts';

/**
 * Reads messages by mappings that can change while it runs. Lives in the processor's thread: compiling mappings takes a
 * second.
 */
export interface MessageReader {
  /** Reads as is read now. */
  readonly now: FeedReading;
  /** Would read by other releases. @throws MappingProblems for those that do not go together */
  by(releases: readonly MappingRelease[]): FeedReading;
  /** Reads by other releases from now on. @throws as `by`; then nothing has changed */
  use(releases: readonly MappingRelease[]): void;
  /**
   * What is wrong with mappings that have these releases: what does not compile, and, where they are measured as well,
   * the laws that are broken. Empty: nothing.
   */
  check(releases: readonly MappingRelease[], laws: boolean): readonly string[];
}

/** One way of reading messages. Throws what parsing and mapping throw. */
export interface FeedReading {
  readonly read: ReadContent;
  /** What became of every field; undefined where there is no message file for it. */
  fields(bytes: Uint8Array, record: MessageRecord): readonly FieldReading[] | undefined;
  /** What every field says, and what became of it. */
  explain(bytes: Uint8Array, record: MessageRecord): readonly ExplainedField[] | undefined;
}
