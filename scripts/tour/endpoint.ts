import type { Voice } from './say.ts';
import type { TourStage } from './stage.ts';
import { waitFor } from './wait.ts';

interface Gate {
  readonly name: string;
  readonly verdict: string;
  readonly words: string;
  readonly figures?: Readonly<Record<string, number>>;
}

interface View {
  readonly route: {
    readonly stage: string;
    readonly reason: string;
    readonly cohort?: { readonly percent: number };
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

/** The endpoint that moves, as the admin API tells of it. */
export interface TourEndpoint {
  readonly name: string;
  show(): Promise<View>;
  diffs(): Promise<Diffs>;
  /** Answers compared since the evidence began to count. */
  compared(): Promise<number>;
  /**
   * Waits until every gate of the next step is open. False: somebody has to look first, because it is held.
   * @throws Error when a gate is shut that waiting does not open
   */
  untilOpen(): Promise<boolean>;
}

/** Verdicts of these do not get better by waiting. */
const FINAL: ReadonlySet<string> = new Set(['owners', 'contract', 'criticals']);

export function createTourEndpoint(stage: TourStage, name: string, voice: Voice): TourEndpoint {
  const path = `/migration/${name}`;
  const show = (): Promise<View> => stage.ask(path);
  const diffs = (): Promise<Diffs> => stage.ask(`${path}/diffs`);
  return {
    name,
    show,
    diffs,
    compared: async () => (await diffs()).comparisons['compared'] ?? 0,
    async untilOpen() {
      let begun = false;
      let isHeld = false;
      await waitFor(
        'the gates',
        async () => {
          const { route, next } = await show();
          const shut = (next?.gates ?? []).filter(
            ({ verdict }) => verdict !== 'pass' && verdict !== 'waived',
          );
          isHeld = route.hold !== undefined;
          const hopeless = shut.find(({ name, verdict }) => FINAL.has(name) && verdict === 'fail');
          if (hopeless) throw new Error(`${hopeless.name}: ${hopeless.words}`);
          if (!begun && shut.length > 0 && !isHeld) voice.answer(waitsFor(shut));
          begun = true;
          return { done: isHeld || (next?.open ?? false), words: progress(next?.gates ?? [], shut) };
        },
        voice,
      );
      return !isHeld;
    },
  };
}

/** The first in full, the others by name. */
function waitsFor([first, ...others]: readonly Gate[]): string {
  const more = others.length === 0 ? '' : `\nand for ${others.map(({ name }) => name).join(', ')}`;
  return first ? `waits for ${first.name}: ${first.words}${more}` : '';
}

function progress(gates: readonly Gate[], shut: readonly Gate[]): string {
  const { comparisons = 0, needed = 0 } = gates.find(({ name }) => name === 'criticals')?.figures ?? {};
  const more = needed > 0 && Number.isFinite(needed) ? `, ${needed} more needed` : '';
  const [first] = shut;
  // What is said of comparisons says their number already.
  const words = first && first.name !== 'criticals' && needed === 0 ? `: ${first.words}` : '';
  return `${comparisons} compared${more}; waits for ${shut.map(({ name }) => name).join(', ')}${words}`;
}
