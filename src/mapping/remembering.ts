import type { Json } from '../fhir/types.ts';
import type { Codec } from './codec.ts';
import { copyOf, detached } from './memo.ts';
import type { Run } from './run.ts';
import type { TreeReader } from './tree.ts';

/** What a codec reads at a place, from memory where the same words were read before. */
export function readRemembering(codec: Codec, place: TreeReader, run: Run): Json | undefined {
  const { memo, losses, asked } = run;
  const shelf = memo?.values.of(codec);
  const words = shelf?.worthwhile() ? place.words?.() : undefined;
  if (!shelf || words === undefined) return codec.read(place, run);
  const known = shelf.find(words);
  if (known !== undefined) return copyOf(known);
  const lost = losses?.length;
  const { facts } = asked;
  const value = codec.read(place, run);
  // A quiet run does not know whether something was lost.
  if (value !== undefined && losses && losses.length === lost && asked.facts === facts)
    shelf.keep(words, detached(value));
  return value;
}
