/** What the thread of the processor shows to whoever watches it, in shared memory: when it hangs it tells nothing. */
export interface InHand {
  /** Counted up with each message that is begun and while the event loop turns. */
  readonly beats: Int32Array;
  /** Number of the message that is being processed, when they are taken one by one; 0: none. */
  readonly seq: BigInt64Array;
  /** 1 while a question is answered: a recount takes as long as it takes. */
  readonly asked: Int32Array;
}

export function createInHand(): InHand {
  return {
    beats: new Int32Array(new SharedArrayBuffer(4)),
    seq: new BigInt64Array(new SharedArrayBuffer(8)),
    asked: new Int32Array(new SharedArrayBuffer(4)),
  };
}

/** How a thread begins that follows one which ended by itself. */
export interface AfterDeath {
  /** So many messages are taken one by one, so that the one is known that ends the thread. */
  readonly oneByOne: number;
  /** The message that has ended it twice: it is parked. */
  readonly park?: number;
}

/** Most messages of a step and of those that are read ahead of it. */
const ONE_BY_ONE = 400;

/**
 * Finds the message that ends the thread of the processor. The first death says nothing: many messages are in hand.
 * From then on they are taken one by one, and the one that two threads in a row ended over is parked.
 *
 * @returns to be called with the message in hand at each death; gives how the next thread begins
 */
export function createSuspicion(): (inHand: number) => AfterDeath {
  let suspect = 0;
  return (inHand) => {
    const again = inHand !== 0 && inHand === suspect;
    suspect = again ? 0 : inHand;
    return { oneByOne: ONE_BY_ONE, ...(again ? { park: inHand } : {}) };
  };
}
