import type { DelimiterCodes, Delimiters } from './delimiters.ts';
import { locate, valueStart } from './span.ts';
import type { Levels, Place } from './span.ts';
import type { Text } from './text.ts';

/** Up to this number a part is counted off from the first one; beyond, where parts start is kept. */
const NEAR = 16;

function isNear(repetition: number, component: number, subcomponent: number): boolean {
  return repetition <= NEAR && component <= NEAR && subcomponent <= NEAR;
}

/** As `valueStart`, in a text that keeps where parts far behind the first start. */
export function startOfValue(
  text: Text,
  from: number,
  to: number,
  codes: DelimiterCodes,
  repetition: number,
  component: number,
  subcomponent: number,
): number {
  if (isNear(repetition, component, subcomponent))
    return valueStart(text.scan, from, to, codes, repetition, component, subcomponent);
  let at = text.partStart(from, to, 0, repetition, codes);
  if (at !== -1) at = text.partStart(at, to, 1, component, codes);
  return at === -1 ? -1 : text.partStart(at, to, 2, subcomponent, codes);
}

/** As `locate`, in a text that keeps where parts far behind the first start. */
export function locatePart(
  text: Text,
  from: number,
  to: number,
  delimiters: Delimiters,
  levels: Levels,
): Place {
  const [repetition, component, subcomponent] = levels;
  if (isNear(repetition ?? 1, component ?? 1, subcomponent ?? 1))
    return locate(text.scan, from, to, delimiters, levels);
  const { codes } = delimiters;
  // What lacks below a repetition or component that is there is said of that one alone.
  const first = text.partStart(from, to, 0, repetition ?? 1, codes);
  if (first === -1) return locate(text.scan, from, to, delimiters, levels);
  const second = text.partStart(first, to, 1, component ?? 1, codes);
  if (second === -1) return locate(text.scan, first, to, delimiters, [1, component, subcomponent]);
  const one = component === undefined ? undefined : 1;
  const third = text.partStart(second, to, 2, subcomponent ?? 1, codes);
  if (third === -1) return locate(text.scan, second, to, delimiters, [1, one, subcomponent]);
  return locate(text.scan, third, to, delimiters, [1, one, subcomponent === undefined ? undefined : 1]);
}
