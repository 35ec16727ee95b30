import { mulberry32 } from '../faults/random.ts';
import type { FeedEvent } from './episode.ts';
import { segment, stamp } from './text.ts';

/** What goes wrong between a hospital's events and its feed, each in percent of messages. */
export interface Disturbances {
  /** Sent twice with the same bytes. */
  readonly duplicates?: number;
  /** Sent up to five places later than it happened. */
  readonly disorder?: number;
  /** Sent after everything else of its day. */
  readonly late?: number;
  /** Without PID, or with other encoding characters than it uses. */
  readonly broken?: number;
  /** Bytes of ISO 8859-1 under the name of UTF-8. */
  readonly wrongCharset?: number;
}

/** A message ready to be sent. */
export interface FeedMessage {
  readonly event: FeedEvent;
  readonly bytes: Buffer;
  /** Which disturbance made it what it is. */
  readonly disturbed: readonly (keyof Disturbances)[];
}

/** The messages of a feed, in the order in which they are sent. Always the same for the same seed. */
export function feedOf(
  events: readonly FeedEvent[],
  disturbances: Disturbances = {},
  seed = 1,
): FeedMessage[] {
  const random = mulberry32(seed * 15_485_863);
  const happens = (kind: keyof Disturbances): boolean => random() * 100 < (disturbances[kind] ?? 0);
  const placed = events.flatMap((event, index) => {
    const disturbed: (keyof Disturbances)[] = [];
    for (const kind of ['disorder', 'late', 'broken', 'wrongCharset'] as const)
      if (happens(kind)) disturbed.push(kind);
    const late = disturbed.includes('late') ? events.length : 0;
    const rank = index + late + (disturbed.includes('disorder') ? 1.5 + Math.floor(random() * 5) : 0);
    const message = { event, bytes: bytesOf(event, disturbed, random), disturbed };
    const again = happens('duplicates')
      ? [{ ...message, rank: rank + 0.1 + random() * 3, disturbed: [...disturbed, 'duplicates' as const] }]
      : [];
    return [{ ...message, rank }, ...again];
  });
  return placed.toSorted((one, other) => one.rank - other.rank).map(({ rank: _rank, ...message }) => message);
}

function bytesOf(event: FeedEvent, disturbed: readonly (keyof Disturbances)[], random: () => number): Buffer {
  const broken = disturbed.includes('broken')
    ? random() < 0.5
      ? 'no patient'
      : 'encoding characters'
    : undefined;
  // MSH-1 is the delimiter itself: here fields count from MSH-2.
  const header = segment('MSH', {
    1: broken === 'encoding characters' ? '^^^^' : '^~\\&',
    2: 'HOSPIX',
    3: 'MAIN',
    4: 'FICUS',
    5: 'GATE',
    6: stamp(event.at),
    8: `${event.type}^${event.structure}`,
    9: event.controlId,
    10: 'P',
    11: '2.5.1',
    17: 'UNICODE UTF-8',
  });
  const segments =
    broken === 'no patient' ? event.segments.filter((line) => !line.startsWith('PID|')) : event.segments;
  const text = `${[header, ...segments].join('\r')}\r`;
  if (!disturbed.includes('wrongCharset')) return Buffer.from(text);
  // A letter beyond ASCII, so that it shows.
  return Buffer.from(
    text.includes('\u00fc') ? text : text.replace(/\r(?=[^\r]*\r$)/, '\rNTE|1||M\u00fcller\r'),
    'latin1',
  );
}
