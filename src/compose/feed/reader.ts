import { typeOf } from '../../../adapters/hl7v2/message-type.ts';
import { parseMessage } from '../../../adapters/hl7v2/parse.ts';
import { readingTree } from '../../../adapters/hl7v2/reading-tree.ts';
import { contentOf } from '../../events/feed/content.ts';
import type { Content } from '../../events/feed/content.ts';
import { sealRecord } from '../../identity/record-ids.ts';
import type { Sealer } from '../../identity/seal.ts';
import { messageOf, typeName } from '../../mapping/message-of.ts';
import type { MappingSet } from '../../mapping/mapping-set.ts';
import { readMessage } from '../../mapping/read-message.ts';
import type { MessageReading } from '../../mapping/read-message.ts';
import type { Authority } from '../../mapping/run.ts';

/** What an interface declares of the messages that come over it. */
export interface SenderProfile {
  /** Counts more than MSH-18. */
  readonly charset?: string;
  /** IANA zone of timestamps without an offset. */
  readonly timeZone: string;
  /** Registered name of the authority of numbers that name none. */
  readonly authority: string;
}

const DELETED = Buffer.from('""');

export interface ReaderOptions {
  readonly mappings: MappingSet;
  readonly authorities: readonly Authority[];
  readonly sealer: Pick<Sealer, 'seal'>;
  /** The profile of an interface by name; undefined when it is not configured any more. */
  readonly profile: (source: string) => SenderProfile | undefined;
}

/** What a message becomes: bytes in, FHIR content out. Throws what parsing and mapping throw. */
export type FeedReader = (
  bytes: Uint8Array,
  record: { readonly source: string; readonly receivedAt: number },
) => Content;

/** Makes the function that reads the messages of the feed: parse, group, map, seal. Pure but for the sealer's cache. */
export function createFeedReader(options: ReaderOptions): FeedReader {
  const { mappings, authorities, sealer } = options;
  return (bytes, { source, receivedAt }) => {
    const profile = options.profile(source);
    if (!profile)
      return { parked: 'failed', detail: `the interface ${source} is not in the configuration any more` };
    const message = parseMessage(bytes, profile.charset === undefined ? {} : { charset: profile.charset });
    const type = typeOf(message);
    const file = messageOf(mappings, type);
    if (!file) return { parked: 'not-supported', detail: `there is no message file for ${typeName(type)}` };
    const { root } = file.group(message.segments.map(({ name }) => name));
    const reading: MessageReading = readMessage(file, readingTree(message, root), {
      authorities,
      timeZone: profile.timeZone,
      defaultAuthority: profile.authority,
      facts: { event: type.event, type: type.code },
    });
    return contentOf(
      reading,
      {
        eventTimes: [message.value('EVN', 2), message.value('MSH', 7)],
        receivedAt,
        deletes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(DELETED),
      },
      {
        seal: (resourceType, key) => sealer.seal(resourceType, key),
        sealResource: sealRecord,
        authority: authorities.find(({ name }) => name === profile.authority),
        timeZone: profile.timeZone,
      },
    );
  };
}
