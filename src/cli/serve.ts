import type { Command } from 'commander';
import { compose } from '../compose.ts';
import { inItsPlace, loadConfig } from '../config/load.ts';
import { untilStopped } from './shutdown.ts';

/** `ficus serve --config FILE`: runs Ficus until it is told to stop. */
export function registerServe(program: Command): void {
  program
    .command('serve')
    .description('run Ficus with a configuration file until it is told to stop')
    .requiredOption('-c, --config <file>', 'configuration (docs/configuration.md)')
    .action(async ({ config }: { config: string }) => {
      const loaded = loadConfig(config);
      const ficus = await compose(loaded).catch((error: unknown) => {
        throw inItsPlace(error, loaded);
      });
      await untilStopped();
      await ficus.stop();
    });
}
