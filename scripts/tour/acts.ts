import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { TourEndpoint } from './endpoint.ts';
import type { Voice } from './say.ts';
import type { Served, TourStage } from './stage.ts';

/** What every act has at hand. */
export interface Scene {
  readonly stage: TourStage;
  readonly endpoint: TourEndpoint;
  readonly voice: Voice;
  /** How clients were answered so far. */
  readonly served: readonly Served[];
}

export const ENDPOINT = 'Observation.search';
/** Most seconds that the gates of one step take: evidence of a few thousand calls. */
const PATIENCE = 120;

function tally(served: readonly Served[]): string {
  const counts = new Map<string, number>();
  for (const { status, by } of served) {
    const name = `${status} from ${by}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, count]) => `${count} × ${name}`)
    .join('\n');
}

export async function intoShadow({ stage, endpoint, voice }: Scene): Promise<void> {
  voice.title('From legacy to shadow');
  voice.tell(
    `${ENDPOINT} is answered by the old core over SOAP. The new service holds the same results. The first step only lets Ficus ask it too, after the client has its answer; still, it has to be a FHIR service that keeps the contract.`,
  );
  if (await endpoint.promote('mira', 'ready to be watched'))
    throw new Error('The step was taken without a contract test.');
  voice.command('ficus migrate verify observations --by mira --reason "before the shadow"');
  const checked = await stage.admin<{ passed: number; failed: { name: string; words: string }[] }>(
    '/migration/backends/observations/verify',
    { by: 'mira', reason: 'before the shadow' },
  );
  voice.answer(
    [
      `${checked.passed} passed, ${checked.failed.length} failed`,
      ...checked.failed.map(({ name, words }) => `${name}: ${words}`),
    ].join('\n'),
  );
  if (!(await endpoint.promote('mira', 'contract tests are green')))
    throw new Error('The shadow was refused.');
}

export async function findBugs({ stage, endpoint, voice }: Scene): Promise<void> {
  voice.title('The new service has bugs that its own tests do not know');
  const bugs = 'observations --wrong-unit 1 --utc-without-offset 2 --final-for-amended --other-order 5';
  voice.command(`ficus sandbox dial ${bugs}`);
  await stage.dial(bugs);
  voice.tell(
    'Clients notice nothing: legacy answers them. Ficus compares, and reads a difference twice before it counts it.',
  );
  const grave = async () =>
    (await endpoint.diffs()).differences.filter(({ severity }) => severity === 'critical');
  await endpoint.until('critical differences of unit, status and time', PATIENCE, async () => {
    const text = (await grave()).map(({ signature }) => signature).join(' ');
    return ['valueQuantity', 'status', 'effective'].every((part) => text.includes(part));
  });
  voice.command(`ficus migrate diffs ${ENDPOINT}`);
  const { differences } = await endpoint.diffs();
  voice.answer(
    differences
      .map(
        ({ severity, count, signature }) =>
          `${severity.padEnd(9)}${String(count).padStart(4)} × ${signature}`,
      )
      .join('\n'),
  );
  await openSamples({ stage, voice }, differences);
  voice.tell('A step forward is refused, with every reason:');
  if (await endpoint.promote('mira', 'looks good'))
    throw new Error('The gates let critical differences pass.');
}

/** One sample of each critical difference, opened by the clinical owner, as sentences. */
async function openSamples(
  { stage, voice }: Pick<Scene, 'stage' | 'voice'>,
  differences: readonly { readonly severity: string; readonly samples: readonly string[] }[],
): Promise<void> {
  const ids = differences.flatMap(({ severity, samples }) =>
    severity === 'critical' ? samples.slice(0, 1) : [],
  );
  if (ids.length === 0) return;
  voice.tell('The clinical owner opens a sealed sample of each; that she did is kept:');
  const sentences = new Set<string>();
  for (const id of new Set(ids)) {
    const opened = await stage.admin<{ sentences: string[] }>(`/migration/samples/${id}/open`, {
      by: 'laboratory',
      role: 'clinical',
      reason: 'to see what differs',
    });
    for (const sentence of opened.sentences) sentences.add(sentence);
  }
  voice.answer([...sentences].slice(0, 6).join('\n'));
}

export async function fixAndReplay({ stage, endpoint, voice }: Scene): Promise<void> {
  voice.title('The bugs are fixed, and the same requests asked again');
  voice.command('ficus sandbox dial observations --clear');
  await stage.dial('observations --clear');
  voice.command(`ficus migrate replay ${ENDPOINT} --fresh --by mira --reason "the fix"`);
  const { id } = await stage.admin<{ id: string }>(`/migration/${ENDPOINT}/replay`, {
    by: 'mira',
    reason: 'the fix',
    fresh: true,
    limit: 500,
    perSecond: 200,
  });
  await endpoint.until('the replay', PATIENCE, async () => {
    const { state } = await stage.admin<{ state: string }>(`/migration/replays/${id}`);
    return state !== 'running';
  });
  const { comparisons } = await endpoint.diffs();
  voice.answer(
    Object.entries(comparisons)
      .map(([name, count]) => `${count} ${name}`)
      .join(', '),
  );
}

export async function intoCanary({ endpoint, voice }: Scene): Promise<void> {
  voice.title('Enough evidence for a canary');
  voice.tell(
    'The bound on the rate of critical differences stays valid however often it is looked at; every search shape and 200 patients must have been compared.',
  );
  await endpoint.untilOpen(PATIENCE);
  if (!(await endpoint.promote('mira', 'all gates open'))) throw new Error('The canary was refused.');
}

export async function failAndReturn({ stage, endpoint, voice, served }: Scene): Promise<void> {
  voice.title('The new service begins to fail');
  await pause(2_000);
  const before = served.length;
  voice.command('ficus sandbox dial observations --5xx 30');
  await stage.dial('observations --5xx 30');
  await endpoint.until(
    'the automatic roll back',
    PATIENCE,
    async () => (await endpoint.show()).route.stage === 'shadow',
  );
  const { route } = await endpoint.show();
  voice.answer(route.reason);
  const during = served.slice(before);
  voice.tell('Meanwhile legacy answered whoever the new service failed. What clients got:');
  voice.answer(tally(during));
  await stage.dial('observations --clear');
  await stage.recovered();
}

export async function forward({ stage, endpoint, voice, served }: Scene): Promise<void> {
  voice.title('Again, in full, and on to modern');
  voice.tell('Going back needed no gates; going forward needs them all again, from fresh evidence.');
  if ((await endpoint.show()).route.hold) {
    voice.tell('Ficus held it before it went back. Somebody who has looked lets it go on:');
    const reason = 'the service answers again';
    voice.command(`ficus migrate release ${ENDPOINT} --by mira --reason "${reason}"`);
    await stage.admin(`/migration/${ENDPOINT}/hold`, { by: 'mira', reason }, 'DELETE');
  }
  while ((await endpoint.show()).route.stage !== 'modern') {
    await endpoint.untilOpen(PATIENCE);
    const before = served.length;
    if (!(await endpoint.promote('mira', 'all gates open')))
      throw new Error('A step was refused though its gates were open.');
    await pause(2_000);
    voice.answer(`clients since then:\n${tally(served.slice(before))}`);
  }
}

export async function retire({ stage, endpoint, voice }: Scene): Promise<void> {
  voice.title('A month later: retired');
  voice.tell('Legacy stays as a fallback, and is still compared. The calendar now runs two days a second.');
  stage.calendar.speed(2 * 86_400);
  // Not so many days, but until the gate says so: a call that fell back to legacy begins the month anew.
  await endpoint.until('a month without a call to legacy', PATIENCE, async () => {
    const { next } = await endpoint.show();
    return next?.gates.find(({ name }) => name === 'legacy-calls')?.verdict === 'pass';
  });
  stage.calendar.speed(60);
  await endpoint.untilOpen(PATIENCE);
  await endpoint.retire('mira', 'nobody has needed legacy for a month');
  voice.tell('One approval is not enough, and two of one person are one:');
  await endpoint.retire('mira', 'really');
  if (!(await endpoint.retire('laboratory', 'the board agreed')))
    throw new Error('The second approval was refused.');
  const { route } = await endpoint.show();
  if (route.stage !== 'retired') throw new Error(`It is ${route.stage}, not retired.`);
}

/** Writes the evidence pack. @returns the files */
export async function report({ stage, voice }: Scene, folder: string): Promise<readonly string[]> {
  voice.title('What the change board gets');
  mkdirSync(folder, { recursive: true });
  const files = (['markdown', 'json'] as const).map((format) => ({
    format,
    file: join(folder, `${ENDPOINT}.${format === 'markdown' ? 'md' : 'json'}`),
  }));
  for (const { format, file } of files) {
    voice.command(`ficus migrate report ${ENDPOINT} --format ${format}`);
    writeFileSync(file, await stage.adminText(`/migration/${ENDPOINT}/report?format=${format}`));
    voice.answer(file);
  }
  return files.map(({ file }) => file);
}
