const CR = 0x0d;
const LF = 0x0a;

/**
 * Cuts a byte string into segments. CR ends a segment always (HL7 v2.5.1 §2.5.2). A line feed belongs to the segment end it follows, and ends a
 * segment itself only where senders use it so: when it is the first segment end of all, or when a segment name and a field separator, a
 * segment end or nothing comes next. Any other line feed is text of its field. Blank lines belong to the segment end before them.
 * @param scan byte string, masked. @param separator code of the field separator.
 * @returns for each segment the offsets of its name and behind its last byte, in one flat list, and at the end of the list `to`.
 */
export function splitSegments(scan: string, from: number, to: number, separator: number): number[] {
  const bounds: number[] = [];
  let start = from;
  if (scan.indexOf('\n', from) === -1) {
    while (start < to) {
      const found = scan.indexOf('\r', start);
      const end = found === -1 || found > to ? to : found;
      bounds.push(start, end);
      start = end + 1;
      while (start < to && scan.charCodeAt(start) === CR) start++;
    }
  } else {
    const byLineFeed = usesLineFeed(scan, from, to);
    while (start < to) {
      const end = findEnd(scan, start, to, byLineFeed, separator);
      bounds.push(start, end);
      start = end;
      while (start < to && isEnd(scan.charCodeAt(start))) start++;
    }
  }
  bounds.push(to);
  return bounds;
}

function findEnd(scan: string, from: number, to: number, byLineFeed: boolean, separator: number): number {
  for (let at = from; at < to; at++) {
    const code = scan.charCodeAt(at);
    if (code === CR || (code === LF && (byLineFeed || startsSegment(scan, at + 1, to, separator)))) return at;
  }
  return to;
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
