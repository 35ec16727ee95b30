import { resolve } from 'node:path';
import type { Command } from 'commander';
import { demoSecret, ensureSecrets } from './demo-config.ts';
import { authorizationDir } from './developer-token.ts';
import { portsOf } from './ports.ts';
import { registerSandboxDial } from './sandbox-dial.ts';
import { registerSandboxFeed } from './sandbox-feed.ts';
import { registerSandboxLoad } from './sandbox-load.ts';
import { untilStopped } from './shutdown.ts';

interface SandboxFlags {
  readonly ports: string;
  readonly tokensFor: string;
  readonly staffTokensFor: string;
  readonly state: string;
}

/**
 * `ficus sandbox`: the simulated hospital alone, for a Ficus of your own configuration; `dial`, `load` and `feed` reach
 * a running one.
 */
export function registerSandbox(program: Command): void {
  const command = program
    .command('sandbox')
    .description(
      'run the simulated hospital alone: legacy core (MLLP, SOAP), modern service, authorization server, control API',
    )
    .option('--ports <choice>', 'default or random', 'default')
    .option('--tokens-for <url>', 'FHIR base address that tokens are for', 'http://localhost:8080/fhir/r4')
    .option(
      '--staff-tokens-for <url>',
      'admin API that tokens of the staff are for as well',
      'http://localhost:8081',
    )
    .option('--state <folder>', 'where keys and generated secrets are kept', '.ficus')
    .action(async (options: SandboxFlags) => {
      const ports = portsOf(options.ports);
      ensureSecrets(options.state);
      // Loaded here: the production image has no sandbox.
      const { MANY, startSandbox } = await import('../../sandbox/index.ts');
      const sandbox = await startSandbox({
        others: MANY,
        mllpPort: ports.mllp,
        soapPort: ports.soap,
        modernPort: ports.modern,
        controlPort: ports.control,
        authorization: {
          port: ports.authorization,
          fhirBase: () => options.tokensFor,
          adminBase: () => options.staffTokensFor,
          stateDir: authorizationDir(options.state),
          resourceServerSecret: demoSecret(options.state, 'introspection'),
        },
      });
      const { addresses, credentials } = sandbox;
      console.log(`Legacy core   ${addresses.mllp}  HL7v2`);
      console.log(`              ${addresses.soap}  SOAP, described at ${addresses.wsdl}`);
      if (credentials)
        console.log(`              user ${credentials.user}, password ${credentials.password}`);
      console.log(`Old portal    ${addresses.portal}`);
      console.log(`Modern        ${addresses.modern}  FHIR, empty until it is filled`);
      console.log(
        `Authorization ${addresses.authorization}  tokens for ${options.tokensFor}; its client "ficus" has the secret`,
      );
      console.log(`              in ${resolve(options.state, 'secrets/introspection')}`);
      console.log(`Control       ${addresses.control}  fault dials, what was received, demo patients`);
      console.log('Ready. Ctrl-C ends it.');
      await untilStopped();
      await sandbox.close();
    });
  registerSandboxDial(command);
  registerSandboxLoad(command);
  registerSandboxFeed(command);
}
