import { describe, expect, it } from 'vitest';
import { holdersOf } from './fuzz/backends.ts';
import { CASES, FIRST_SEED, nameOf, rulesOf } from './fuzz/cases.ts';
import { isHidden, type Caller, type Rules } from './fuzz/model.ts';
import { callerOf, requestOf } from './fuzz/requests.ts';
import { stackOver, type Told } from './fuzz/stack.ts';
import { BASE, createRandom, worldOf, type Known, type Random } from './fuzz/world.ts';

/*
 * Random callers ask the same random things of a random world and of what is left of it without everything that is hidden from them: they cannot
 * tell the one from the other. A failure names the seed of its world.
 */

const CASES_OF_A_PAIR = 60;

/** What a page's token holds is another thing each time; how long it is, is not. */
const blank = (text: string): string =>
  text.replaceAll(/_page=([^"&]*)/g, (_, token: string) => `_page=(${token.length})`);

/** What one caller sees of an answer. */
const seen = ({ status, text }: Told): string => `${status} ${blank(text)}`;

const nextOf = ({ body }: Told): string | undefined =>
  ((body?.['link'] ?? []) as { relation: string; url: string }[])
    .find(({ relation }) => relation === 'next')
    ?.url.slice(BASE.length + 1);

/** The same questions to a world and to what is left of it without everything that is hidden from the caller. */
async function twice(random: Random, world: readonly Known[], caller: Caller, rules: Rules): Promise<void> {
  const last = new Map(world.map((state) => [nameOf(state), state]));
  const isSeen = (state: Known): boolean => !isHidden(caller, last.get(nameOf(state))!, rules);
  const holders = holdersOf(random, world, isSeen);
  const stacks = holders.map((it) => stackOver(it.backend, { ...rules, native: it.native, shared: false }));
  const { writes } = holders[0];
  const pages: (readonly [string, string])[] = [];
  for (let at = 0; at < CASES_OF_A_PAIR; at += 1) {
    const page = pages.length > 0 && random.chance(0.2) ? random.pick(pages) : undefined;
    // Entries of a batch run side by side: one that writes may be before or after one that reads.
    const batch = random.chance(0.1);
    const some = Array.from({ length: batch ? 3 : 1 }, () => requestOf(random, caller, writes && !batch, []));
    const told = await Promise.all(
      stacks.map((stack, which) => {
        if (page) return stack.ask(caller, { method: 'GET', url: page[which]! });
        return batch ? stack.batch(caller, some) : stack.ask(caller, some[0]!);
      }),
    );
    const [whole, part] = told as [Told, Told];
    const asked = page
      ? page[0]
      : some.map((it) => `${it.method} ${it.url} ${JSON.stringify(it.headers ?? {})}`).join();
    expect(seen(whole), asked).toBe(seen(part));
    const [next, other] = [nextOf(whole), nextOf(part)];
    if (next !== undefined && other !== undefined) pages.push([next, other]);
  }
}

describe('what is hidden from a caller', () => {
  it(
    'is not told by anything: without it every answer is the same, to the byte',
    async () => {
      for (let done = 0, seed = FIRST_SEED; done < CASES / 8; seed += 1) {
        const random = createRandom(seed);
        const world = worldOf(random);
        const rules = rulesOf(random);
        for (let of = 0; of < 4; of += 1, done += CASES_OF_A_PAIR) {
          const caller = callerOf(random);
          try {
            await twice(random, world, caller, rules);
          } catch (error) {
            throw new Error(`seed ${seed}, ${JSON.stringify(caller)}, ${JSON.stringify(rules)}`, {
              cause: error,
            });
          }
        }
      }
    },
    30 * 60_000,
  );
});
