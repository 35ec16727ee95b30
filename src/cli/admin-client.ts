import { userInfo } from 'node:os';
import { Option } from 'commander';
import type { Command } from 'commander';
import { demoToken } from './admin-token.ts';
import { hanging } from './text.ts';

/** The method and body of a call that changes something. */
export interface Change {
  readonly method: 'POST' | 'PUT' | 'DELETE';
  /** `by`, where nobody is named: whoever the token is of, else the user of this terminal. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** A running Ficus, and what opens its admin API. */
export interface AdminPlace {
  readonly address: string;
  readonly token?: string;
  /** The token is the one of a demo on this machine: nobody gave another. */
  readonly ofDemo?: true;
}

export interface AdminOption {
  readonly admin: AdminPlace;
}

interface Failure {
  readonly message?: string;
  readonly reasons?: readonly string[];
}

/** Adds `--admin` and `--token`, which every command that talks to a running Ficus has. */
export function withAdmin(command: Command): Command {
  const address = new Option('--admin <url>', 'address of the admin API');
  const token = new Option('--token <token>', 'access token; default: that of a demo on this machine');
  return command
    .addOption(address.env('FICUS_ADMIN').default('http://localhost:8081'))
    .addOption(token.env('FICUS_TOKEN'))
    .hook('preAction', (_, called) => {
      const options = called.opts<{ admin: string; token?: string }>();
      const { admin: address, token: given } = options;
      const found = given === undefined ? demoToken(address) : undefined;
      const token = given ?? found;
      called.setOptionValue('admin', {
        address,
        ...(token ? { token } : {}),
        ...(found ? { ofDemo: true } : {}),
      } satisfies AdminPlace);
    });
}

function sent({ token }: AdminPlace, change: Change | undefined): RequestInit {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  if (!change) return { headers: authorization };
  const { by = token === undefined ? userInfo().username : undefined } = change.body;
  return {
    method: change.method,
    headers: { ...authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ ...change.body, by }),
  };
}

async function request(admin: AdminPlace, path: string, change?: Change): Promise<Response> {
  const address = `${admin.address.replace(/\/+$/, '')}${path}`;
  const response = await fetch(address, sent(admin, change)).catch((error: unknown) => {
    const words = `No Ficus answers at ${admin.address}. Is it running? Its admin address is given with --admin, or in FICUS_ADMIN.`;
    throw new Error(words, { cause: error });
  });
  if (response.ok) return response;
  if (response.status === 401) throw new Error(admin.token === undefined ? NO_TOKEN : OLD_TOKEN);
  const { message, reasons = [] } = (await response.json().catch(() => ({}))) as Failure;
  const words = message ?? `The admin API answered ${response.status}.`;
  const more = reasons.filter((one) => one !== words);
  const hint = response.status === 403 && admin.ofDemo ? [OTHER_ROLE] : [];
  throw new Error([words, ...more.map((one) => hanging('  - ', one)), ...hint].join('\n'));
}

const NO_TOKEN =
  'This Ficus wants to know who you are: give a token with --token, or in FICUS_TOKEN. In the sandbox `ficus token --role ROLE` gets one.';
const OTHER_ROLE = 'In the sandbox another role is --token "$(npx ficus token --role ROLE)".';
const OLD_TOKEN =
  'The token is not good here, or not any more: get one for the admin API. In the sandbox: `ficus token --role ROLE`.';

/** Asks the admin API of a running Ficus. @throws Error with its words, every reason on a line */
export async function askAdmin<T>(admin: AdminPlace, path: string, change?: Change): Promise<T> {
  return (await (await request(admin, path, change)).json()) as T;
}

/** The same for an answer that is text. */
export async function askAdminText(admin: AdminPlace, path: string): Promise<string> {
  return (await request(admin, path)).text();
}
