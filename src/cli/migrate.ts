import type { Command } from 'commander';
import { registerBackfill } from './migrate/backfill.ts';
import { registerBoard } from './migrate/board.ts';
import { registerDifferences } from './migrate/differences.ts';
import { registerEvidence } from './migrate/evidence.ts';
import { registerOutbox } from './migrate/outbox.ts';
import { registerReconcile } from './migrate/reconcile.ts';
import { registerRules } from './migrate/rules.ts';
import { registerSteps } from './migrate/steps.ts';

const HELP = `
A way:     verify, (backfill), promote, diffs, rule, show, promote, ..., retire
Back:      rollback, at any moment; nothing holds it back
In words:  docs/migrating-an-endpoint.md`;

/**
 * `ficus migrate`: an endpoint's way from legacy to modern. Each command is one call of the admin API
 * (contracts/admin-api.yaml).
 */
export function registerMigrate(program: Command): void {
  const migrate = program
    .command('migrate')
    .description('move an endpoint from legacy to modern, with evidence before each step and a way back')
    .addHelpText('after', HELP);
  registerBoard(migrate);
  registerSteps(migrate);
  registerDifferences(migrate);
  registerRules(migrate);
  registerEvidence(migrate);
  registerOutbox(migrate);
  registerBackfill(migrate);
  registerReconcile(migrate);
}
