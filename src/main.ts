import { Command } from 'commander';
import packageFile from '../package.json' with { type: 'json' };
import { keepObjectsYoung } from './cli/allocation.ts';
import { registerAudit } from './cli/audit.ts';
import { registerCheck } from './cli/check.ts';
import { registerFeed } from './cli/feed.ts';
import { registerMap } from './cli/map.ts';
import { registerMigrate } from './cli/migrate.ts';
import { registerRoute } from './cli/route.ts';
import { registerSandbox } from './cli/sandbox.ts';
import { registerSecurity } from './cli/security.ts';
import { registerServe } from './cli/serve.ts';
import { registerStart } from './cli/start.ts';
import { registerToken } from './cli/token.ts';

/** The command `ficus`. A failure is one plain message on standard error and exit code 1. */
export async function main(argv: readonly string[]): Promise<void> {
  keepObjectsYoung();
  const program = new Command('ficus')
    .description(packageFile.description)
    .version(packageFile.version)
    .showHelpAfterError();
  for (const register of [
    registerServe,
    registerCheck,
    registerRoute,
    registerMap,
    registerMigrate,
    registerFeed,
    registerAudit,
    registerSecurity,
    registerSandbox,
    registerToken,
    registerStart,
  ]) {
    register(program);
  }
  try {
    await program.parseAsync(argv);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
