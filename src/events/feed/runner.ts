import type { Clock, Logger } from '../../ports.ts';
import { wordsOf } from './failure.ts';
import type { Processor } from './processor.ts';

/** Runs a processor whenever there is something to do. */
export interface Runner {
  /** Something waits. Costs nothing when it is running already. */
  wake(): void;
  /** Begins no other step. */
  stop(): void;
}

export interface RunnerOptions {
  readonly processor: Processor;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'error'>;
  /** Told after each step what kept it from ending, in words without patient data; undefined when it ended. */
  readonly onTrouble?: (words: string | undefined) => void;
  /** Most messages of one step; default 200. What a stop or a question waits for. */
  readonly batch?: number;
  /**
   * Milliseconds before a step that failed is tried again: doubled each time, up to the second; defaults 100 and
   * 10,000.
   */
  readonly pause?: readonly [first: number, most: number];
}

/**
 * Steps until nothing waits, then sleeps until it is woken: no polling. Between two steps the event loop turns, so that
 * questions get their answers. A step that fails (a full disk) is tried again after a pause; nothing is lost or parked
 * by it.
 */
export function createRunner(options: RunnerOptions): Runner {
  const { processor, clock, log, batch = 200, pause: [first, most] = [100, 10_000] } = options;
  let state: 'idle' | 'running' | 'pausing' | 'stopped' = 'idle';
  let woken = false;
  let pause = first;
  let cancelPause: (() => void) | undefined;

  function schedule(): void {
    state = 'running';
    setImmediate(run);
  }

  function run(): void {
    if (state === 'stopped') return;
    woken = false;
    try {
      const ended = processor.step(batch);
      options.onTrouble?.(undefined);
      pause = first;
      if (ended > 0 || woken) schedule();
      else state = 'idle';
    } catch (error) {
      options.onTrouble?.(wordsOf(error));
      log.error('the feed cannot go on', { error, limitMs: pause });
      state = 'pausing';
      cancelPause = clock.after(pause, schedule);
      pause = Math.min(pause * 2, most);
    }
  }

  return {
    wake() {
      woken = true;
      if (state === 'idle') schedule();
    },
    stop() {
      state = 'stopped';
      cancelPause?.();
    },
  };
}
