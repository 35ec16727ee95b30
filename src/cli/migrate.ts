import type { Command } from 'commander';
import { registerBoard } from './migrate/board.ts';
import { registerDifferences } from './migrate/differences.ts';
import { registerSteps } from './migrate/steps.ts';
import { registerWrites } from './migrate/writes.ts';

/** `ficus migrate`: an endpoint's way from legacy to modern. Each command is one call of the admin API (contracts/admin-api.yaml). */
export function registerMigrate(program: Command): void {
  const migrate = program
    .command('migrate')
    .description('move an endpoint from legacy to modern, with evidence before each step and a way back');
  registerBoard(migrate);
  registerSteps(migrate);
  registerDifferences(migrate);
  registerWrites(migrate);
}
