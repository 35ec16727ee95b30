/** Numbers that look random and are the same for the same seed. */
export interface Random {
  /** From 0, below `limit`. */
  readonly below: (limit: number) => number;
  readonly pick: <Item>(items: readonly Item[]) => Item;
  /** A new list in another order (of two or more items never the same one). */
  readonly shuffle: <Item>(items: readonly Item[]) => Item[];
}

/** mulberry32. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    below,
    pick: (items) => items[below(items.length)]!,
    shuffle(items) {
      const by = items.length > 1 ? 1 + below(items.length - 1) : 0;
      return [...items.slice(by), ...items.slice(0, by)];
    },
  };
}
