import { stringOf, textOf } from '../authority.ts';
import type { Codec } from '../codec.ts';
import { descend, descendTo } from '../tree-path.ts';
import type { Step, TreeReader } from '../tree.ts';

/** The repetitions of a text are its lines (HL7 v2.5.1 §2.A.78) <-> one text; a new text is one repetition. */
export function linesCodec(path: readonly Step[]): Codec {
  const above = path.slice(0, -1);
  const last = path.at(-1)!;
  const read = (place: TreeReader): string | undefined => {
    const holder = descend(place, above);
    const lines = Array.from({ length: holder.count(last) }, (_, at) => textOf(holder.child(last, at)) ?? '');
    const text = lines.join('\n').trimEnd();
    return text.trim() === '' ? undefined : text;
  };
  return {
    read,
    write(value, place) {
      const text = stringOf(value);
      if (value !== undefined && text === undefined) return false;
      const holder = descendTo(place, above);
      if (holder.count(last) > 1) holder.arrange(last, [0]);
      if (text === undefined) holder.child(last).clear();
      else holder.child(last).set(text);
      return true;
    },
  };
}

/** An address on one line: street, city, state and postal code, country. Read only. */
export const XAD_TEXT: Codec = {
  read(place) {
    const said = (part: number): string | undefined => textOf(place.child(part));
    const city = [said(3), said(4), said(5)].filter((part) => part !== undefined).join(' ');
    const parts = [said(1), said(2), city === '' ? undefined : city, said(6)].filter(
      (part) => part !== undefined,
    );
    return parts.length === 0 ? undefined : parts.join(', ');
  },
  write: (value) => value === undefined,
};
