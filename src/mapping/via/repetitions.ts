import { stringOf } from '../authority.ts';
import type { Codec } from '../codec.ts';
import type { Step, TreeReader } from '../tree.ts';

/** The texts of all repetitions, those between others that say nothing as empty lines. */
function linesAt(above: TreeReader, step: Step): string | undefined {
  const texts = Array.from(
    { length: above.count(step) },
    (_, index) => above.child(step, index).text() ?? '',
  );
  while (texts.at(-1) === '') texts.pop();
  return texts.length === 0 ? undefined : texts.join('\n');
}

/** The repetitions of a field <-> the lines of one text (v2-to-FHIR FT[Annotation-Comment]). */
function linesCodec(step: Step): Codec {
  return {
    read: (above) => linesAt(above, step),
    write(value, above) {
      const text = stringOf(value);
      if (value !== undefined && text === undefined) return false;
      if (text === undefined) {
        above.arrange(step, [0]);
        above.child(step).clear();
        return true;
      }
      const count = above.count(step);
      const lines = text.split('\n');
      above.arrange(
        step,
        lines.map((_, index) => (index < count ? index : undefined)),
      );
      for (const [index, line] of lines.entries()) above.child(step, index).set(line);
      return true;
    },
  };
}

/** The same lines as the data of an attachment: base64 of UTF-8. */
export function textDataCodec(step: Step): Codec {
  const lines = linesCodec(step);
  return {
    read(above) {
      const text = linesAt(above, step);
      return text === undefined ? undefined : Buffer.from(text, 'utf8').toString('base64');
    },
    write(value, above, run) {
      const data = stringOf(value);
      return lines.write(
        data === undefined ? value : Buffer.from(data, 'base64').toString('utf8'),
        above,
        run,
      );
    },
  };
}

/** Value types of OBX-5 whose texts are lines of one document (HL7 table 0125). */
const TEXTUAL: ReadonlySet<string | null | undefined> = new Set(['TX', 'FT', 'ST']);

/**
 * The text of a document that stands in OBX segments, each a line or several: one attachment of plain text, because one
 * representation of a document is one `content` (v2-to-FHIR OBX[DocumentReference]). Read only.
 */
export function documentTextCodec(step: Step): Codec {
  return {
    read(group) {
      const segments = Array.from({ length: group.count(step) }, (_, index) => group.child(step, index));
      const lines = segments
        .filter((segment) => TEXTUAL.has(segment.child(2).text()))
        .map((segment) => linesAt(segment, 5) ?? '');
      if (lines.every((line) => line === '')) return undefined;
      const data = Buffer.from(lines.join('\n'), 'utf8').toString('base64');
      return { attachment: { contentType: 'text/plain', data } };
    },
    write: (value) => value === undefined,
  };
}
