import { isDeepStrictEqual } from 'node:util';
import type { AuditAnchor, AuditHead, AuditStore } from '../audit-ports.ts';
import { BEGINNING, factOf, hashOf, keysOf } from './chain.ts';

/** What became of a trail. */
export type Verdict =
  | {
      readonly holds: true;
      /** Records that are there, and where their chain begins and ends. */
      readonly records: number;
      readonly first: number;
      readonly head: AuditHead;
      readonly anchors: readonly AuditAnchor[];
    }
  | {
      readonly holds: false;
      /** The first sequence that is not what it was. */
      readonly sequence: number;
      readonly why: string;
    };

/** Records that are read at a time. */
const TOGETHER = 1_000;

/**
 * Looks at every link of a trail: that each record is there, in its place, and as it was written, from the beginning
 * (or the last anchor of retention) to the head that is kept beside it.
 *
 * @param noted a head that was noted earlier, somewhere else: what was cut off together with the kept head is found by
 *   it only
 */
export function verifyTrail(
  store: Pick<AuditStore, 'after' | 'head' | 'anchors'>,
  noted?: Pick<AuditHead, 'sequence' | 'hash'>,
): Verdict {
  const anchors = store.anchors();
  const start = anchors.at(-1);
  const kept = store.head();
  let sequence = start?.sequence ?? 0;
  let before = start?.hash ?? BEGINNING;
  let at = 0;
  let records = 0;
  const broken = (where: number, why: string): Verdict => ({ holds: false, sequence: where, why });
  if (noted && noted.sequence === sequence && noted.hash !== before)
    return broken(sequence, 'the anchor is not the record that was noted');
  for (let page = store.after(0, TOGETHER); page.length > 0; page = store.after(sequence, TOGETHER)) {
    // What is added meanwhile is another look's business.
    if (page[0]!.sequence > kept.sequence) break;
    for (const record of page) {
      if (record.sequence > kept.sequence && sequence === kept.sequence) break;
      if (record.sequence !== sequence + 1) {
        if (record.sequence <= sequence)
          return broken(record.sequence, 'it stands before the anchor: retention let go of it');
        return broken(sequence + 1, `it is not there: ${record.sequence} comes next`);
      }
      const { body, hash, keys } = record;
      if (hash !== hashOf(before, record.sequence, body))
        return broken(record.sequence, 'its content, its place or the record before it was changed');
      const fact = factOf(record);
      if (!isDeepStrictEqual(keys, keysOf(fact)) || Date.parse(fact.recorded) !== record.at)
        return broken(record.sequence, 'what it is found by is not what it says');
      if (record.at < at) return broken(record.sequence, 'it is older than the record before it');
      if (noted?.sequence === record.sequence && noted.hash !== hash)
        return broken(record.sequence, 'it is not the record that was noted');
      ({ sequence, at } = record);
      before = hash;
      records += 1;
    }
  }
  if (sequence < kept.sequence)
    return broken(sequence + 1, `it is not there: the trail went on to ${kept.sequence}`);
  if (before !== kept.hash) return broken(sequence, 'the end of the trail is not the one that is kept');
  if (store.head().sequence === kept.sequence && store.after(sequence, 1).length > 0)
    return broken(sequence + 1, 'it stands behind the end that is kept');
  if (noted && noted.sequence > sequence)
    return broken(sequence + 1, `it is not there: the trail went on to ${noted.sequence}, as was noted`);
  return { holds: true, records, first: (start?.sequence ?? 0) + 1, head: kept, anchors };
}
