import { median } from '../harness.ts';

// Two ways of one system, measured in short slices that alternate within one run: whatever else the machine does meets both alike. Slices are put together
// to repeats; a figure of each way is taken of a whole repeat, and what counts is the median of the differences between pairs.

export interface Plan {
  readonly repeats: number;
  /** Slices of each way in a repeat. */
  readonly slices: number;
}

/** A figure of both ways, and by how much the second differs from the first. */
export interface Paired {
  readonly first: number;
  readonly second: number;
  /** Median of the repeats' differences, and their middle half. */
  readonly moved: number;
  readonly low: number;
  readonly high: number;
}

/**
 * @param slice measures one slice of a way, 0 or 1
 * @param figure of all slices of one way in a repeat
 */
export async function compareSlices<T>(
  { repeats, slices }: Plan,
  slice: (way: 0 | 1) => Promise<T>,
  figure: (slices: readonly T[]) => number,
): Promise<Paired> {
  const firsts: number[] = [];
  const seconds: number[] = [];
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    const measured: [T[], T[]] = [[], []];
    for (let nth = 0; nth < slices; nth += 1) {
      for (const way of (repeat + nth) % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const))
        measured[way].push(await slice(way));
    }
    firsts.push(figure(measured[0]));
    seconds.push(figure(measured[1]));
  }
  const moved = seconds.map((second, nth) => second - firsts[nth]!).toSorted((a, b) => a - b);
  const at = (share: number): number => moved[Math.round(share * (moved.length - 1))]!;
  return {
    first: median(firsts),
    second: median(seconds),
    moved: median(moved),
    low: at(0.25),
    high: at(0.75),
  };
}

/** The p99 of all times of several slices. */
export function p99Of(slices: readonly (readonly number[])[]): number {
  const times = slices.flat().toSorted((a, b) => a - b);
  return times[Math.floor(times.length * 0.99)] ?? Number.NaN;
}

/** `0.12; middle half -0.3 to 0.4`. */
export function spreadInWords({ moved, low, high }: Paired): string {
  const [middle, from, to] = [moved, low, high].map((it) => Number(it.toFixed(2)));
  return `${middle}; middle half ${from} to ${to}`;
}
