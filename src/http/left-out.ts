import type { FhirResponse } from '../ports.ts';

/** Longest value, in characters: some clients and proxies refuse more. */
const LONGEST = 2_000;

/**
 * Value of `X-Left-Out`: the elements of a write that the core has no place for, whatever form of answer the client
 * prefers. undefined: all was written.
 */
export function leftOutOf({ issues }: FhirResponse): string | undefined {
  if (!issues) return undefined;
  const paths = issues
    .filter(({ severity }) => severity === 'warning')
    .flatMap(({ expression = [] }) => expression)
    // A header is ASCII; the URL of an extension need not be.
    .map((path) => path.replaceAll(/[^\x20-\x7e]/g, '?'));
  if (paths.length === 0) return undefined;
  let text = '';
  for (const [index, path] of paths.entries()) {
    const rest = `${paths.length - index} more`;
    const longer = text === '' ? path : `${text}, ${path}`;
    if (longer.length > LONGEST) return text === '' ? rest : `${text}, ${rest}`;
    text = longer;
  }
  return text;
}
