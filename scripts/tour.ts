/** `npm run tour`: takes Observation.search from legacy to retired in about two minutes, and explains each step. */
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { failAndReturn, findBugs, fixAndReplay, forward, intoCanary, intoShadow } from './tour/acts.ts';
import { createCleaning } from './tour/cleaning.ts';
import { startClients } from './tour/clients.ts';
import { startCommands } from './tour/commands.ts';
import { report, retire } from './tour/ending.ts';
import { createTourEndpoint } from './tour/endpoint.ts';
import { gatesOf, QUICK, TOUR } from './tour/plan.ts';
import { createVoice } from './tour/say.ts';
import type { Scene } from './tour/scene.ts';
import { openStage } from './tour/stage.ts';

const ENDPOINT = 'Observation.search';
/** Six minutes a second. */
const FACTOR = 360;
/** After each act, on a terminal. */
const READING_MS = 7_000;
const HELP = `npm run tour -- [--quick] [--report FOLDER]
  --quick          less evidence for each step
  --report FOLDER  where the evidence pack is written (default: .ficus/tour)`;

const voice = createVoice((line) => console.log(line));
const cleaning = createCleaning();
const started = performance.now();

let stopped = false;

/** Ctrl-C lets go of everything too; twice, it does not wait for that. */
function endAt(signal: NodeJS.Signals, code: number): void {
  process.on(signal, () => {
    if (stopped) process.exit(code);
    stopped = true;
    voice.tell('\nStopped; whatever was started ends.');
    void cleaning.run().then(() => process.exit(code));
  });
}

async function tour(quick: boolean, folder: string): Promise<void> {
  const plan = quick ? QUICK : TOUR;
  voice.tell(
    'A simulated hospital starts, Ficus in front of it, and applications that ask for results all the time. The calendar of the evidence runs six minutes a second.',
  );
  const stage = await openStage(plan, FACTOR, cleaning);
  const story: string[] = [];
  const clients = startClients(stage.fhir, stage.patients, ENDPOINT, plan.readers);
  cleaning.add(async () => void (await clients.stop()));
  const scene: Scene = {
    plan,
    stage,
    endpoint: createTourEndpoint(stage, ENDPOINT, voice),
    voice,
    clients,
    run: startCommands(stage, voice, cleaning),
    remember: (line) => void story.push(line),
  };
  voice.tell(
    `${stage.patients.length} patients; ${plan.readers} applications, each waiting for its answers.`,
  );
  voice.tell(gatesOf(plan));
  voice.tell(
    `The commands can be typed in another terminal as well: those of "migrate" with --admin ${stage.admin}, those of "sandbox" with --control ${stage.control}.`,
  );
  for (const act of [intoShadow, findBugs, fixAndReplay, intoCanary, failAndReturn, forward, retire]) {
    await act(scene);
    if (process.stdout.isTTY && !quick) await pause(READING_MS);
  }
  const file = await report(scene, folder);
  const { sent, failed, latencyMs } = await clients.stop();
  const seconds = Math.round((performance.now() - started) / 1_000);
  voice.title(`What happened, in ${seconds} s`);
  for (const line of story) voice.point(line);
  voice.point(
    `Clients sent ${sent} searches meanwhile; ${failed} failed. Half were answered within ${latencyMs.p50.toFixed(0)} ms, 99 % within ${latencyMs.p99.toFixed(0)} ms.`,
  );
  voice.point(`The evidence pack is ${file}`);
}

/** @throws TypeError for an option that there is not */
function readOptions() {
  return parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      report: { type: 'string', default: '.ficus/tour' },
      help: { type: 'boolean', default: false },
    },
  }).values;
}

endAt('SIGINT', 130);
endAt('SIGTERM', 143);
try {
  const { help, quick, report: folder } = readOptions();
  if (help) console.log(HELP);
  else await tour(quick, folder);
} catch (error) {
  // What is stopped breaks off somewhere.
  if (!stopped) {
    const words = error instanceof Error ? error.message : String(error);
    process.stderr.write(`\nThe tour has failed: ${words}\n`);
    process.exitCode = 1;
  }
} finally {
  await cleaning.run();
}
