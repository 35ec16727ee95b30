import type { AppOptions } from '../http/app.ts';
import type { Assembly } from './assembly.ts';
import { createSecurity } from './security.ts';
import type { Security, SecurityOptions } from './security.ts';

/** What is said where nobody asks for tokens. */
export const OPEN = 'Security is open: whoever reaches this address reads every record';

/** Whose tokens are believed; undefined: security is open. @throws Error for keys that cannot be used */
export function securityOf(
  { config, baseDir, secrets, contract }: Assembly,
  parts: Pick<
    SecurityOptions,
    'publicBase' | 'clock' | 'log' | 'metrics' | 'audit' | 'breakGlass' | 'revoked'
  > & {
    readonly parse: AppOptions['parseSearch'];
  },
): Security | undefined {
  if (config.security === 'open') return undefined;
  const { parse, ...others } = parts;
  return createSecurity({
    config: config.security,
    baseDir,
    secret: secrets.text,
    contract,
    parseConstraint: (type, pairs) => parse(type, pairs, 'strict'),
    sideHeader: config.migration.headers.side,
    ...others,
  });
}
