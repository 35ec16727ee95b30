import { Buffer } from 'node:buffer';
import { typeOf } from '../../../adapters/hl7v2/message-type.ts';
import type { Message } from '../../../adapters/hl7v2/message.ts';
import { parseMessage } from '../../../adapters/hl7v2/parse.ts';
import { readingTree } from '../../../adapters/hl7v2/reading-tree.ts';
import type { Config } from '../../config/schema.ts';
import { contentOf } from '../../events/feed/content.ts';
import type { Content, SealedResource } from '../../events/feed/content.ts';
import type { Resource } from '../../fhir/types.ts';
import { sealRecord } from '../../identity/record-ids.ts';
import type { Sealer } from '../../identity/seal.ts';
import type { CompiledMessage } from '../../mapping/compiled-message.ts';
import { messageOf } from '../../mapping/message-of.ts';
import type { MappingSet } from '../../mapping/mapping-set.ts';
import type { Sender } from '../../mapping/release.ts';
import { createMemos } from '../../mapping/memo.ts';
import { readMessage } from '../../mapping/read-message.ts';
import type { MessageReading } from '../../mapping/read-message.ts';
import type { Authority } from '../../mapping/run.ts';
import type { TreeReader } from '../../mapping/tree.ts';

/** What an interface declares of the messages that come over it. */
export interface SenderProfile {
  /** Counts more than MSH-18. */
  readonly charset?: string | undefined;
  /** Of messages whose MSH-18 is empty. */
  readonly defaultCharset?: string | undefined;
  /** IANA zone of timestamps without an offset. */
  readonly timeZone: string;
  /**
   * Registered name of the authority of numbers that name none; absent: a patient who has only such a number is parked.
   */
  readonly authority?: string | undefined;
}

const DELETED = Buffer.from('""');

export interface ReaderOptions {
  /** The mappings by which a sender's messages are read now. */
  readonly mappings: (sender: Sender) => MappingSet;
  readonly authorities: readonly Authority[];
  readonly sealer: Pick<Sealer, 'seal'>;
  /** The profile of an interface by name; undefined when it is not configured any more. */
  readonly profile: (source: string) => SenderProfile | undefined;
}

/** The profiles of a configuration's interfaces. */
export function profilesOf({
  feed,
  timeZone,
}: Pick<Config, 'feed' | 'timeZone'>): (source: string) => SenderProfile | undefined {
  const profiles = new Map(
    Object.entries(feed?.interfaces ?? {}).map(([source, profile]) => [source, { timeZone, ...profile }]),
  );
  return (source) => profiles.get(source);
}

/** What a message becomes: bytes in, FHIR content out. Throws what parsing and mapping throw. */
export type FeedReader = (bytes: Uint8Array, record: Sender & { readonly receivedAt: number }) => Content;

/** A message taken apart and read. */
export interface OpenedMessage {
  readonly message: Message;
  readonly root: TreeReader;
  readonly reading: MessageReading;
  readonly file: CompiledMessage;
  readonly profile: SenderProfile;
}

/**
 * Reads a message as the feed does; undefined where there is no message file for it. Throws what parsing and mapping
 * throw.
 */
export type MessageOpener = (bytes: Uint8Array, record: Sender) => OpenedMessage | undefined;

/** Texts and segments of the feed that are kept with what they were read as: some 10 MB. */
const REMEMBERED = 10_000;

/** Makes the function that takes messages apart and reads them by their maps, ids and references as legacy keys. */
export function createMessageOpener(options: Omit<ReaderOptions, 'sealer'>): MessageOpener {
  const { mappings, authorities } = options;
  const memos = createMemos(REMEMBERED);
  const memoName = createMemoName();
  return (bytes, { source, sender }) => {
    const profile = options.profile(source);
    if (!profile) return undefined;
    const message = parseMessage(bytes, profile);
    const type = typeOf(message);
    const set = mappings({ source, sender });
    const file = messageOf(set, type);
    if (!file) return undefined;
    const root = readingTree(message, file.group(message.segments.map(({ name }) => name)).root);
    const reading = readMessage(file, root, {
      authorities,
      timeZone: profile.timeZone,
      defaultAuthority: profile.authority,
      facts: { event: type.event, type: type.code },
      memo: memos(memoName(set, source, profile, message)),
    });
    return { message, root, reading, file, profile };
  };
}

/** What messages that can be read from the same memory have in common, as one text. */
function createMemoName(): (
  set: MappingSet,
  source: string,
  profile: SenderProfile,
  message: Message,
) => string {
  // Mostly those of the message before.
  let last: readonly unknown[] = [];
  let name = '';
  return (set, source, profile, message) => {
    const { field, component, repetition, subcomponent, escape } = message.delimiters;
    const { timeZone, authority, charset, defaultCharset } = profile;
    const header = message.written('MSH-18');
    const parts = [set.version, source, timeZone, authority, charset, defaultCharset, header].concat(
      field,
      component,
      repetition,
      subcomponent,
      escape,
    );
    if (parts.length !== last.length || parts.some((part, at) => part !== last[at])) {
      last = parts;
      name = parts.join('\u0000');
    }
    return name;
  };
}

/** Makes the function that reads the messages of the feed: parse, group, map, seal. Pure but for the sealer's cache. */
export function createFeedReader(options: ReaderOptions, open = createMessageOpener(options)): FeedReader {
  const { authorities, sealer } = options;
  // What never changes was read by one profile: its authority is the same every time.
  const sealedBefore = new WeakMap<Resource, SealedResource>();
  return (bytes, record) => {
    const opened = open(bytes, record);
    if (!opened)
      return {
        parked: 'not-supported',
        detail: 'there is no interface of this name, or no message file for the type',
      };
    const { message, reading, file, profile } = opened;
    return contentOf(
      reading,
      {
        eventTimes: [message.value('EVN', 2), message.value('MSH', 7)],
        receivedAt: record.receivedAt,
        ofPatient: file.readings.some(({ map }) => map.fhirType === 'Patient'),
        deletes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(DELETED),
      },
      {
        seal: (type, key) => sealer.seal(type, key),
        sealResource: sealRecord,
        sealedBefore,
        authority: authorities.find(({ name }) => name === profile.authority),
        timeZone: profile.timeZone,
      },
    );
  };
}
