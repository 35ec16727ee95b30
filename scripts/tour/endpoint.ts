import { setTimeout as pause } from 'node:timers/promises';
import type { Voice } from './say.ts';
import type { TourStage } from './stage.ts';

interface Gate {
  readonly name: string;
  readonly verdict: string;
  readonly words: string;
}

interface View {
  readonly route: {
    readonly stage: string;
    readonly reason: string;
    readonly hold?: { readonly by: string };
  };
  readonly next?: { readonly step: string; readonly open: boolean; readonly gates: readonly Gate[] };
}

interface Diffs {
  readonly comparisons: Readonly<Record<string, number>>;
  readonly differences: readonly {
    readonly signature: string;
    readonly severity: string;
    readonly count: number;
    readonly samples: readonly string[];
  }[];
}

interface Moved {
  readonly words: string;
  readonly warnings: readonly string[];
}

/** What the tour does with the endpoint that moves; each is said as the command that does it. */
export interface TourEndpoint {
  show(): Promise<View>;
  diffs(): Promise<Diffs>;
  /** Takes the next step; says how it went. @returns whether it was taken */
  promote(by: string, reason: string): Promise<boolean>;
  retire(by: string, reason: string): Promise<boolean>;
  /** Waits until every gate of the next step is open, and says what it waits for. Throws after `seconds`. */
  untilOpen(seconds: number): Promise<void>;
  until(what: string, seconds: number, test: () => Promise<boolean>): Promise<void>;
}

const LOOK_MS = 250;

export function createTourEndpoint(stage: TourStage, endpoint: string, voice: Voice): TourEndpoint {
  const path = `/migration/${endpoint}`;
  const show = (): Promise<View> => stage.admin(path);
  const take = async (step: 'promote' | 'retire', by: string, reason: string): Promise<boolean> => {
    voice.command(`ficus migrate ${step} ${endpoint} --by ${by} --reason "${reason}"`);
    try {
      const { words, warnings } = await stage.admin<Moved>(`${path}/${step}`, { by, reason });
      voice.answer([words, ...warnings].join('\n'));
      return true;
    } catch (error) {
      voice.answer(error instanceof Error ? error.message : String(error));
      return false;
    }
  };
  const until = async (what: string, seconds: number, test: () => Promise<boolean>): Promise<void> => {
    const last = performance.now() + seconds * 1_000;
    while (!(await test())) {
      if (performance.now() > last) throw new Error(`It took more than ${seconds} s: ${what}`);
      await pause(LOOK_MS);
    }
  };
  return {
    show,
    until,
    diffs: () => stage.admin(`${path}/diffs`),
    promote: (by, reason) => take('promote', by, reason),
    retire: (by, reason) => take('retire', by, reason),
    async untilOpen(seconds) {
      let waiting: readonly Gate[] = [];
      const closed = ({ next }: View): readonly Gate[] =>
        (next?.gates ?? []).filter(({ verdict }) => verdict !== 'pass' && verdict !== 'waived');
      const first = closed(await show());
      if (first.length > 0)
        voice.answer(first.map(({ name, words }) => `waits for ${name}: ${words}`).join('\n'));
      await until('the gates', seconds, async () => {
        const view = await show();
        waiting = closed(view);
        return view.next?.open ?? false;
      }).catch((error: unknown) => {
        const left = waiting.map(({ name, words }) => `  ${name}: ${words}`).join('\n');
        throw new Error(`The gates stay shut:\n${left}`, { cause: error });
      });
      const { next } = await show();
      voice.answer((next?.gates ?? []).map(({ name, words }) => `open  ${name}: ${words}`).join('\n'));
    },
  };
}
