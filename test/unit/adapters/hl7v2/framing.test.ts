import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDeframer, encodeFrame } from '../../../../adapters/hl7v2/framing.ts';
import type { FrameEvent } from '../../../../adapters/hl7v2/framing.ts';

const LIMIT = 1_000;

/** Events of chunks written as text; noise counts added up. */
function feed(chunks: readonly (string | Buffer)[], limit = LIMIT) {
  const deframer = createDeframer(limit);
  const events: FrameEvent[] = chunks.flatMap((chunk) =>
    deframer.feed(Buffer.from(chunk as string, 'latin1')),
  );
  return { deframer, frames: framesOf(events), noise: noiseOf(events), events };
}

function framesOf(events: readonly FrameEvent[]): string[] {
  return events.flatMap((event) => (event.kind === 'frame' ? [event.payload.toString('latin1')] : []));
}

function noiseOf(events: readonly FrameEvent[]): number {
  return events.reduce((sum, event) => sum + (event.kind === 'noise' ? event.bytes : 0), 0);
}

/** Cuts bytes at the given places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...sorted].map((from, index) => bytes.subarray(from, sorted[index] ?? bytes.length));
}

/** Any bytes that neither end a frame nor start one: 0x1C may stand anywhere but before CR, 0x0B but before a header. */
const payload = fc
  .array(
    fc.oneof(
      { weight: 2, arbitrary: fc.constantFrom(0x0b, 0x1c, 0x0d, 0x4d) },
      { weight: 3, arbitrary: fc.nat(255) },
    ),
    { maxLength: 40 },
  )
  .map((bytes) => Buffer.from(bytes))
  .filter((bytes) => !['\x1c\r', '\vMSH', '\vFHS', '\vBHS'].some((end) => bytes.includes(end)));
const noise = fc
  .uint8Array({ maxLength: 5 })
  .map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 0x0b)));

describe('frames', () => {
  it('come out the same however they are split and glued, and what is between them is counted', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(noise, payload), { maxLength: 6 }),
        fc.array(fc.nat(400), { maxLength: 12 }),
        (list, places) => {
          const bytes = Buffer.concat(list.flatMap(([junk, content]) => [junk, encodeFrame(content)]));
          const { deframer, frames, noise: counted } = feed(cut(bytes, places));
          expect(frames).toEqual(list.map(([, content]) => content.toString('latin1')));
          expect(counted).toBe(list.reduce((sum, [junk]) => sum + junk.length, 0));
          expect(deframer.awaitingEnd).toBe(false);
          expect(deframer.end()).toEqual([]);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('come out the same byte by byte', () => {
    const bytes = '\vMSH|a\x1cb\rPID\x1c\r\n\v\x1c\r\vMSH|2\x1c\x1c\r';
    const whole = feed([bytes]);
    expect(whole.frames).toEqual(['MSH|a\x1cb\rPID', '', 'MSH|2\x1c']);
    expect(whole.noise).toBe(1);
    const single = feed(Array.from(bytes));
    expect(single.frames).toEqual(whole.frames);
    expect(single.noise).toBe(1);
  });

  it('share nothing with a chunk that is used again', () => {
    const deframer = createDeframer(LIMIT);
    const chunk = Buffer.from('\vMSH|ab');
    deframer.feed(chunk);
    chunk.fill(0);
    expect(framesOf(deframer.feed(Buffer.from('c\x1c\r')))).toEqual(['MSH|abc']);
  });
});

describe('a final CR that is missing', () => {
  it.each([
    ['in one packet', ['\vMSH|1\x1c\vMSH|2\x1c\r']],
    ['cut behind 0x1C', ['\vMSH|1\x1c', '\vMSH|2\x1c\r']],
    ['cut behind the next start', ['\vMSH|1\x1c\v', 'MSH|2\x1c\r']],
    ['cut inside the next header', ['\vMSH|1\x1c\vM', 'S', 'H|2\x1c\r']],
  ])('is survived when the next frame starts: %s', (_where, chunks) => {
    expect(feed(chunks).frames).toEqual(['MSH|1', 'MSH|2']);
  });

  it('is survived when the sender waits, after a silence', () => {
    const { deframer, frames } = feed(['\vMSH|1\x1c']);
    expect(frames).toEqual([]);
    expect(deframer.awaitingEnd).toBe(true);
    expect(framesOf(deframer.settle())).toEqual(['MSH|1']);
    expect(deframer.awaitingEnd).toBe(false);
    expect(deframer.settle()).toEqual([]);
    // The CR may come late; it is part of the frame's end, not noise.
    const late = deframer.feed(Buffer.from('\r\vMSH|2\x1c\r'));
    expect(framesOf(late)).toEqual(['MSH|2']);
    expect(noiseOf(late)).toBe(0);
  });

  it('is survived when the stream ends', () => {
    expect(framesOf(feed(['\vMSH|1\x1c']).deframer.end())).toEqual(['MSH|1']);
  });
});

describe('0x1C inside a payload', () => {
  it.each([
    ['before a letter', '\vMSH|a\x1cb\x1c\r', 'MSH|a\x1cb'],
    ['before 0x0B that starts nothing', '\vMSH|a\x1c\vMSX\x1c\r', 'MSH|a\x1c\vMSX'],
    ['doubled', '\vMSH|a\x1c\x1c\r', 'MSH|a\x1c'],
  ])('%s is only a byte', (_where, bytes, frame) => {
    expect(feed([bytes]).frames).toEqual([frame]);
    expect(feed(Array.from(bytes)).frames).toEqual([frame]);
  });

  it('is not settled when more of the payload has come', () => {
    const { deframer } = feed(['\vMSH|a\x1c', 'b']);
    expect(deframer.awaitingEnd).toBe(false);
    expect(deframer.settle()).toEqual([]);
  });
});

describe('a frame that is too long', () => {
  it('is refused once, its bytes dropped, and the next one read', () => {
    const long = 'x'.repeat(LIMIT + 1);
    for (const chunks of [[`\v${long}\x1c\r\vMSH|2\x1c\r`], [`\v${long}`, long, '\x1c', '\r\vMSH|2\x1c\r']]) {
      const { events } = feed(chunks);
      expect(events.map((event) => event.kind)).toEqual(['overlong', 'frame']);
      expect(framesOf(events)).toEqual(['MSH|2']);
    }
  });

  it('may be as long as the limit', () => {
    const full = 'x'.repeat(LIMIT);
    expect(feed([`\v${full}\x1c\r`]).frames).toEqual([full]);
    expect(feed(Array.from(`\v${full}\x1c\r`)).frames).toEqual([full]);
  });

  it('costs no memory beyond the limit however it is cut', () => {
    const deframer = createDeframer(1024 * 1024);
    const chunk = Buffer.alloc(1, 'x');
    deframer.feed(Buffer.from('\v'));
    const before = process.memoryUsage().arrayBuffers;
    for (let sent = 0; sent < 900_000; sent++) deframer.feed(chunk);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024);
  });
});

