/** Ficus itself, where it holds a route or takes it back by its measures. */
export const AUTOMATIC = 'ficus';

/** Whether two names stand for one person: nobody becomes two by capitals or blanks. */
export function isSamePerson(one: string, other: string): boolean {
  return foldedOf(one) === foldedOf(other);
}

function foldedOf(name: string): string {
  return name.normalize('NFKC').trim().replace(/\s+/g, ' ').toLowerCase();
}
