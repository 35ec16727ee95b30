import type { Cover } from '../cover.ts';
import type { Definitions } from '../definitions.ts';
import type { CompiledMap } from '../compiled-map.ts';

/** A field or component that no row of a map speaks of. */
export interface Gap {
  /** `PID-12`, `CX.9`. */
  readonly path: string;
  readonly name: string;
}

/** Law 3, total: every field of a map's segments, and every component of its data type, is mapped, kept or dropped. */
export function gapsOf(map: CompiledMap, definitions: Definitions): Gap[] {
  if (map.syntax !== 'v2' || map.part) return [];
  if (map.segments.length === 0)
    return missing(map.cover, map.legacy, '.', definitions.datatypes.get(map.legacy) ?? []);
  return map.segments.flatMap((segment) => {
    const cover = map.cover.parts.get(segment);
    const fields = definitions.segments.get(segment) ?? [];
    return cover ? missing(cover, segment, '-', fields) : [{ path: segment, name: 'the whole segment' }];
  });
}

function missing(
  cover: Cover,
  name: string,
  separator: string,
  parts: readonly { readonly name: string }[],
): Gap[] {
  if (cover.rules.length > 0) return [];
  const gaps: Gap[] = [];
  for (const [at, part] of parts.entries()) {
    if (!speaks(cover.parts.get(at + 1)))
      gaps.push({ path: `${name}${separator}${at + 1}`, name: part.name });
  }
  return gaps;
}

function speaks(cover: Cover | undefined): boolean {
  return cover !== undefined && (cover.rules.length > 0 || [...cover.parts.values()].some(speaks));
}
