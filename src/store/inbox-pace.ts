/** Whether the disk is quick enough for a thread to wait for it, by how long the last waits were. */
export interface Pace {
  /** To be asked once before each write. */
  quick(): boolean;
  /** A write was waited for so long, in milliseconds. */
  took(ms: number): void;
}

/** Longest that a wait may usually be, in milliseconds: two wakings of threads on a busy machine take as long. */
const QUICK_MS = 1;
/** How much the last wait counts. */
const SHARE = 1 / 16;
/** So many writes are not waited for when the disk has become slow; then it is looked at again. */
const SPARED = 200;

/** One slow write says little; several in a row, or a very slow one, that others should not be kept waiting. */
export function createPace(): Pace {
  let usual = 0;
  let spared = 0;
  return {
    quick() {
      if (spared === 0) return true;
      spared -= 1;
      return false;
    },
    took(ms) {
      usual += (ms - usual) * SHARE;
      if (usual <= QUICK_MS) return;
      usual = 0;
      spared = SPARED;
    },
  };
}
