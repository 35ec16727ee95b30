import type { Command } from 'commander';

interface Dial {
  readonly id: string;
  readonly protocol: string;
  readonly fault: string;
}

async function ask<T>(control: string, method: string, path: string, body?: object): Promise<T> {
  const response = await fetch(`${control.replace(/\/+$/, '')}${path}`, {
    method,
    ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
  }).catch((error: unknown) => {
    throw new Error(
      `No sandbox answers at ${control}. Is it running? Its control API is given with --control.`,
      {
        cause: error,
      },
    );
  });
  const answer = (await response.json()) as T & { readonly problems?: readonly string[] };
  if (!response.ok)
    throw new Error(answer.problems?.join('; ') ?? `The control API answered ${response.status}.`);
  return answer;
}

/** `wrong-unit (percent 1)`: what is not as usual stands in brackets. */
function describe({ id, protocol, fault, ...rest }: Dial & Readonly<Record<string, unknown>>): string {
  const { parameters, after, ...limits } = rest;
  const said = Object.entries({ ...(parameters as object), ...limits, ...(after === 0 ? {} : { after }) });
  return `${id}  ${protocol}  ${fault}${said.length === 0 ? '' : ` (${said.map(([name, value]) => `${name} ${String(value)}`).join(', ')})`}`;
}

/** `ficus sandbox dial observations --5xx 30`: turns faults of a running sandbox on and off. */
export function registerSandboxDial(sandbox: Command): void {
  sandbox
    .command('dial <service> [faults...]')
    .description(
      'turn faults of a running sandbox on: core, clinical or observations; without a fault: what is on, and which there are',
    )
    .option('--control <url>', 'address of the control API', 'http://localhost:8090')
    .allowUnknownOption()
    .addHelpText(
      'after',
      '\nExamples:\n  ficus sandbox dial observations --wrong-unit 1 --final-for-amended\n  ficus sandbox dial observations --5xx 30 --for 90s\n  ficus sandbox dial observations --clear',
    )
    .action(async (service: string, faults: readonly string[], { control }: { control: string }) => {
      // Loaded here: the production image has no sandbox.
      const { describeShorthands, parseDialCommand } = await import('../../sandbox/faults/shorthand.ts');
      const { protocol, clear, dials } = parseDialCommand(service, faults);
      const on = async (): Promise<readonly Dial[]> =>
        (await ask<{ dials: Dial[] }>(control, 'GET', '/dials')).dials.filter(
          (dial) => dial.protocol === protocol,
        );
      if (clear) for (const { id } of await on()) await ask(control, 'DELETE', `/dials/${id}`);
      for (const dial of dials) await ask(control, 'POST', '/dials?replace=true', dial);
      const now = await on();
      console.log(
        now.length === 0
          ? `No dial of ${service} is on.`
          : now.map((dial) => describe({ ...dial })).join('\n'),
      );
      if (dials.length === 0 && !clear) console.log(`\nFaults:\n${describeShorthands()}`);
    });
}
