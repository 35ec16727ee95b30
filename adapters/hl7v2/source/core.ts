import { FicusError } from '../../../src/errors.ts';
import type { RunContext } from '../../../src/mapping/run.ts';
import type { Clock, RequestContext } from '../../../src/ports.ts';
import type { MatchOptions } from '../../../src/search/match.ts';
import type { MllpPool } from '../client.ts';
import type { Message } from '../message.ts';
import type { Envelope } from './envelope.ts';
import type { KeyQuery } from './key-query.ts';
import type { Line } from './line.ts';
import type { OpenQueries } from './open-queries.ts';

/** One core as its interactions use it. */
export interface Core {
  /** Backend name. */
  readonly name: string;
  readonly pool: MllpPool;
  readonly envelope: Envelope;
  /** Writes the query for a record by its key. */
  readonly keyQuery: KeyQuery;
  readonly line: Line;
  /** Of every run of a map. */
  readonly run: RunContext;
  readonly clock: Clock;
  readonly openQueries: OpenQueries;
  /** The context of what no request waits for. */
  readonly background: () => RequestContext;
  /** How a resource is matched with a filter. */
  readonly matching: () => MatchOptions;
}

/**
 * QAK-1 repeats QPD-2 (HL7 v2.5.1 §5.5.2); old cores leave it out.
 * @throws {FicusError} `legacy-malformed` when it names another query.
 */
export function checkTag(message: Message, tag: string): void {
  const said = message.value('QAK', 1);
  if (said && said !== tag)
    throw new FicusError('legacy-malformed', 'The answer of the legacy system belongs to another query.');
}
