import type { Arrival, JournalStanding } from '../feed-ports.ts';
import { PART_BYTES, journalOf, openJournalWriter } from './inbox-journal.ts';
import type { Region } from './inbox-journal.ts';
import { createNewness } from './inbox-newness.ts';
import { createPace } from './inbox-pace.ts';
import { createPlaces } from './inbox-places.ts';
import { roomOf, writeRecord } from './inbox-record.ts';
import { createSetbacks } from './inbox-setbacks.ts';

/** Since when the journal counts. */
export interface Beginning {
  readonly mark: number;
  /** The last number that was given. */
  readonly last: number;
}

/** Makes plainly new arrivals safe, and says what is to be filed of them. */
export interface Journaling {
  /**
   * Writes arrivals, in one sync of the disk; calls back with the first of their numbers, or with why they may not be
   * safe: then nothing more is written for a while, and not before the journal begins anew. One group at a time. One
   * that comes alone after one that did is written before this returns, and called back for, while the disk is quick:
   * that spares two wakings, and where several come at once they would wait for it.
   *
   * @returns false when they are not for the journal: one is not plainly new, or there is no room
   */
  write(arrivals: readonly Arrival[], done: (first: number, error?: Error) => void): boolean;
  /** What is safe and nobody was told of; whoever is, files it. */
  toFile(): Region;
  /** Messages of it, and their bytes in the journal. */
  readonly untold: { readonly messages: number; readonly bytes: number };
  /** What was told first is filed. */
  filed(): void;
  /** All is filed and synced; the journal begins anew. */
  begin(beginning: Beginning, erased: boolean): void;
  /** What may hold bytes of messages. */
  used(): readonly Region[];
  readonly standing: JournalStanding;
  close(): void;
}

/**
 * @param file path of the inbox, whose journal is there
 * @param turned called when the region is the last of its part, which can be written again when it is filed and synced
 */
export function openJournaling(
  file: string,
  beginning: Beginning,
  turned: (region: Region) => void,
): Journaling {
  const newness = createNewness(file);
  const writer = openJournalWriter(journalOf(file));
  const places = createPlaces();
  const pace = createPace();
  /** The part that each region that was told gives back. */
  let told: (number | undefined)[] = [];
  const untold = { messages: 0, bytes: 0 };
  let group = Buffer.alloc(64 << 10);
  let { mark, last } = beginning;
  /** Arrivals of the group before. */
  let before = 1;
  const setbacks = createSetbacks();
  /**
   * What is on disk since a write failed, nobody knows. Once everything is filed, and records bear another mark, it
   * does not matter any more.
   */
  let broken = false;

  function tell(leaves?: number): void {
    told.push(leaves);
    newness.told();
    untold.messages = untold.bytes = 0;
  }

  function turn(): void {
    const region = places.toFile();
    tell(places.turn());
    turned(region);
  }

  /** Waits for the disk. @returns why the bytes may not be on it */
  function writeNow(bytes: Buffer): Error | undefined {
    const from = performance.now();
    try {
      writer.writeNow(bytes, places.next);
      return undefined;
    } catch (error) {
      return error as Error;
    } finally {
      pace.took(performance.now() - from);
    }
  }

  function encode(arrivals: readonly Arrival[], room: number): Buffer {
    if (group.length < room) group = Buffer.alloc(Math.max(room, 2 * group.length));
    let end = 0;
    let seq = last;
    for (const arrival of arrivals) end = writeRecord(group, end, mark, ++seq, arrival);
    return group.subarray(0, end);
  }

  return {
    untold,
    write(arrivals, done) {
      let room = 0;
      for (const arrival of arrivals) room += roomOf(arrival);
      if (broken || room > PART_BYTES || (!places.fits(room) && !places.fitsBehind(room))) return false;
      const names = newness.namesIfNew(arrivals);
      if (!names) return false;
      if (!places.fits(room)) turn();
      const bytes = encode(arrivals, room);
      const written = (error?: Error): void => {
        const first = last + 1;
        if (error) {
          broken = true;
          places.spoilt(bytes.length);
          setbacks.failed((error as NodeJS.ErrnoException).code ?? 'unknown');
        } else {
          setbacks.worked();
          places.wrote(bytes.length);
          newness.safe(names);
          last += arrivals.length;
          untold.messages += arrivals.length;
          untold.bytes += bytes.length;
        }
        done(first, error);
      };
      const alone = arrivals.length === 1 && before === 1;
      before = arrivals.length;
      if (alone && pace.quick()) written(writeNow(bytes));
      else writer.write(bytes, places.next, written);
      return true;
    },
    toFile() {
      const region = places.toFile();
      tell();
      return region;
    },
    filed() {
      newness.filed();
      const part = told.shift();
      if (part !== undefined) places.free(part);
    },
    begin(anew, erased) {
      ({ mark, last } = anew);
      told = [];
      newness.allFiled();
      places.reset();
      if (erased) {
        places.erased();
        setbacks.worked();
      }
      if (erased || setbacks.mayTry()) broken = false;
    },
    used: () => places.used(),
    get standing() {
      return setbacks.standing;
    },
    close() {
      newness.close();
      writer.close();
    },
  };
}
