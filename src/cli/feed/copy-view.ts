import { durationOf, many } from '../text.ts';

/** A copy as the admin API shows it. */
export interface CopyView {
  readonly to: string;
  readonly types: readonly string[];
  readonly owner: string;
  readonly position: number;
  readonly last: number;
  readonly waiting: number;
  readonly oldestSeconds?: number;
  readonly dead: number;
  readonly trouble?: string;
}

/** How far one copy is, in a sentence. */
export function formatCopy({ to, types, owner, position, last, waiting, dead, ...copy }: CopyView): string {
  const { oldestSeconds = 0, trouble } = copy;
  const state =
    waiting === 0 && position === last
      ? 'in step'
      : `event ${position} of ${last}, ${many(waiting, 'resource')} on the way (the oldest for ${durationOf(oldestSeconds * 1_000)})`;
  return [
    `${to} (${types.join(', ')}): ${state}.`,
    ...(dead > 0 ? [`${many(dead, 'resource')} REFUSED, ${owner} decides: ficus feed copies`] : []),
    ...(trouble === undefined ? [] : [`PROBLEM: ${trouble}`]),
  ].join(' ');
}
