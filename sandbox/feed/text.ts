/** Writing HL7 v2 as an old interface engine would: fields by number. Nothing that is made up here needs an escape. */

/** A segment of its fields by number; what is not named is empty. */
export function segment(name: string, fields: Readonly<Record<number, string>>): string {
  const last = Math.max(0, ...Object.keys(fields).map(Number));
  return [name, ...Array.from({ length: last }, (_, at) => fields[at + 1] ?? '')].join('|');
}

/** `20260102100500`, the wall clock of a hospital that has no zones. */
export function stamp(at: number): string {
  return new Date(at).toISOString().replaceAll(/[-:T]/g, '').slice(0, 14);
}
