import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { withAdmin } from '../admin-client.ts';
import type { AdminOption } from '../admin-client.ts';

/** Who asks, and why: what every change is signed with. */
export interface SignedOptions extends AdminOption {
  readonly by?: string;
  readonly reason: string;
}

export function signed(command: Command): Command {
  return withAdmin(command)
    .option('--by <name>', 'who, where no token says so; default: the user of this terminal')
    .addOption(needed('--reason <text>', 'why; kept').argParser(sayWhy));
}

function sayWhy(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('Say why.');
  return text;
}

/** An option that has to be given, and says so in the help. */
export const needed = (flags: string, words: string): Option =>
  new Option(flags, `${words} (needed)`).makeOptionMandatory();

/** Address of an endpoint's part of the admin API. */
export const pathOf = (endpoint: string, part = ''): string =>
  `/migration/${encodeURIComponent(endpoint)}${part === '' ? '' : `/${part}`}`;

/** A number of an option. */
export function aNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It takes a number.');
  return value;
}

/** Adds one value to those that an option has already. */
export const collect = (value: string, before: readonly string[] = []): string[] => [...before, value];
