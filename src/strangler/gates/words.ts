/*
 * Figures as people read them. Counts have thousands separators, shares are percentages, instants are ISO 8601.
 */

const counts = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** `1,071`. */
export function number(value: number): string {
  return counts.format(value);
}

/** `1 comparison`, `1,071 comparisons`. */
export function many(count: number, singular: string, plural = `${singular}s`): string {
  return `${number(count)} ${count === 1 ? singular : plural}`;
}

/** `4.1 %`; as many digits as keep it from looking like nothing, or like all. */
export function percent(share: number): string {
  for (let digits = 1; digits < 4; digits += 1) {
    const text = (share * 100).toFixed(digits);
    const rounded = Number(text);
    if ((rounded > 0 || share === 0) && (rounded < 100 || share >= 1)) return `${text} %`;
  }
  return `${(share * 100).toFixed(4)} %`;
}

/** An upper bound, never rounded to something smaller: `0.36 %`. */
export function percentAtMost(share: number): string {
  const hundredths = Math.ceil(Math.min(1, share) * 10_000 - 1e-9);
  return `${hundredths % 100 === 0 ? hundredths / 100 : (hundredths / 100).toFixed(2)} %`;
}

/** Two shares with as many digits as show that they are not the same: `4.1 %` and `1.0 %`. */
export function apart(one: number, other: number): readonly [string, string] {
  for (let digits = 1; digits < 6; digits += 1) {
    const [first, second] = [(one * 100).toFixed(digits), (other * 100).toFixed(digits)];
    if (first !== second) return [`${first} %`, `${second} %`];
  }
  return [percent(one), percent(other)];
}

/** `4.1 % > 1.0 %`. */
export function exceeding(share: number, limit: number): string {
  return apart(share, limit).join(' > ');
}

/** `12 ms`, `1,250 ms`, `0.4 ms`. */
export function milliseconds(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${number(ms)} ms`;
}

/** A length of time, roughly: `about 12 days`, `about 5 hours`, `about 3 minutes`. */
export function roughly(ms: number): string {
  const minutes = ms / 60_000;
  if (minutes < 1) return 'less than a minute';
  if (minutes < 90) return `about ${many(Math.ceil(minutes), 'minute')}`;
  if (minutes < 48 * 60) return `about ${many(Math.ceil(minutes / 60), 'hour')}`;
  return `about ${many(Math.ceil(minutes / 1_440), 'day')}`;
}

export function instant(at: number): string {
  return new Date(at).toISOString();
}

/** `canary 10 %`, `shadow`. */
export function position({ stage, percent }: { readonly stage: string; readonly percent?: number }): string {
  return percent === undefined ? stage : `${stage} ${percent} %`;
}
