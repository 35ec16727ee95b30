import type { Clock } from '../ports.ts';

/** Milliseconds before something is begun again, which double while it does not last. */
export interface Pause {
  readonly first: number;
  readonly most: number;
}

export interface ComebackOptions {
  readonly clock: Clock;
  /** Default 100 ms to 30 s. */
  readonly pause?: Pause;
  /** @throws what keeps it from being there: it is tried again */
  readonly begin: () => Promise<void>;
  readonly onFailure: (error: unknown) => void;
  /** It is there again. */
  readonly onReturn: () => void;
}

/** Begins again what was lost, until it is there. */
export interface Comeback {
  /**
   * It is lost. One time for each time it was there.
   * @param gone when nothing of it is left: it is not begun before
   */
  lost(gone?: Promise<void>): void;
  /** It is lost, and not there again. */
  readonly away: boolean;
  /** Begins it no more. Resolves when what is in hand has ended: then it is there, or away for good. */
  end(): Promise<void>;
}

/** Made when it is there for the first time. */
export function createComeback(options: ComebackOptions): Comeback {
  const { clock, pause = { first: 100, most: 30_000 }, begin, onFailure, onReturn } = options;
  let ended = false;
  let tries = 0;
  let begunAt = clock.now();
  let hurry = (): void => {};
  let returning: Promise<void> | undefined;

  async function comeBack(gone: Promise<void>): Promise<void> {
    await gone;
    for (;;) {
      await wait(Math.min(pause.most, pause.first * 2 ** Math.min(tries++, 30)));
      if (ended) return;
      try {
        await begin();
      } catch (error) {
        onFailure(error);
        continue;
      }
      returning = undefined;
      begunAt = clock.now();
      onReturn();
      return;
    }
  }

  function wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (ended) return resolve();
      const cancel = clock.after(ms, resolve);
      hurry = () => {
        cancel();
        resolve();
      };
    });
  }

  return {
    lost(gone = Promise.resolve()) {
      if (clock.now() - begunAt > pause.most) tries = 0;
      returning = comeBack(gone);
    },
    get away() {
      return returning !== undefined;
    },
    async end() {
      ended = true;
      hurry();
      await returning;
    },
  };
}
