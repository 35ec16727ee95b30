/** `npm run tour`: takes Observation.search from legacy to retired in about two minutes, and explains each step. */
import { resolve } from 'node:path';
import {
  failAndReturn,
  findBugs,
  fixAndReplay,
  forward,
  intoCanary,
  intoShadow,
  report,
  retire,
  ENDPOINT,
} from './tour/acts.ts';
import { createTourEndpoint } from './tour/endpoint.ts';
import { createVoice } from './tour/say.ts';
import { openStage } from './tour/stage.ts';

/** Six minutes a second. */
const FACTOR = 360;

const voice = createVoice((line) => console.log(line));
const started = performance.now();
voice.tell(
  'A hospital, Ficus in front of it, and applications that ask; the calendar of the evidence runs fast.',
);
const stage = await openStage(FACTOR);
try {
  const rate = await stage.comfortable();
  voice.tell(`${stage.patients} patients; ${rate} searches a second from now on.`);
  const load = stage.beginLoad(rate);
  const scene = { stage, voice, endpoint: createTourEndpoint(stage, ENDPOINT, voice), served: load.served };
  for (const act of [intoShadow, findBugs, fixAndReplay, intoCanary, failAndReturn, forward, retire])
    await act(scene);
  await report(scene, resolve('.ficus/tour'));
  const { sent, failed, latencyMs } = await load.stop();
  const seconds = Math.round((performance.now() - started) / 1_000);
  voice.tell(
    `\nDone in ${seconds} s. Clients sent ${sent} searches; ${failed} failed; half were answered within ${latencyMs.p50.toFixed(0)} ms, 99 % within ${latencyMs.p99.toFixed(0)} ms.`,
  );
} finally {
  await stage.close();
}
