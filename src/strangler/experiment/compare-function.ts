import type { Difference } from '../../migration-ports.ts';
import type { ComparableAnswer } from '../compare/answer.ts';

/** What is different between two answers, as far as it is certain; nothing: they say the same. */
export type Compare = (
  legacy: ComparableAnswer,
  modern: ComparableAnswer,
) => readonly Difference[] | Promise<readonly Difference[]>;
