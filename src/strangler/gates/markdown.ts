/** A table, line by line. */
export function table(names: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
  return [line(names), `|${names.map(() => ' --- |').join('')}`, ...rows.map(line)];
}

/** A text for a cell: what somebody wrote cannot end a cell, a row or begin a tag. */
export function cell(text: string): string {
  return text.replace(/\s+/g, ' ').replaceAll('\\', '\\\\').replaceAll('|', '\\|').replaceAll('<', '&lt;');
}
