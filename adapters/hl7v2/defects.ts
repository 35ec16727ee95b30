import type { Delimiters } from './delimiters.ts';
import type { Segment } from './segment.ts';

/** Something wrong with a message that can still be carried. Holds places only, never content. */
export interface Defect {
  /**
   * `charset`: MSH-18 (or what stands for it) names a set that is not known. `undecodable`: a byte or hex escape that
   * does not decode. `delimiters`: MSH-2 does not name component, repetition, escape and subcomponent, each once.
   * `segment-name`: a line that is no segment.
   */
  readonly kind: 'charset' | 'undecodable' | 'delimiters' | 'segment-name';
  /** Place in `Message.segments`, from 0. */
  readonly segment: number;
  readonly field?: number;
}

/** What is looked at: a message. */
interface Checked {
  readonly delimiters: Delimiters;
  /** Throws when the set is not known. */
  readonly charset: string;
  readonly segments: readonly Segment[];
}

/** Reads every byte of a message once, strictly. Linear in its length. */
export function findDefects(message: Checked): readonly Defect[] {
  const defects: Defect[] = [];
  const { component, repetition, escape, subcomponent } = message.delimiters;
  if ([component, repetition, escape, subcomponent].includes(''))
    defects.push({ kind: 'delimiters', segment: 0, field: 2 });
  let readable = true;
  try {
    void message.charset;
  } catch {
    readable = false;
    defects.push({ kind: 'charset', segment: 0, field: 18 });
  }
  for (const [index, segment] of message.segments.entries()) {
    if (!/^[A-Z][A-Z0-9]{2}$/.test(segment.name)) defects.push({ kind: 'segment-name', segment: index });
    if (!readable) continue;
    const field = segment.undecodableField();
    if (field !== undefined) defects.push({ kind: 'undecodable', segment: index, field });
  }
  return defects;
}
