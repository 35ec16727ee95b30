import type { Clock } from '../../../ports.ts';
import { nextTry } from '../../verdict.ts';
import type { BackOff } from '../../verdict.ts';

/** Whether a service takes anything at all, and from when on it is asked again. */
export interface Outage {
  /** Epoch milliseconds before which nothing is sent. */
  resumeAt(): number;
  /** The service takes nothing now; gives when it is asked again. */
  begin(words: string): number;
  /** It took nothing when it was last asked, whatever the reason. */
  suspect(): void;
  /** It took something; whether it had taken nothing before. */
  end(): boolean;
  /** What went wrong, unless something is known already. */
  note(words: string): void;
  /** What went wrong since it last took something. */
  trouble(): string | undefined;
}

export function createOutage(backOff: BackOff, clock: Clock, random: () => number): Outage {
  let trouble: string | undefined;
  let out = false;
  let outages = 0;
  let resumeAt = 0;
  return {
    resumeAt: () => resumeAt,
    begin(words) {
      // Those that were on their way when it began are no further outage.
      if (clock.now() >= resumeAt) outages += 1;
      out = true;
      trouble = words;
      resumeAt = Math.max(resumeAt, nextTry(backOff, outages, clock, random));
      return resumeAt;
    },
    suspect() {
      out = true;
    },
    end() {
      const ended = out;
      trouble = undefined;
      if (!ended) return false;
      out = false;
      outages = 0;
      resumeAt = 0;
      return true;
    },
    note(words) {
      trouble ??= words;
    },
    trouble: () => trouble,
  };
}
