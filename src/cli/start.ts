import { dirname, join, resolve } from 'node:path';
import { Writable } from 'node:stream';
import type { Command } from 'commander';
import { compose } from '../compose.ts';
import type { Ficus } from '../compose.ts';
import { createLogger } from '../log.ts';
import type { LogLevel } from '../log.ts';
import { demoConfig, demoSecret, ensureSecrets } from './demo-config.ts';
import type { DemoPatient } from './demo-data.ts';
import { welcomePeople } from './demo-people.ts';
import { keepDemoTokens } from './demo-tokens.ts';
import type { DemoTokens } from './demo-tokens.ts';
import { authorizationDir } from './developer-token.ts';
import { portsOf } from './ports.ts';
import { untilStopped } from './shutdown.ts';
import { hanging } from './text.ts';

interface StartOptions {
  readonly ports: string;
  readonly state: string;
  readonly log: LogLevel;
}

/** How many patients the first screen shows. */
const SHOWN = 6;

/** A booking in the next week, as one line for a shell. */
function booking(patient: DemoPatient): string {
  const day = new Date(Date.now() + 7 * 86_400_000).toISOString().slice(0, 10);
  return JSON.stringify({
    resourceType: 'Appointment',
    status: 'booked',
    start: `${day}T09:30:00+01:00`,
    end: `${day}T09:45:00+01:00`,
    participant: [{ actor: { reference: `Patient/${patient.id}` }, status: 'accepted' }],
  });
}

function welcome(
  ficus: Ficus,
  addresses: Record<string, string>,
  patients: readonly DemoPatient[],
  all: number,
  header: string,
): string {
  const { publicBase, adminBase, feedPorts } = ficus;
  const feeds = Object.values(feedPorts);
  const [first] = patients;
  // The commands look for tokens in `.ficus`.
  const usual = header === join('.ficus', 'token');
  const state = usual ? '' : ` --state '${dirname(header)}'`;
  const key = usual ? '' : ` --token "$(cat '${join(dirname(header), 'admin-token')}')"`;
  if (!first) throw new Error('No demo patient was found through Ficus.');
  const names = patients
    .slice(0, SHOWN)
    .map(({ id, name, about }) => `  ${publicBase}/Patient/${id}\n${hanging('      ', `${name}: ${about}`)}`);
  return [
    '',
    `FHIR API        ${publicBase}`,
    `Admin API       ${adminBase}  (/healthz, /readyz, /metrics, /routes)`,
    `Authorization   ${addresses['authorization']}  (sign in as anyone of the sandbox)`,
    `                ${addresses['authorization']}/ehr  (launches apps)`,
    `Legacy core     ${addresses['mllp']}  (HL7v2)`,
    `                ${addresses['soap']}  (SOAP)`,
    `Modern service  ${addresses['modern']}  (Observations, under the core's ids)`,
    `Old portal      ${publicBase.replace('/fhir/r4', '/portal/')} (passed through)`,
    `Fault dials     ${addresses['control']}`,
    `Event feed      ${feeds.map((port) => `mllp://localhost:${port}`).join(', ')}  (what the core pushes: ADT, ORU, ...)`,
    '',
    `Some of the ${all} patients:`,
    ...names,
    '',
    hanging(
      '',
      'Read a patient out of the HL7v2 core; read results through SOAP; book an appointment through SOAP:',
    ),
    '',
    `  curl -H '@${header}' '${publicBase}/Patient/${first.id}'`,
    `  curl -H '@${header}' '${publicBase}/Observation?patient=${first.id}&_count=2'`,
    `  curl -H '@${header}' -X POST '${publicBase}/Appointment' -H 'content-type: application/fhir+json' -d '${booking(first)}'`,
    '',
    hanging(
      '',
      `${header} has a clinician's token, renewed while this runs. Another one, of a patient for their own record, or of a program:`,
    ),
    '',
    `  npx ficus token --patient '${first.name}'${state}`,
    `  npx ficus token --scope 'system/Observation.rs' --expires 5m${state}`,
    '',
    hanging(
      '',
      'Observation.read and Observation.create are answered by the modern service, Observation.search by the core. Move it, and back:',
    ),
    '',
    `  npx ficus route set Observation.search modern --admin ${adminBase}${key}`,
    `  npx ficus route set Observation.search legacy --admin ${adminBase}${key}`,
    '',
    'Let the core push a day of the hospital, and see what became of it:',
    '',
    `  npx ficus sandbox feed --duplicates 5 --late 2 --broken 1 --rate 200 --to localhost:${feeds[0]}`,
    `  npx ficus feed status --admin ${adminBase}${key}`,
    '',
    hanging(
      '',
      'Ready. Below is the log: each line carries the request id and the HL7v2 message or SOAP call it caused. Ctrl-C ends it.',
    ),
  ].join('\n');
}

async function start(options: StartOptions): Promise<void> {
  const ports = portsOf(options.ports);
  const stateDir = resolve(options.state);
  const password = ensureSecrets(stateDir);
  // Loaded here: the production image has no sandbox.
  const { MANY, startSandbox } = await import('../../sandbox/index.ts');
  let running: Ficus | undefined;
  const sandbox = await startSandbox({
    others: MANY,
    mllpPort: ports.mllp,
    soapPort: ports.soap,
    modernPort: ports.modern,
    controlPort: ports.control,
    security: { user: 'ficus', password },
    authorization: {
      port: ports.authorization,
      // Known once Ficus listens; nobody gets a token before.
      fhirBase: () => running?.publicBase ?? '',
      adminBase: () => running?.adminBase ?? '',
      stateDir: authorizationDir(stateDir),
      resourceServerSecret: demoSecret(stateDir, 'introspection'),
    },
  });
  try {
    const { addresses } = sandbox;
    // The log begins after the welcome: what Ficus does to fill the demo is not what the reader asked for.
    let opened = false;
    const output = new Writable({
      write: (chunk: Buffer, _, done) => {
        if (opened) process.stdout.write(chunk, done);
        else done();
      },
    });
    const log = createLogger({ level: options.log, stream: output });
    const stopping = new AbortController();
    const ficus = await compose(demoConfig(addresses, stateDir, ports), { log });
    running = ficus;
    let tokens: DemoTokens | undefined;
    try {
      tokens = await keepDemoTokens(stateDir, log);
      const { named, count } = await welcomePeople(ficus, addresses, log, stopping.signal);
      opened = true;
      console.log(welcome(ficus, { ...addresses }, named, count, tokens.headerFile));
      await untilStopped();
    } finally {
      tokens?.stop();
      stopping.abort();
      await ficus.stop();
    }
  } finally {
    await sandbox.close();
  }
}

/** `ficus start`: what `npm start` runs. */
export function registerStart(program: Command): void {
  program
    .command('start')
    .description('run Ficus in front of a simulated hospital, to try it')
    .option('--ports <choice>', 'default (8080 and its neighbours) or random', 'default')
    .option('--state <folder>', 'where state and generated secrets are kept', '.ficus')
    .option('--log <level>', 'debug, info, warn, error or silent', 'info')
    .action(start);
}
