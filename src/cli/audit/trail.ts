import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { link } from '../../audit/chain.ts';
import { factsOf } from '../../audit/facts.ts';
import { formatReport, recordsOf, reportOf } from '../../audit/report.ts';
import type { AuditFilter } from '../../audit-ports.ts';
import { openAuditStore } from '../../store/sqlite-audit.ts';
import { placeOf, withPlace } from './place.ts';
import type { PlaceOption } from './place.ts';

interface TrailOptions extends PlaceOption {
  readonly token?: string;
  readonly request?: string;
  readonly patient?: string;
  readonly json?: true;
}

/** What is asked for. @throws Error unless it is one thing */
function askedOf({ token, request, patient }: TrailOptions): {
  readonly of: string;
  readonly filter: AuditFilter;
} {
  const asked = [
    ...(token === undefined ? [] : [{ of: `token ${token}`, filter: { tokenId: token } }]),
    ...(request === undefined ? [] : [{ of: `request ${request}`, filter: { requestId: request } }]),
    ...(patient === undefined
      ? []
      : [{ of: `patient ${patient}`, filter: { patient: patient.replace(/^Patient\//, '') } }]),
  ];
  const [one, ...more] = asked;
  if (!one || more.length > 0)
    throw new Error('Say whose trail: --token ID, --request ID or --patient ID, one of them.');
  return one;
}

/** `ficus audit trail`: what a token, a request or a patient leads to. Looking is recorded before anything is shown. */
export function registerAuditTrail(audit: Command): void {
  withPlace(audit.command('trail'))
    .description(
      'everything that was done with a token, in a request, or with a patient’s data: patients, categories, times (Markdown); recorded in the trail itself',
    )
    .option('--token <id>', 'id of a token (jti)')
    .option('--request <id>', 'X-Request-Id of an answer')
    .option('--patient <id>', 'FHIR id of a patient')
    .option('--json', 'as JSON')
    .action((file: string | undefined, options: TrailOptions) => {
      const { of, filter } = askedOf(options);
      const store = openAuditStore(placeOf(file, options), { durability: 'full' });
      try {
        const now = Date.now();
        const report = reportOf(of, recordsOf(store, filter));
        const looked = factsOf({
          kind: 'audit-read',
          outcome: 'success',
          agent: { subject: userInfo().username, client: 'ficus cli' },
          requestId: randomUUID(),
          action: 'audit.trail',
          patients: filter.patient === undefined ? [] : [filter.patient],
          references: [],
          details: {
            of: of.split(' ', 1)[0]!,
            id: of.slice(of.indexOf(' ') + 1),
            events: String(report.events),
          },
        });
        store.append((head) => link(head, looked, now));
        console.log(options.json ? JSON.stringify(report, null, 2) : formatReport(report, now).trimEnd());
      } finally {
        store.close();
      }
    });
}
