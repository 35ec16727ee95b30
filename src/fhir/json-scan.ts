/** What is wrong with a JSON text, and at which character (0-based). Says nothing of its content. */
export interface JsonFault {
  readonly what: string;
  readonly at: number;
}

/** What one quick pass over a JSON text tells, well-formed or not. */
export interface JsonScan {
  /** Deepest nesting of objects and arrays. */
  readonly depth: number;
  /** Strings followed by a colon: the members of all objects, when the text is well-formed. */
  readonly members: number;
  /** Commas between members and items: one for each but the first of an object or array. */
  readonly commas: number;
  /** Some number may have digits that a JavaScript number would not give back. */
  readonly exotic: boolean;
}

const QUOTE = 34;
const BACKSLASH = 92;
const COLON = 58;

/**
 * Looks at everything outside of strings once. Strings are jumped over, so this costs far less than parsing.
 */
export function scanJson(text: string): JsonScan {
  let depth = 0;
  let deepest = 0;
  let members = 0;
  let commas = 0;
  let exotic = false;
  let afterString = false;
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
      afterString = true;
      continue;
    }
    if (code === COLON) {
      if (afterString) members += 1;
    } else if (code === 44) {
      commas += 1;
    } else if (code === 123 || code === 91) {
      depth += 1;
      if (depth > deepest) deepest = depth;
    } else if (code === 125 || code === 93) {
      depth -= 1;
    } else if (code === 45 || (code >= 48 && code <= 57)) {
      const end = endOfNumber(text, at);
      exotic ||= end - at > 15 || (end - at > 1 && !keepsDigits(text.slice(at, end)));
      at = end;
      afterString = false;
      continue;
    }
    if (code > 32) afterString = false;
    at += 1;
  }
  return { depth: deepest, members, commas, exotic };
}

function keepsDigits(source: string): boolean {
  return String(Number(source)) === source;
}

function endOfString(text: string, start: number): number {
  let from = start + 1;
  for (;;) {
    const end = text.indexOf('"', from);
    if (end < 0) return text.length;
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === BACKSLASH) escapes += 1;
    if (escapes % 2 === 0) return end + 1;
    from = end + 1;
  }
}

function endOfNumber(text: string, start: number): number {
  let at = start + 1;
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    const part =
      (code >= 48 && code <= 57) || code === 46 || code === 43 || code === 45 || (code | 32) === 101;
    if (!part) break;
  }
  return at;
}

const SPACE = /[ \t\n\r]*/y;
/** From the space on, all but the quote and the backslash stand for themselves (RFC 8259 §7). */
const STRING = /"(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/**
 * The first fault of a JSON text by the strict grammar (RFC 8259), with two rules more: no member twice in one object,
 * and no member named `__proto__`. Slower than scanning: for texts already known to be faulty.
 */
export function findJsonFault(text: string, maxDepth: number): JsonFault | undefined {
  let at = 0;
  const space = (): void => {
    SPACE.lastIndex = at;
    SPACE.test(text);
    at = SPACE.lastIndex;
  };
  const token = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  const fault = (what: string): JsonFault => ({
    what: at >= text.length ? 'the text ends too early' : what,
    at,
  });

  const value = (depth: number): JsonFault | undefined => {
    space();
    const open = text[at];
    if (open !== '{' && open !== '[') {
      return (token(open === '"' ? STRING : SCALAR) ?? '') === '' ? fault('expected a value') : undefined;
    }
    if (depth >= maxDepth) return fault(`nested deeper than ${maxDepth}`);
    at += 1;
    return open === '{' ? members(depth + 1) : items(depth + 1);
  };

  const members = (depth: number): JsonFault | undefined => {
    const names = new Set<string>();
    for (let first = true; ; first = false) {
      space();
      if (first && text[at] === '}') break;
      const start = at;
      const name = token(STRING);
      if (name === undefined) return fault('expected a member name');
      const decoded = JSON.parse(name) as string;
      if (names.has(decoded)) return { what: 'a member name is used twice in one object', at: start };
      if (decoded === '__proto__') return { what: 'a member name that is not allowed', at: start };
      names.add(decoded);
      space();
      if (text[at] !== ':') return fault('expected a colon');
      at += 1;
      const inner = value(depth);
      if (inner) return inner;
      space();
      if (text[at] === '}') break;
      if (text[at] !== ',') return fault('expected a comma or the end of the object');
      at += 1;
    }
    at += 1;
    return undefined;
  };

  const items = (depth: number): JsonFault | undefined => {
    for (let first = true; ; first = false) {
      space();
      if (first && text[at] === ']') break;
      const inner = value(depth);
      if (inner) return inner;
      space();
      if (text[at] === ']') break;
      if (text[at] !== ',') return fault('expected a comma or the end of the array');
      at += 1;
    }
    at += 1;
    return undefined;
  };

  const inner = value(0);
  if (inner) return inner;
  space();
  return at < text.length ? fault('more text after the value') : undefined;
}
