import type { Command } from 'commander';
import { portsOf } from './ports.ts';
import { registerSandboxDial } from './sandbox-dial.ts';
import { registerSandboxFeed } from './sandbox-feed.ts';
import { registerSandboxLoad } from './sandbox-load.ts';
import { untilStopped } from './shutdown.ts';

/** `ficus sandbox`: the simulated hospital alone, for a Ficus of your own configuration; `dial`, `load` and `feed` reach a running one. */
export function registerSandbox(program: Command): void {
  const command = program
    .command('sandbox')
    .description('run the simulated hospital alone: legacy core (MLLP, SOAP), modern service, control API')
    .option('--ports <choice>', 'default or random', 'default')
    .action(async (options: { ports: string }) => {
      const ports = portsOf(options.ports);
      // Loaded here: the production image has no sandbox.
      const { MANY, startSandbox } = await import('../../sandbox/index.ts');
      const sandbox = await startSandbox({
        others: MANY,
        mllpPort: ports.mllp,
        soapPort: ports.soap,
        modernPort: ports.modern,
        controlPort: ports.control,
      });
      const { addresses, credentials } = sandbox;
      console.log(`Legacy core   ${addresses.mllp}  HL7v2`);
      console.log(`              ${addresses.soap}  SOAP, described at ${addresses.wsdl}`);
      if (credentials)
        console.log(`              user ${credentials.user}, password ${credentials.password}`);
      console.log(`Old portal    ${addresses.portal}`);
      console.log(`Modern        ${addresses.modern}  FHIR, empty until it is filled`);
      console.log(`Control       ${addresses.control}  fault dials, what was received, demo patients`);
      console.log('Ready. Ctrl-C ends it.');
      await untilStopped();
      await sandbox.close();
    });
  registerSandboxDial(command);
  registerSandboxLoad(command);
  registerSandboxFeed(command);
}
