import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { KeptConsent } from '../../privacy-ports.ts';
import { askAdmin, withAdmin } from '../admin-client.ts';
import type { AdminOption } from '../admin-client.ts';
import { hanging, momentOf } from '../text.ts';

interface Answer {
  readonly enforced: boolean;
}

const NOT_ENFORCED = 'Security is open: consents are kept, but bind nobody.';

function formatConsent({ id, version, patient, resource, by, at }: KeptConsent): string {
  const state = resource['status'] === 'active' ? 'in force' : 'withdrawn';
  const words = `${state}, version ${version}, set by ${by} at ${momentOf(at)}`;
  return `${id}  Patient/${patient}\n${hanging('    ', words)}`;
}

/** @throws Error for a file that is not there, or is no JSON */
function readConsent(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Error(`${file} cannot be read (${String((cause as NodeJS.ErrnoException).code)}).`, { cause });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    // Its words would quote the document.
    throw new Error(`${file} is no JSON: a FHIR R4 Consent is wanted.`, { cause });
  }
}

/** `ficus security consents list|set`. */
export function registerConsents(security: Command): void {
  const consents = security.command('consents').description('what patients consent to');
  withAdmin(consents.command('list', { isDefault: true }))
    .description('every consent as it is now')
    .option('--patient <id>', 'of one patient, by logical id')
    .option('--json', 'as JSON')
    .action(async ({ admin, patient, json }: AdminOption & { patient?: string; json?: true }) => {
      const query = new URLSearchParams(patient === undefined ? {} : { patient });
      const found = await askAdmin<Answer & { consents: KeptConsent[] }>(
        admin,
        `/security/consents?${query.toString()}`,
      );
      if (json) console.log(JSON.stringify(found, null, 2));
      else {
        for (const consent of found.consents) console.log(formatConsent(consent));
        if (found.consents.length === 0) console.log('There are none.');
        if (!found.enforced) console.log(NOT_ENFORCED);
      }
    });
  withAdmin(consents.command('set <id> <file>'))
    .description('set a consent from a file with a FHIR R4 Consent, or withdraw it (status inactive)')
    .option('--by <name>', 'who, where no token says so; default: the user of this terminal')
    .option('--json', 'as JSON')
    .action(async (id: string, file: string, options: AdminOption & { by?: string; json?: true }) => {
      const { admin, by, json } = options;
      const body = { consent: readConsent(file), ...(by === undefined ? {} : { by }) };
      const path = `/security/consents/${encodeURIComponent(id)}`;
      const kept = await askAdmin<Answer & { consent: KeptConsent }>(admin, path, { method: 'PUT', body });
      if (json) console.log(JSON.stringify(kept, null, 2));
      else {
        console.log(formatConsent(kept.consent));
        if (!kept.enforced) console.log(NOT_ENFORCED);
      }
    });
}
