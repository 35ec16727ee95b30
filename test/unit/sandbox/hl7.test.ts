import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMessage } from '../../../sandbox/legacy-core/hl7/charset.ts';
import { fold } from '../../../sandbox/legacy-core/hl7/criteria.ts';
import {
  escapeText,
  parseHl7,
  plain,
  value,
  writeSegment,
} from '../../../sandbox/legacy-core/hl7/message.ts';
import { contentHash } from '../../../sandbox/legacy-core/mllp/duplicates.ts';
import {
  createFrameReader,
  frame,
  FrameTooLong,
  MAX_FRAME,
} from '../../../sandbox/legacy-core/mllp/frames.ts';

describe('splitting', () => {
  it.each([
    ['delimiters', 'a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f', 'a|b^c&d~e\\f'],
    ['hexadecimal', '\\X41\\\\X4243\\', 'ABC'],
    ['formatting stays', 'one\\.br\\two', 'one\\.br\\two'],
    ['a local escape stays', '\\Z01\\', '\\Z01\\'],
    ['a lone escape character stays', '50\\ off', '50\\ off'],
  ])('decodes %s', (_what, leaf, text) => {
    expect(plain(leaf)).toBe(text);
  });

  it('never lets a text become a field, a component or a segment', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const { segments } = parseHl7(`MSH|^~\\&|A\rNTE|1|${escapeText(text)}|end`);
        expect(segments).toHaveLength(2);
        expect(value(segments[1], 2)).toBe(text);
        expect(value(segments[1], 3)).toBe('end');
      }),
    );
  });

  it('numbers the fields of MSH from the separator on', () => {
    const { msh } = parseHl7('MSH|^~\\&|APP|FAC||||||X|1');
    expect([value(msh, 1), value(msh, 2), value(msh, 3)]).toEqual(['|', '^~\\&', 'APP']);
  });

  it('takes other delimiters and gives the standard ones back', () => {
    const { segments } = parseHl7('MSH:*!?%:X\rPID:1::4*%x!5::a?F?b|c');
    expect(writeSegment(segments[1] ?? { name: '', fields: [] })).toBe('PID|1||4^&x~5||a:b\\F\\c');
  });

  it.each(['', 'PID|1', 'MSH', 'MSH|^~'])('refuses %j', (text) => {
    expect(() => parseHl7(text)).toThrow();
  });
});

describe('folding', () => {
  it.each([
    ['Müller', 'muller'],
    ['ŁUKASIEWICZ', 'łukasiewicz'],
    ['Đorđević', 'đorđevic'],
    ['Weiß', 'weiss'],
    ['  Nguyễn ', 'nguyen'],
  ])('%s is indexed as %s', (text, folded) => {
    expect(fold(text)).toBe(folded);
  });
});

describe('frames', () => {
  it('come out the same however they are cut and glued, noise between them dropped', () => {
    const payload = fc
      .uint8Array({ maxLength: 60 })
      .map((bytes) => Buffer.from(bytes.map((b) => (b === 0x1c ? 0x20 : b))));
    const noise = fc
      .uint8Array({ maxLength: 8 })
      .map((bytes) => Buffer.from(bytes.filter((b) => b !== 0x0b)));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(noise, payload), { maxLength: 8 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 40 })),
        (parts, sizes) => {
          const line = Buffer.concat(parts.flatMap(([before, content]) => [before, frame(content)]));
          const read = createFrameReader();
          const out: Buffer[] = [];
          for (let at = 0; at < line.length;) {
            const size = sizes.next().value ?? 1;
            out.push(...read(line.subarray(at, at + size)));
            at += size;
          }
          expect(out.map((each) => each.toString('hex'))).toEqual(
            parts.map(([, content]) => content.toString('hex')),
          );
        },
      ),
    );
  });

  it('an end byte without CR does not end a frame', () => {
    const read = createFrameReader();
    expect(read(Buffer.from('\u000ba\u001cb\u001c\r', 'latin1')).map(String)).toEqual(['a\u001cb']);
  });

  it('that grow without end are refused', () => {
    const read = createFrameReader();
    read(Buffer.from([0x0b]));
    expect(() => read(Buffer.alloc(MAX_FRAME + 1, 0x41))).toThrow(FrameTooLong);
  });
});

describe('character sets', () => {
  const message = (charset: string, rest: Buffer): Buffer =>
    Buffer.concat([Buffer.from(`MSH|^~\\&|||||||X|1|P|2.5||||||${charset}\rNTE|`), rest]);

  it.each([
    ['8859/1', Buffer.from('Ä', 'latin1'), 'Ä'],
    ['UNICODE UTF-8', Buffer.from('王'), '王'],
    ['', Buffer.from('王'), '王'],
    ['ASCII', Buffer.from('A'), 'A'],
  ])('%j', (charset, bytes, text) => {
    expect(decodeMessage(message(charset, bytes)).split('NTE|')[1]).toBe(text);
  });

  it.each([
    ['UNICODE UTF-8', Buffer.from([0xc4])],
    ['', Buffer.from([0xff])],
    ['ASCII', Buffer.from([0x80])],
    ['KS X 1001', Buffer.from('A')],
  ])('%j with bytes that it does not have is an error', (charset, bytes) => {
    expect(() => decodeMessage(message(charset, bytes))).toThrow();
  });
});

describe('the content of a message', () => {
  it('is the same when only MSH-7 differs', () => {
    const hash = (time: string, rest: string): string =>
      contentHash(`MSH|^~\\&|A|B|C|D|${time}||ADT^A28|1\rPID|${rest}`);
    expect(hash('20260101', 'x')).toBe(hash('20270101', 'x'));
    expect(hash('20260101', 'x')).not.toBe(hash('20260101', 'y'));
  });
});
