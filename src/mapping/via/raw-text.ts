import { textOf } from '../authority.ts';
import type { TreeReader } from '../tree.ts';

/** The text of a value of any type: its components as they stand, `^` between them. */
export function rawText(place: TreeReader): string | undefined {
  const steps = place.steps().map(Number);
  const whole = steps.length === 0 ? textOf(place) : joined(place, steps);
  return whole === undefined || whole.trim() === '' ? undefined : whole;
}

function joined(place: TreeReader, steps: readonly number[]): string {
  return Array.from({ length: Math.max(...steps) }, (_, at) => partText(place.child(at + 1))).join('^');
}

function partText(part: TreeReader): string {
  const steps = part.steps().map(Number);
  if (steps.length === 0) return textOf(part) ?? '';
  return Array.from({ length: Math.max(...steps) }, (_, at) => textOf(part.child(at + 1)) ?? '').join('&');
}
