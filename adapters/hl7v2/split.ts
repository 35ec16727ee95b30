const CR = 0x0d;
const LF = 0x0a;

/** Offsets of one segment: its name, behind its last byte, behind its segment end (CR, LF, CRLF, and blank lines after it). */
export type SegmentRange = readonly [start: number, end: number, stop: number];

/**
 * Cuts a byte string into segments. CR ends a segment always (HL7 v2.5.1 §2.5.2). A line feed belongs to the segment end it follows, and ends a
 * segment itself only where senders use it so: when it is the first segment end of all, or when a segment name and a field separator, a
 * segment end or nothing comes next. Any other line feed is text of its field.
 * @param scan byte string, masked. @param separator code of the field separator.
 */
export function splitSegments(scan: string, from: number, to: number, separator: number): SegmentRange[] {
  if (scan.indexOf('\n', from) === -1) return splitAtCr(scan, from, to);
  const byLineFeed = usesLineFeed(scan, from, to);
  const ranges: SegmentRange[] = [];
  let start = from;
  for (let at = from; at < to; at++) {
    const code = scan.charCodeAt(at);
    if (code !== CR && !(code === LF && (byLineFeed || startsSegment(scan, at + 1, to, separator)))) continue;
    const stop = skipEnds(scan, at, to);
    ranges.push([start, at, stop]);
    start = stop;
    at = stop - 1;
  }
  if (start < to) ranges.push([start, to, to]);
  return ranges;
}

function splitAtCr(scan: string, from: number, to: number): SegmentRange[] {
  const ranges: SegmentRange[] = [];
  let start = from;
  while (start < to) {
    const found = scan.indexOf('\r', start);
    const end = found === -1 || found > to ? to : found;
    const stop = skipEnds(scan, end, to);
    ranges.push([start, end, stop]);
    start = stop;
  }
  return ranges;
}

/** Behind a segment end and the blank lines after it: they belong to it, so that they are kept. */
function skipEnds(scan: string, at: number, to: number): number {
  let stop = at;
  while (stop < to && isEnd(scan.charCodeAt(stop))) stop++;
  return stop;
}

function isEnd(code: number): boolean {
  return code === CR || code === LF;
}

function usesLineFeed(scan: string, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const code = scan.charCodeAt(at);
    if (isEnd(code)) return code === LF;
  }
  return false;
}

/** A capital letter, two capitals or digits, and a field separator; or a segment end, or nothing. */
function startsSegment(scan: string, at: number, to: number, separator: number): boolean {
  if (at >= to || isEnd(scan.charCodeAt(at))) return true;
  if (at + 3 >= to || !isCapital(scan.charCodeAt(at))) return false;
  for (const code of [scan.charCodeAt(at + 1), scan.charCodeAt(at + 2)]) {
    if (!isCapital(code) && !(code >= 0x30 && code <= 0x39)) return false;
  }
  return scan.charCodeAt(at + 3) === separator;
}

function isCapital(code: number): boolean {
  return code >= 0x41 && code <= 0x5a;
}
