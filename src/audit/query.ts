/** A search as it was asked: `Patient?family=Roe`. */
export function queryText(type: string, pairs: readonly (readonly [string, string])[]): string {
  const text = pairs
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join('&');
  return text === '' ? type : `${type}?${text}`;
}
