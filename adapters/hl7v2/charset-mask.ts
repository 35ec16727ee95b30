/** What replaces a byte that is part of a character: no delimiter, no segment end, no letter. */
const MASK = '\xff';

type DoubleByte = 'gb18030' | 'big5' | 'euc-kr' | 'shift_jis';

function isLead(set: DoubleByte, code: number): boolean {
  if (set === 'shift_jis') return (code >= 0x81 && code <= 0x9f) || (code >= 0xe0 && code <= 0xfc);
  return code >= 0x81 && code <= 0xfe;
}

/** Second bytes of two-byte characters. A lead byte with anything else behind it is broken and hides nothing. */
function isTrail(set: DoubleByte, code: number): boolean {
  if (set === 'euc-kr')
    return code >= 0x81 || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
  if (set === 'big5') return code >= 0xa1 || (code >= 0x40 && code <= 0x7e);
  return code >= 0x40 && code !== 0x7f;
}

/** Length of the character at `at`: 1 where no multi-byte character starts. */
function characterLength(set: DoubleByte, bytes: string, at: number): number {
  if (!isLead(set, bytes.charCodeAt(at))) return 1;
  if (isTrail(set, bytes.charCodeAt(at + 1))) return 2;
  return set === 'gb18030' && isFourByte(bytes, at) ? 4 : 1;
}

function isFourByte(bytes: string, at: number): boolean {
  const second = bytes.charCodeAt(at + 1);
  const third = bytes.charCodeAt(at + 2);
  const fourth = bytes.charCodeAt(at + 3);
  return (
    second >= 0x30 && second <= 0x39 && third >= 0x81 && third <= 0xfe && fourth >= 0x30 && fourth <= 0x39
  );
}

/** Hides second bytes that look like `\ | ^ ~` and other delimiters (Shift-JIS, Big5, GB 18030: 0x40 to 0x7E). */
export function maskDoubleByte(set: DoubleByte): (bytes: string) => string {
  return (bytes) => {
    let out = '';
    let copied = 0;
    for (let at = 0; at < bytes.length;) {
      const length = characterLength(set, bytes, at);
      if (length > 1) {
        out += bytes.slice(copied, at + 1) + MASK.repeat(length - 1);
        copied = at + length;
      }
      at += length;
    }
    return copied === 0 ? bytes : out + bytes.slice(copied);
  };
}

/**
 * Hides the runs of ISO 2022-JP whose bytes are no ASCII: from `ESC $ …` (two bytes a character) or `ESC ( I`
 * (katakana) to the next escape, or to the segment's end where none follows.
 */
export function maskIso2022(bytes: string): string {
  const [first = '', ...rest] = bytes.split(ESCAPE);
  return first + rest.map((run) => (SWITCHED.test(run) ? hideLine(ESCAPE + run) : ESCAPE + run)).join('');
}

/** Whether the last switch of a text is not taken back: a separator may be hidden behind it (HL7 v2.5.1 §2.15.9.18). */
export function isLeftSwitched(bytes: string): boolean {
  const last = bytes.lastIndexOf(ESCAPE);
  return last !== -1 && SWITCHED.test(bytes.slice(last + 1, last + 3));
}

const ESCAPE = '\u001b';
/** What follows the escape of such a run. */
const SWITCHED = /^(?:\$|\(I)/;

function hideLine(run: string): string {
  const end = run.search(/[\r\n]/);
  return end === -1 ? MASK.repeat(run.length) : MASK.repeat(end) + run.slice(end);
}
