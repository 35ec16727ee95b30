import { setTimeout as pause } from 'node:timers/promises';
import { isFailed, tally } from './clients.ts';
import { CLINICAL, LEAD, must, signed, type Scene } from './scene.ts';
import { waitFor } from './wait.ts';

/** How long clients are listened to after a step, in milliseconds. */
const LISTEN_MS = 1_500;

/** When every patient was asked for so often, a planted bug that was not seen will not be. */
const TURNS = 30;

export async function intoShadow({ endpoint, voice, run, remember }: Scene): Promise<void> {
  voice.title('From legacy to shadow');
  voice.tell(
    `${endpoint.name} is answered by the old core, over SOAP. A new FHIR service holds the same results. In shadow Ficus asks it too, after the client has its answer, and compares. Not every service may be asked:`,
  );
  const step = ['migrate', 'promote', endpoint.name];
  const early = await run([...step, ...signed(LEAD, 'ready to be watched')]);
  if (early.ok || !early.text.includes('contract:'))
    throw new Error(`The step was not refused for want of a contract test.\n${early.text}`);
  const verify = ['migrate', 'verify', 'observations', ...signed(LEAD, 'before the shadow')];
  const verified = await must(run(verify), 'The contract tests failed.');
  await must(run([...step, ...signed(LEAD, 'contract tests are green')]), 'The shadow was refused.');
  remember(`It went into shadow when the contract tests were green (${verified}).`);
}

export async function findBugs({ plan, stage, endpoint, voice, run, remember }: Scene): Promise<void> {
  voice.title('The new service has bugs that its own tests do not know');
  const bugs = `--wrong-unit ${plan.wrongUnit} --utc-without-offset 2 --final-for-amended --other-order 5`;
  await must(run(['sandbox', 'dial', 'observations', ...bugs.split(' ')]), 'The dials were refused.');
  voice.tell(
    'Clients notice nothing: legacy answers them. A difference is read again on both sides before it counts.',
  );
  const wanted = ['valueQuantity', 'status', 'effective'];
  const grave = async () =>
    (await endpoint.diffs()).differences.filter(({ severity }) => severity === 'critical');
  const look = async () => {
    const found = await grave();
    const missing = wanted.filter((part) => !found.some(({ signature }) => signature.includes(part)));
    const compared = await endpoint.compared();
    const words = `${compared} compared, not yet seen: ${missing.join(', ')}`;
    if (missing.length > 0 && compared > TURNS * stage.patients.length) throw new Error(words);
    return { done: missing.length === 0, words };
  };
  await waitFor('differences of unit, status and time', look, voice);
  await run(['migrate', 'diffs', endpoint.name]);
  const units = (await grave()).find(({ signature }) => signature.includes('valueQuantity'));
  const [sample] = units?.samples ?? [];
  if (sample !== undefined) {
    voice.tell(
      'What is kept holds no values. The clinical owner opens a sealed sample; that she did is kept:',
    );
    const open = ['migrate', 'sample', sample, '--role', 'clinical', ...signed(CLINICAL, 'what differs')];
    await must(run(open), 'The sample was not opened.');
  }
  voice.tell('A step forward is refused, with every reason:');
  const refused = await run(['migrate', 'promote', endpoint.name, ...signed(LEAD, 'looks good')]);
  if (refused.ok || !refused.text.includes('criticals:'))
    throw new Error(`The step was not refused for critical differences.\n${refused.text}`);
  const reasons = refused.text.split('\n').filter((line) => line.trimStart().startsWith('- ')).length;
  const count = await endpoint.compared();
  remember(
    `In ${count} comparisons it showed bugs of unit, status and time; ${reasons || 1} reasons held it back.`,
  );
}

export async function fixAndReplay(scene: Scene): Promise<void> {
  const { voice, run, remember } = scene;
  voice.title('The bugs are fixed, and the same requests asked again');
  await must(run(['sandbox', 'dial', 'observations', '--clear']), 'The dials were not cleared.');
  remember(`The bugs were mended. ${await replay(scene, 'the fix')}`);
}

/** Counts anew, and begins with what clients have asked already. @returns what the command said at its end */
async function replay({ endpoint, plan, run }: Scene, reason: string): Promise<string> {
  const order = ['--fresh', '--limit', String(plan.replayed), '--per-second', '100'];
  const words = ['migrate', 'replay', endpoint.name, ...order, ...signed(LEAD, reason)];
  return (await must(run(words), 'The replay failed.')).split('\n').at(-1) ?? '';
}

