import { Option } from 'commander';
import type { Command } from 'commander';
import { hanging } from './text.ts';

/** The method and body of a call that changes something. */
export interface Change {
  readonly method: 'POST' | 'PUT' | 'DELETE';
  readonly body: object;
}

export interface AdminOption {
  readonly admin: string;
}

interface Failure {
  readonly message?: string;
  readonly reasons?: readonly string[];
}

/** Adds `--admin`, which every command that talks to a running Ficus has. */
export function withAdmin(command: Command): Command {
  const option = new Option('--admin <url>', 'address of the admin API');
  return command.addOption(option.env('FICUS_ADMIN').default('http://localhost:8081'));
}

async function request(admin: string, path: string, change?: Change): Promise<Response> {
  const address = `${admin.replace(/\/+$/, '')}${path}`;
  const response = await fetch(
    address,
    change && {
      method: change.method,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(change.body),
    },
  ).catch((error: unknown) => {
    const words = `No Ficus answers at ${admin}. Is it running? Its admin address is given with --admin, or in FICUS_ADMIN.`;
    throw new Error(words, { cause: error });
  });
  if (response.ok) return response;
  const { message, reasons = [] } = (await response.json().catch(() => ({}))) as Failure;
  const words = message ?? `The admin API answered ${response.status}.`;
  const more = reasons.filter((one) => one !== words);
  throw new Error([words, ...more.map((one) => hanging('  - ', one))].join('\n'));
}

/** Asks the admin API of a running Ficus. @throws Error with its words, every reason on a line */
export async function askAdmin<T>(admin: string, path: string, change?: Change): Promise<T> {
  return (await (await request(admin, path, change)).json()) as T;
}

/** The same for an answer that is text. */
export async function askAdminText(admin: string, path: string): Promise<string> {
  return (await request(admin, path)).text();
}
