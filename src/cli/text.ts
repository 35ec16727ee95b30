/** Width that lines are broken at, in columns: the terminal's, or `COLUMNS`, or 100. */
export function terminalWidth(): number {
  const asked = Number(process.env['COLUMNS']);
  return process.stdout.columns ?? (Number.isInteger(asked) && asked > 0 ? asked : 100);
}

/**
 * Words after a beginning, broken at spaces; every further line is indented by as many columns as the beginning is
 * wide. A word that is wider than the line stands alone.
 */
export function hanging(beginning: string, words: string, width = terminalWidth()): string {
  const indent = ' '.repeat(beginning.length);
  const room = Math.max(20, width - beginning.length);
  const lines: string[] = [];
  for (const word of words.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= room)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.map((line, index) => `${index === 0 ? beginning : indent}${line}`.trimEnd()).join('\n');
}

/** Columns as wide as their longest cell. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** `2026-11-22 15:54 UTC`, of an ISO 8601 instant or epoch milliseconds. */
export function momentOf(at: string | number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** `2026-11-22`: the day of an instant, in UTC. */
export const dayOf = (at: string): string => at.slice(0, 10);

/** `1 patient`, `1,071 patients`. */
export function many(count: number, singular: string, plural = `${singular}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? singular : plural}`;
}

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const;

/** `3 minutes`, of milliseconds: the largest unit that there is at least one of. */
export function durationOf(milliseconds: number): string {
  const [name, size] = UNITS.find(([, one]) => milliseconds >= one) ?? ['second', 1_000];
  return many(Math.floor(milliseconds / size), name);
}
