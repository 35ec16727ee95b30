import { setTimeout as pause } from 'node:timers/promises';
import type { Voice } from './say.ts';

const LOOK_MS = 250;
/** How far it is, is said after so long, then after twice as long, and so on; and only when it says something new. */
const FIRST_MS = 5_000;
/** Nothing has changed for so long: it will not. A busy machine is slow, and moves. */
const STILL_MS = 90_000;
/** However busy the machine is. */
const MOST_MS = 900_000;

/** How far something is. */
export interface Look {
  readonly done: boolean;
  /** How far it is, in a line. */
  readonly words: string;
}

/**
 * Looks until it is done; says now and then how far it is, more and more seldom.
 *
 * @param what is waited for, in words
 * @throws Error when nothing has changed for a minute and a half, or after a quarter of an hour
 */
export async function waitFor(what: string, look: () => Promise<Look>, voice: Voice): Promise<void> {
  let shownAt = performance.now();
  let every = FIRST_MS;
  const last = performance.now() + MOST_MS;
  let [words, since] = ['', performance.now()];
  let shown = '';
  for (;;) {
    const seen = await look();
    if (seen.done) return;
    const now = performance.now();
    if (seen.words !== words) [words, since] = [seen.words, now];
    if (now > last) throw new Error(`It takes too long to wait for ${what}: ${words}`);
    if (now - since > STILL_MS)
      throw new Error(`Nothing moves any more, while waiting for ${what}: ${words}`);
    if (now - shownAt > every && words !== shown) {
      [shown, shownAt] = [words, now];
      every *= 2;
      voice.answer(words);
    }
    await pause(LOOK_MS);
  }
}
