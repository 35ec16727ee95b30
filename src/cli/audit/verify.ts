import type { Command } from 'commander';
import { verifyTrail } from '../../audit/verify.ts';
import type { Verdict } from '../../audit/verify.ts';
import type { AuditHead } from '../../audit-ports.ts';
import { readAuditStore } from '../../store/sqlite-audit.ts';
import { many, momentOf } from '../text.ts';
import { placeOf, withPlace } from './place.ts';
import type { PlaceOption } from './place.ts';

interface VerifyOptions extends PlaceOption {
  readonly head?: string;
  readonly json?: true;
}

/** A head as it is noted: `1234:9f2c…`. @throws Error */
function headOf(text: string): Pick<AuditHead, 'sequence' | 'hash'> {
  const [, sequence, hash] = /^(\d+):([0-9a-f]{64})$/.exec(text) ?? [];
  if (sequence === undefined || hash === undefined)
    throw new Error('A head is written as `ficus audit verify` shows it: NUMBER:HASH.');
  return { sequence: Number(sequence), hash };
}

function wordsOf(verdict: Verdict, file: string): string {
  if (!verdict.holds)
    return `${file} is BROKEN at record ${verdict.sequence}: ${verdict.why}. What stands before it is as it was written.`;
  const { records, first, head, anchors } = verdict;
  return [
    `${file} is whole: ${many(records, 'record')} from number ${first} on, each linked to the one before it.`,
    ...anchors.map(
      ({ count, sequence, to, at }) =>
        `Retention let go of ${many(count, 'record')} up to number ${sequence} on ${momentOf(at)}; the last was of ${momentOf(to)}.`,
    ),
    `Head ${head.sequence}:${head.hash}. Note it elsewhere: with --head it shows that nothing was cut off since.`,
  ].join('\n');
}

/** `ficus audit verify`. */
export function registerAuditVerify(audit: Command): void {
  withPlace(audit.command('verify'))
    .description('look at every link of the trail; exit code 1, and the first number that is broken')
    .option('--head <number:hash>', 'a head that was noted earlier')
    .option('--json', 'as JSON')
    .action((file: string | undefined, options: VerifyOptions) => {
      const place = placeOf(file, options);
      const noted = options.head === undefined ? undefined : headOf(options.head);
      const store = readAuditStore(place);
      try {
        const verdict = verifyTrail(store, noted);
        console.log(options.json ? JSON.stringify(verdict, null, 2) : wordsOf(verdict, place));
        if (!verdict.holds) process.exitCode = 1;
      } finally {
        store.close();
      }
    });
}
