const MARK = '\u0004';

/** The line that ends what a command has printed. */
export function endOf(code: number | string | null | undefined): string {
  return `${MARK}${code ?? 0}\n`;
}

/** The exit code, if a line is such an end. */
export function codeOf(line: string): number | undefined {
  return line.startsWith(MARK) ? Number(line.slice(MARK.length)) : undefined;
}