describe('a frame that another one begins in', () => {
  const bytes = Buffer.from('\vMSH|half\rPID|1\vMSH|whole\r\x1c\r', 'latin1');

  it('is dropped, and the other one read, however they are cut', () => {
    for (let first = 1; first < bytes.length; first += 1) {
      for (let second = first; second < bytes.length; second += 1) {
        const { frames, events, deframer } = feed(cut(bytes, [first, second]));
        expect(frames).toEqual(['MSH|whole\r']);
        expect(events.filter(({ kind }) => kind !== 'frame')).toEqual([{ kind: 'truncated', bytes: 14 }]);
        expect(deframer.end()).toEqual([]);
      }
    }
  });

  it('is nothing to speak of when it is empty', () => {
    expect(feed(['\v\vMSH|whole\x1c\r']).events).toMatchObject([{ kind: 'frame' }]);
  });

  it('was said to be too long before', () => {
    const { events } = feed([`\vMSH|${'x'.repeat(20)}`, '\vFHS|whole\x1c\r'], 12);
    expect(events.map(({ kind }) => kind)).toEqual(['overlong', 'frame']);
  });

  it('ends at no 0x0B that no header follows, nor is one at the end of the stream awaited', () => {
    expect(feed(['\vMSH|a\vMSx\x1c\r']).frames).toEqual(['MSH|a\vMSx']);
    const { deframer } = feed(['\vMSH|a\v']);
    expect(deframer.awaitingEnd).toBe(false);
    expect(deframer.settle()).toEqual([]);
    expect(deframer.end()).toEqual([{ kind: 'truncated', bytes: 6 }]);
  });
});

it('a stream that ends inside a frame says how much was cut off', () => {
  expect(feed(['\vMSH|12']).deframer.end()).toEqual([{ kind: 'truncated', bytes: 6 }]);
  expect(feed(['\vMSH|12\x1c\r']).deframer.end()).toEqual([]);
  expect(feed(['junk']).deframer.end()).toEqual([]);
});

it.each(['a\x1c\r', '\x1c\vMSH|', '\x1c\r', '\vMSH', 'a\vBHS|'])(
  'a payload that holds a frame end (%j) is not sent',
  (content) => {
    expect(() => encodeFrame(Buffer.from(content))).toThrow(expect.objectContaining({ code: 'unmappable' }));
  },
);
