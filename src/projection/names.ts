import type { DatabaseSync } from 'node:sqlite';

/** Numbers of words that would be long in an index: resource types, parameters, code systems. */
export interface Names {
  /** undefined: nothing in the file has that name. */
  find(text: string): number | undefined;
  /** Gives a new name a number. Only for the writer. */
  number(text: string): number;
  text(nid: number): string;
  /** Forgets what a transaction that was taken back had added. */
  forget(): void;
}

const MAX_KNOWN = 50_000;

export function createNames(database: DatabaseSync): Names {
  const numbers = new Map<string, number>();
  const texts = new Map<number, string>();
  const byText = database.prepare('SELECT nid FROM name WHERE text = ?');
  const byNumber = database.prepare('SELECT text FROM name WHERE nid = ?');
  const insert = database.prepare('INSERT INTO name (text) VALUES (?)');
  const keep = (text: string, nid: number): number => {
    if (numbers.size >= MAX_KNOWN) numbers.clear();
    numbers.set(text, nid);
    return nid;
  };
  const find = (text: string): number | undefined => {
    const known = numbers.get(text);
    if (known !== undefined) return known;
    const row = byText.get(text);
    return row === undefined ? undefined : keep(text, Number(row['nid']));
  };
  return {
    find,
    number: (text) => find(text) ?? keep(text, Number(insert.run(text).lastInsertRowid)),
    text(nid) {
      const known = texts.get(nid);
      if (known !== undefined) return known;
      const text = String(byNumber.get(nid)?.['text'] ?? '');
      if (texts.size >= MAX_KNOWN) texts.clear();
      texts.set(nid, text);
      return text;
    },
    forget() {
      numbers.clear();
      texts.clear();
    },
  };
}
