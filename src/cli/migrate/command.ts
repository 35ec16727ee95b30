import { userInfo } from 'node:os';
import type { Command } from 'commander';

export interface AdminOption {
  readonly admin: string;
}

/** Who asks, and why: what every change is signed with. */
export interface SignedOptions extends AdminOption {
  readonly by: string;
  readonly reason: string;
}

export function withAdmin(command: Command): Command {
  return command.option('--admin <url>', 'address of the admin API', 'http://localhost:8081');
}

export function signed(command: Command): Command {
  return withAdmin(command)
    .option('--by <name>', 'who', userInfo().username)
    .requiredOption('--reason <text>', 'why; kept in the history');
}

/** Address of an endpoint's part of the admin API. */
export const pathOf = (endpoint: string, part = ''): string =>
  `/migration/${encodeURIComponent(endpoint)}${part === '' ? '' : `/${part}`}`;

/** A number of an option. @throws Error naming the option */
export function numberOption(name: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value))
      throw new Error(`--${name} takes a number, not "${text}".`);
    return value;
  };
}

/** Adds one value to those that an option has already. */
export const collect = (value: string, before: readonly string[] = []): string[] => [...before, value];
