import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { ApiDocument } from '../../http/admin-contract.ts';

/** contracts/admin-api.yaml. */
export function loadAdminDocument(): ApiDocument {
  return parse(
    readFileSync(new URL('../../../contracts/admin-api.yaml', import.meta.url), 'utf8'),
  ) as ApiDocument;
}
