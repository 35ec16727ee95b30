/** A deterministic source of choices: the same seed makes the same choices on every machine. */
export interface Random {
  /** An integer from 0 up to `below`, not included. */
  int(below: number): number;
  pick<Value>(values: readonly Value[]): Value;
  /** True in about `share` of calls (0 to 1). */
  chance(share: number): boolean;
}

/** A generator by its seed (mulberry32). */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const int = (below: number): number => Math.floor(next() * below);
  return { int, pick: (values) => values[int(values.length)]!, chance: (share) => next() < share };
}
