import type { Logger } from '../ports.ts';
import type { Loss, LossKind } from './run.ts';

/** What was said and is not what it must be: worth a line in the log. The others are said in the mapping. */
const WRONG: readonly LossKind[] = [
  'invalid',
  'unknown-code',
  'unknown-system',
  'unknown-authority',
  'unmapped',
  'no-room',
];

/** Logs which values of a legacy system's records could not be read: where and how often, never what they are. */
export function logLostValues(resourceType: string, losses: readonly Loss[], log: Logger): void {
  const counts = new Map<string, number>();
  for (const { kind, path } of losses) {
    if (!WRONG.includes(kind)) continue;
    const what = `${kind} ${path.replaceAll(/\[\d+\]/g, '')}`;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  for (const [reason, count] of counts)
    log.warn('a value of a legacy record was not read', { resourceType, reason, count });
}
