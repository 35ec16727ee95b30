import type { DelimiterCodes } from './delimiters.ts';

/**
 * The parts of a repetition, or of a component, that hold more than separators: bit n for part n, bit 31 for all from
 * 31 on.
 */
export function partsWithText(text: string, codes: DelimiterCodes, below: boolean): number {
  const separator = below ? codes.subcomponent : codes.component;
  let parts = 0;
  let part = 1;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === separator) part += 1;
    else if (code !== codes.subcomponent) parts |= 1 << Math.min(part, 31);
  }
  return parts;
}
