import { randomUUID } from 'node:crypto';
import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { Option } from 'commander';
import type { Command } from 'commander';
import { link } from '../../audit/chain.ts';
import { ACCOUNTED, disclosuresCsv, disclosuresOf } from '../../audit/disclosures.ts';
import type { Disclosure } from '../../audit/disclosures.ts';
import { factsOf } from '../../audit/facts.ts';
import { recordsOf } from '../../audit/report.ts';
import type { AuditFilter, AuditStore } from '../../audit-ports.ts';
import { openAuditStore } from '../../store/sqlite-audit.ts';
import { many } from '../text.ts';
import { placeOf, withPlace } from './place.ts';
import type { PlaceOption } from './place.ts';

interface DisclosuresOptions extends PlaceOption {
  readonly token?: string;
  readonly patient?: string;
  readonly from?: string;
  readonly to?: string;
  readonly format: 'csv' | 'json';
  readonly out: string;
}

const DAY_MS = 86_400_000;

/** A day, or an instant, in epoch milliseconds. @throws Error @param last of a day its end */
function timeOf(text: string, last: boolean): number {
  const time = Date.parse(text);
  if (Number.isNaN(time) || !/^\d{4}-\d\d-\d\d/.test(text))
    throw new Error(`"${text}" is neither a day (2026-03-01) nor an instant (2026-03-01T08:00:00Z).`);
  return last && text.length === 10 ? time + DAY_MS - 1 : time;
}

/** @throws Error unless it is of one patient, or of one token */
function filterOf({ token, patient, from, to }: DisclosuresOptions): AuditFilter {
  if ((token === undefined) === (patient === undefined))
    throw new Error('Say whose disclosures: --patient ID or --token ID, one of them.');
  return {
    ...(token === undefined ? {} : { tokenId: token }),
    ...(patient === undefined ? {} : { patient: patient.replace(/^Patient\//, '') }),
    ...(from === undefined ? {} : { from: timeOf(from, false) }),
    ...(to === undefined ? {} : { to: timeOf(to, true) }),
  };
}

/** Says in the trail who takes an account of whose data: one event for each patient. */
function recordExport(
  store: AuditStore,
  filter: AuditFilter,
  found: readonly Disclosure[],
  format: DisclosuresOptions['format'],
): void {
  const { patient, tokenId, from, to } = filter;
  const patients = patient === undefined ? found.map((one) => one.patient) : [patient];
  const facts = factsOf({
    kind: 'export',
    outcome: 'success',
    agent: { subject: userInfo().username, client: 'ficus cli' },
    requestId: randomUUID(),
    action: ACCOUNTED,
    patients,
    references: [],
    details: {
      ...(tokenId === undefined ? {} : { token: tokenId }),
      ...(from === undefined ? {} : { from: new Date(from).toISOString() }),
      ...(to === undefined ? {} : { to: new Date(to).toISOString() }),
      disclosures: String(found.length),
      format,
    },
  });
  store.append((head) => link(head, facts, Date.now()));
}

/**
 * `ficus audit disclosures`: to whom data was given, as a file. That it was made is recorded before a byte of it is
 * written.
 */
export function registerAuditDisclosures(audit: Command): void {
  withPlace(audit.command('disclosures'))
    .description(
      'to whom a patient’s data was given, or what a token was given: who, when, which data, for which purpose; written to a new file, and recorded in the trail as an export',
    )
    .option('--patient <id>', 'FHIR id of a patient')
    .option('--token <id>', 'id of a token (jti): of every patient whose data it was given')
    .option('--from <time>', 'a day, or an instant, in UTC')
    .option('--to <time>', 'a day (to its end), or an instant, in UTC')
    .addOption(new Option('--format <format>', 'what is written').choices(['csv', 'json']).default('csv'))
    .requiredOption('--out <file>', 'file that is made; one that is there is left alone')
    .action((file: string | undefined, options: DisclosuresOptions) => {
      const { format, out } = options;
      const filter = filterOf(options);
      const store = openAuditStore(placeOf(file, options), { durability: 'full' });
      try {
        const found = disclosuresOf(recordsOf(store, filter), filter.patient);
        const text = format === 'csv' ? disclosuresCsv(found) : `${JSON.stringify(found, null, 2)}\n`;
        // For whoever runs this alone, like the trail itself.
        const made = openSync(out, 'wx', 0o600);
        try {
          recordExport(store, filter, found, format);
          writeFileSync(made, text);
        } catch (error) {
          rmSync(out);
          throw error;
        } finally {
          closeSync(made);
        }
        const patients = new Set(found.map(({ patient }) => patient)).size;
        console.log(
          `${out}: ${many(found.length, 'disclosure')} of the data of ${many(patients, 'patient')}. The trail tells of it.`,
        );
      } finally {
        store.close();
      }
    });
}