export async function intoCanary({ plan, endpoint, voice, run, remember }: Scene): Promise<void> {
  voice.title('Enough evidence for a canary');
  voice.tell(
    'The bound on the rate of critical differences holds however often one looks at it. Clients go on asking, and every answer is compared.',
  );
  if (!(await endpoint.untilOpen())) throw new Error('It is held, and nobody has held it.');
  await run(['migrate', 'show', endpoint.name]);
  const count = await endpoint.compared();
  const promote = ['migrate', 'promote', endpoint.name, ...signed(LEAD, 'all gates are open')];
  await must(run(promote), 'The canary was refused.');
  remember(
    `After ${count} comparisons without a critical difference, ${plan.steps[0]} % of the patients moved.`,
  );
}

export async function failAndReturn(scene: Scene): Promise<void> {
  const { stage, endpoint, voice, run, clients, remember } = scene;
  voice.title('The new service begins to fail');
  await pause(LISTEN_MS);
  const from = clients.served.length;
  await must(run(['sandbox', 'dial', 'observations', '--5xx', '30']), 'The dial was refused.');
  voice.tell(
    'Three of ten calls fail. Nobody does anything; Ficus watches, and answers from legacy meanwhile.',
  );
  const look = async () => {
    const { route } = await endpoint.show();
    const words = `${clients.served.length - from} searches answered, still at ${route.stage}`;
    return { done: route.stage === 'shadow', words };
  };
  await waitFor('the automatic roll back', look, voice);
  const during = clients.served.slice(from);
  const { route } = await endpoint.show();
  voice.answer(route.reason);
  voice.tell('What clients got from then on:');
  voice.answer(tally(during));
  const failed = during.filter(isFailed).length;
  remember(`30 % of its calls failed: ${route.reason.replace(/^Rolled back /, 'Ficus took back ')}.`);
  remember(`Meanwhile ${during.length} searches were answered, ${failed} of them with an error.`);
  await must(run(['sandbox', 'dial', 'observations', '--clear']), 'The dials were not cleared.');
  await stage.recovered();
}

export async function forward(scene: Scene): Promise<void> {
  const { plan, voice, remember } = scene;
  voice.title('Again, in full, and on to modern');
  voice.tell(
    'Going back needed no gates. Going forward needs them all again, and evidence from after the repair; what clients asked before is a beginning of it.',
  );
  await letGo(scene);
  await replay(scene, 'the service answers again');
  await toModern(scene);
  remember(
    `It went forward again, to ${plan.steps.join(' %, ')} % and all patients, each step through all gates.`,
  );
}

/** Ficus held it before it went back: somebody has looked, and lets it go on. */
async function letGo({ endpoint, voice, run }: Scene): Promise<void> {
  if (!(await endpoint.show()).route.hold) return;
  voice.tell('Ficus has held it, so that somebody looks. Somebody has, and lets it go on:');
  const release = ['migrate', 'release', endpoint.name, ...signed(LEAD, 'the service answers again')];
  await must(run(release), 'It was not released.');
}

/** Steps that a machine in trouble may make one take again, at most. */
const MOST_STEPS = 12;

/** Steps forward through open gates, until it is modern. Whatever sends it back is looked at, and it begins again. */
export async function toModern(scene: Scene): Promise<void> {
  const { endpoint, voice, run, clients } = scene;
  for (let step = 0; (await endpoint.show()).route.stage !== 'modern'; step += 1) {
    if (step === MOST_STEPS) throw new Error('It goes back again and again.');
    if (!(await endpoint.untilOpen())) {
      await letGo(scene);
      continue;
    }
    const gates = (await endpoint.show()).next?.gates.length ?? 0;
    voice.answer(`all ${gates} gates are open, after ${await endpoint.compared()} comparisons`);
    // A gate may close between the look and the step; then it is waited for again.
    const { ok } = await run(['migrate', 'promote', endpoint.name, ...signed(LEAD, 'all gates are open')]);
    if (!ok) continue;
    const from = clients.served.length;
    await pause(LISTEN_MS);
    voice.answer(`clients since then: ${tally(clients.served.slice(from)).replaceAll('\n', ', ')}`);
  }
}
