import { Command } from 'commander';
import packageFile from '../package.json' with { type: 'json' };
import { keepObjectsYoung } from './cli/allocation.ts';
import { failureInWords } from './cli/failure.ts';

/** The commands, in the order of the help. Only what is asked for is loaded: most of them need little of Ficus. */
const COMMANDS: Readonly<Record<string, () => Promise<(program: Command) => void>>> = {
  serve: async () => (await import('./cli/serve.ts')).registerServe,
  check: async () => (await import('./cli/check.ts')).registerCheck,
  route: async () => (await import('./cli/route.ts')).registerRoute,
  map: async () => (await import('./cli/map.ts')).registerMap,
  migrate: async () => (await import('./cli/migrate.ts')).registerMigrate,
  feed: async () => (await import('./cli/feed.ts')).registerFeed,
  audit: async () => (await import('./cli/audit.ts')).registerAudit,
  security: async () => (await import('./cli/security.ts')).registerSecurity,
  sandbox: async () => (await import('./cli/sandbox.ts')).registerSandbox,
  token: async () => (await import('./cli/token.ts')).registerToken,
  start: async () => (await import('./cli/start.ts')).registerStart,
};

/** The command `ficus`. A failure is one plain message on standard error and exit code 1. */
export async function main(argv: readonly string[]): Promise<void> {
  keepObjectsYoung();
  const program = new Command('ficus')
    .description(packageFile.description)
    .version(packageFile.version)
    .showHelpAfterError();
  try {
    for (const name of namesIn(argv)) (await COMMANDS[name]!())(program);
    await program.parseAsync(argv);
  } catch (error) {
    process.stderr.write(`${failureInWords(error)}\n`);
    process.exitCode = 1;
  }
}

/** The command that is asked for; all of them where the help, or what is meant by another word, has to name them. */
function namesIn([, , word = '']: readonly string[]): readonly string[] {
  if (word === '--version' || word === '-V') return [];
  return Object.hasOwn(COMMANDS, word) ? [word] : Object.keys(COMMANDS);
}
