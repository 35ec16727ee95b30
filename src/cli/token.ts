import type { Command } from 'commander';
import { developerToken, revokeToken } from './developer-token.ts';
import type { TokenWish } from './developer-token.ts';

interface TokenFlags extends Omit<TokenWish, 'seconds'> {
  readonly expires: string;
  readonly state: string;
  readonly header?: boolean;
  readonly revoke?: string;
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600 };

/** `5m` is 300 seconds. @throws Error */
export function secondsOf(text: string): number {
  const [, digits, unit = 's'] = /^([1-9]\d{0,5})([smh]?)$/.exec(text) ?? [];
  if (digits === undefined) throw new Error(`--expires takes a time such as 90s, 5m or 1h, not "${text}".`);
  return Number(digits) * (SECONDS[unit || 's'] ?? 1);
}

/** `ficus token`: a token of the sandbox for whoever tries an API call. */
export function registerToken(program: Command): void {
  program
    .command('token')
    .description(
      'get an access token of the running sandbox; without options one of a clinician. Hospitals have no such shortcut',
    )
    .option('--scope <scopes>', 'e.g. "user/Observation.rs", or "system/*.rs" for a machine')
    .option('--patient <patient>', 'id, number or name: a token of that patient, for their record')
    .option('--user <user>', 'id or name of a user of the sandbox')
    .option('--role <role>', 'role at Ficus itself, e.g. privacy-officer')
    .option('--client <id>', 'registered client that it is for')
    .option('--expires <time>', 'how long it is good', '1h')
    .option('--header', 'as a header line, for a file that curl reads with -H @FILE')
    .option('--revoke <token>', 'take a token back instead')
    .option('--state <folder>', 'where the sandbox keeps its state', '.ficus')
    .action(async (flags: TokenFlags) => {
      const { expires, state, header, revoke, ...wish } = flags;
      if (revoke !== undefined) return revokeToken(state, revoke);
      const token = await developerToken(state, { ...wish, seconds: secondsOf(expires) });
      console.log(header ? `Authorization: Bearer ${token}` : token);
    });
}
