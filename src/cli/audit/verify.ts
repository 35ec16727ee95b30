import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { link } from '../../audit/chain.ts';
import { factsOf } from '../../audit/facts.ts';
import { nameFaults, summaryOf } from '../../audit/names.ts';
import type { NameFault, NamesVerdict } from '../../audit/names.ts';
import { verifyTrail } from '../../audit/verify.ts';
import type { Verdict } from '../../audit/verify.ts';
import type { AuditHead } from '../../audit-ports.ts';
import { mendAuditNames } from '../../store/sqlite-audit-names.ts';
import { openAuditStore, readAuditStore } from '../../store/sqlite-audit.ts';
import { many, momentOf } from '../text.ts';
import { placeOf, withPlace } from './place.ts';
import type { PlaceOption } from './place.ts';

interface VerifyOptions extends PlaceOption {
  readonly head?: string;
  readonly reindex?: true;
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

interface Looked {
  readonly verdict: Verdict;
  /** Where the index differs from the records; nobody knows where the chain is broken. */
  readonly faults: readonly NameFault[];
  readonly names: NamesVerdict;
}

/** @throws Error for a file that is no trail */
function look(place: string, noted: ReturnType<typeof headOf> | undefined): Looked {
  const store = readAuditStore(place);
  try {
    const verdict = verifyTrail(store, noted);
    const faults = verdict.holds ? [...nameFaults(store, store.names)] : [];
    return { verdict, faults, names: summaryOf(faults) };
  } finally {
    store.close();
  }
}

/** Mends the index; that somebody did is in the trail before. */
function mend(place: string, faults: readonly NameFault[]): void {
  const { lacks, tooMany } = summaryOf(faults);
  const store = openAuditStore(place, { durability: 'full' });
  try {
    const facts = factsOf({
      kind: 'admin',
      outcome: 'success',
      agent: { subject: userInfo().username, client: 'ficus cli' },
      requestId: randomUUID(),
      action: 'audit.reindex',
      patients: [],
      references: [],
      details: { added: String(lacks), removed: String(tooMany) },
    });
    store.append((head) => link(head, facts, Date.now()));
  } finally {
    store.close();
  }
  mendAuditNames(place, faults);
}

const FAULT_WORDS: Readonly<Record<NameFault['fault'], string>> = {
  lacks: 'lacks',
  'too-many': 'is too many',
};

function wordsOfNames({ lacks, tooMany, examples }: NamesVerdict, mended: boolean): string[] {
  if (examples.length === 0) return [];
  const more = lacks + tooMany - examples.length;
  return [
    `What its records are found by was not as they say: ${many(lacks, 'row')} lacked, ${many(tooMany, 'row')} too many.`,
    ...examples.map(({ fault, name, sequence }) => `  record ${sequence}: ${name} ${FAULT_WORDS[fault]}`),
    ...(more > 0 ? [`  and ${many(more, 'other')}`] : []),
    mended
      ? 'It is now.'
      : '`ficus audit verify --reindex` mends it; searches by them may have missed records.',
  ];
}

/** `ficus audit verify`. */
export function registerAuditVerify(audit: Command): void {
  withPlace(audit.command('verify'))
    .description(
      'look at every link of the trail, and at what its records are found by; exit code 1, and the first number that is broken',
    )
    .option('--head <number:hash>', 'a head that was noted earlier')
    .option(
      '--reindex',
      'mend what its records are found by, where it is not as they say; the trail itself stays as it is',
    )
    .option('--json', 'as JSON')
    .action((file: string | undefined, options: VerifyOptions) => {
      const place = placeOf(file, options);
      const noted = options.head === undefined ? undefined : headOf(options.head);
      const looked = look(place, noted);
      const { verdict, faults } = looked;
      const mended = options.reindex === true && verdict.holds && faults.length > 0;
      if (mended) mend(place, faults);
      const { names } = looked;
      if (options.json) console.log(JSON.stringify({ ...verdict, names, mended }, null, 2));
      else console.log([wordsOf(verdict, place), ...wordsOfNames(names, mended)].join('\n'));
      if (!verdict.holds || (faults.length > 0 && !mended)) process.exitCode = 1;
    });
}
