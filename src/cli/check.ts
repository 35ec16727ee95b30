import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { HOME } from '../compose.ts';
import { rehearse } from '../compose/rehearse.ts';
import { inItsPlace, loadConfig } from '../config/load.ts';
import { loadContract } from '../contract/load.ts';

/** `ficus check`: everything that can be said about a configuration, or a contract, without starting. */
export function registerCheck(program: Command): void {
  program
    .command('check')
    .description('check a configuration with its contract, mappings and secrets, or a contract alone')
    .option('-c, --config <file>', 'configuration to check')
    .option('--contract [file]', 'contract to check; without a file, the one that comes with Ficus')
    .action(async (options: { config?: string; contract?: string | true }) => {
      if (options.config === undefined && options.contract === undefined) {
        throw new Error('Say what to check: --config FILE or --contract [FILE].');
      }
      if (options.contract !== undefined) {
        const file = options.contract === true ? resolve(HOME, 'contracts/fhir-r4.yaml') : options.contract;
        const contract = loadContract(readFileSync(file, 'utf8'), file);
        console.log(
          `Contract ${contract.title} ${contract.version}: ${contract.resources.size} resources, no problem.`,
        );
      }
      if (options.config !== undefined) {
        const loaded = loadConfig(options.config);
        const report = await rehearse(loaded).catch((error: unknown) => {
          throw inItsPlace(error, loaded);
        });
        console.log(`Configuration ${options.config}: no problem. ${report}`);
      }
    });
}
