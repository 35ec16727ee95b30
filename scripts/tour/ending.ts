import { join } from 'node:path';
import { toModern } from './acts.ts';
import { RETIRE_DAYS } from './plan.ts';
import { CLINICAL, LEAD, must, signed, type Scene } from './scene.ts';
import { waitFor } from './wait.ts';

/** How fast the calendar runs for a month, and afterwards: days a second, and a minute a second. */
const [MONTH_SPEED, LAST_SPEED] = [4 * 86_400, 60];
const TRIES = 3;

export async function retire(scene: Scene): Promise<void> {
  const { endpoint, voice, run, remember } = scene;
  voice.title('A month later: retired');
  voice.tell(
    `Legacy is still there as a fallback, and still compared. After ${RETIRE_DAYS} days without a client’s call to it, it may go. The calendar now runs four days a second.`,
  );
  const step = ['migrate', 'retire', endpoint.name];
  for (let tries = 1; ; tries += 1) {
    await monthInModern(scene);
    const { ok } = await run([...step, ...signed(LEAD, 'nobody needs legacy any more')]);
    if (ok) break;
    if (tries === TRIES) throw new Error('It may not be retired.');
  }
  voice.tell('One approval is not enough, and two of one person are one:');
  if ((await run([...step, ...signed(LEAD, 'really')])).ok)
    throw new Error('One person alone has retired it.');
  await must(run([...step, ...signed(CLINICAL, 'the board agreed')]), 'The second approval was refused.');
  const { route } = await endpoint.show();
  if (route.stage !== 'retired') throw new Error(`It is at ${route.stage}, not retired.`);
  remember(`After ${RETIRE_DAYS} days without a call to legacy, ${LEAD} and ${CLINICAL} retired it.`);
}

/** Not so many days, but until the gates say so: a call that fell back to legacy begins the month anew. */
async function monthInModern(scene: Scene): Promise<void> {
  const { stage, endpoint, voice, run } = scene;
  const look = async () => {
    const { route, next } = await endpoint.show();
    const gate = next?.gates.find(({ name }) => name === 'legacy-calls');
    const words = `${gate?.words ?? `It is at ${route.stage}.`} (${await endpoint.compared()} compared)`;
    return { done: gate?.verdict === 'pass' || route.stage !== 'modern', words };
  };
  stage.calendar.speed(MONTH_SPEED);
  await waitFor('a month without a call to legacy', look, voice).finally(() => {
    stage.calendar.speed(LAST_SPEED);
  });
  if ((await endpoint.show()).route.stage !== 'modern') {
    voice.tell('Ficus took it back to shadow; it goes forward again.');
    await toModern(scene);
    return monthInModern(scene);
  }
  if (await endpoint.untilOpen()) await run(['migrate', 'show', endpoint.name]);
}

/** Writes the evidence pack. @returns the file for people */
export async function report({ endpoint, voice, run }: Scene, folder: string): Promise<string> {
  voice.title('What the change board gets');
  const file = join(folder, `${endpoint.name}.md`);
  const pack = ['migrate', 'report', endpoint.name];
  await must(run([...pack, '-o', file]), 'There is no report.');
  await must(run([...pack, '--json', '-o', join(folder, `${endpoint.name}.json`)]), 'There is no report.');
  return file;
}
