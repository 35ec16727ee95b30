import type { FeedReading, MessageReader } from '../../events/feed/message-reader.ts';
import { fieldsOf } from '../../mapping/coverage.ts';
import { explainMessage } from '../../mapping/explain-message.ts';
import type { MappingSet } from '../../mapping/mapping-set.ts';
import type { MappingRelease, Sender } from '../../mapping/release.ts';
import { createReleasedMappings, type ReleasedMappings } from '../../mapping/released.ts';
import type { MappingFile } from '../../mapping/source-file.ts';
import type { Clock } from '../../ports.ts';
import type { Assembly } from '../assembly.ts';
import { refuseLawless } from '../lawful.ts';
import { createFeedReader, createMessageOpener, profilesOf } from './reader.ts';
import type { ReaderOptions } from './reader.ts';

export interface MessageReaderOptions extends Omit<ReaderOptions, 'mappings'> {
  /** The configured mappings, and their files. */
  readonly mappings: MappingSet;
  readonly mappingFiles: readonly MappingFile[];
  readonly clock: Clock;
}

/** The reader of a configuration that is put together. */
export function messageReaderOf(
  { config, mappings, mappingFiles, authorities, sealer }: Assembly,
  releases: readonly MappingRelease[],
  clock: Clock,
): MessageReader {
  const options = { mappings, mappingFiles, authorities: authorities.all, sealer, clock };
  return createMessageReader({ ...options, profile: profilesOf(config) }, releases);
}

/** Reads messages by the configured mappings and the releases over them. @param releases those in use at first */
export function createMessageReader(
  options: MessageReaderOptions,
  releases: readonly MappingRelease[],
): MessageReader {
  const { mappings, mappingFiles, clock } = options;
  const using = (others: readonly MappingRelease[]): ReleasedMappings => {
    const released = createReleasedMappings(mappings, mappingFiles);
    released.use(others);
    return released;
  };
  const released = using(releases);
  return {
    now: readingBy(released, options),
    by: (others) => readingBy(using(others), options),
    use: (others) => released.use(others),
    check(others, laws) {
      try {
        const set = released.rehearse(others);
        if (laws) refuseLawless(set, clock);
        return [];
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        return error.message.split('\n');
      }
    },
  };
}

function readingBy(released: ReleasedMappings, options: MessageReaderOptions): FeedReading {
  const reader = { ...options, mappings: (sender: Sender) => released.of(sender) };
  const open = createMessageOpener(reader);
  return {
    read: createFeedReader(reader, open),
    fields(bytes, record) {
      const opened = open(bytes, record);
      return opened && fieldsOf(opened.root, opened.reading);
    },
    explain(bytes, record) {
      const opened = open(bytes, record);
      return opened && explainMessage(opened.root, opened.reading);
    },
  };
}
