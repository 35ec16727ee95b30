import { FicusError } from '../errors.ts';

export type Pairs = readonly (readonly [name: string, value: string])[];

/** Path and query of a request target, the absolute form (`GET http://host/path`) included. Nothing is decoded. */
export function splitTarget(target: string): { readonly path: string; readonly query: string } {
  let start = 0;
  if (target.charCodeAt(0) !== 0x2f) {
    const authority = /^[a-z]+:\/\/[^/?#]*/i.exec(target);
    if (authority) start = authority[0].length;
  }
  const mark = target.indexOf('?', start);
  const path = mark === -1 ? target.slice(start) : target.slice(start, mark);
  return { path: path === '' ? '/' : path, query: mark === -1 ? '' : target.slice(mark + 1) };
}

/** One percent-decoded part of a URL. Throws `malformed` for an escape that is not UTF-8. */
export function decodePart(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    throw new FicusError('malformed', 'The request holds a percent-encoding that is not UTF-8');
  }
}

/**
 * Names and values of a query string or of an `application/x-www-form-urlencoded` body, in their order, repeats kept.
 * Throws `malformed`.
 */
export function decodePairs(text: string): Pairs {
  if (text === '') return [];
  const pairs: [string, string][] = [];
  for (const part of text.split('&')) {
    if (part === '') continue;
    const spaced = part.includes('+') ? part.replaceAll('+', ' ') : part;
    const mark = spaced.indexOf('=');
    if (mark === -1) pairs.push([decodePart(spaced), '']);
    else pairs.push([decodePart(spaced.slice(0, mark)), decodePart(spaced.slice(mark + 1))]);
  }
  return pairs;
}

/** The reverse of {@link decodePairs}. */
export function encodePairs(pairs: Pairs): string {
  return pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&');
}
