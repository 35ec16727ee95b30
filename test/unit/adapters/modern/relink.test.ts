import * as fc from 'fast-check';
import { pipeline } from 'node:stream/promises';
import { Readable, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import {
  createRelinkStream,
  createRelinker,
  createRelinking,
  relinked,
} from '../../../../adapters/modern/relink.ts';
import type { Relinking } from '../../../../adapters/modern/relink.ts';

const FROM = 'http://labs.internal:8092/fhir';
const TO = 'https://api.hospital.example/fhir/r4';
const relinking = createRelinking(FROM, TO);

/** @param cuts where the stream is cut into chunks, each with memory of its own, as a socket gives them */
function relink(text: string, cuts: readonly number[] = [], by: Relinking = relinking): string {
  const bytes = Buffer.from(text);
  const borders = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  const relinker = createRelinker(by);
  const out: Buffer[] = [];
  let start = 0;
  for (const border of [...borders, bytes.length]) {
    // Nothing is copied on the way out: what was given away may not change when the next chunk comes.
    out.push(...relinker.push(Buffer.from(bytes.subarray(start, border))));
    start = border;
  }
  out.push(...relinker.end());
  return Buffer.concat(out).toString();
}

const escape = (text: string): string => text.replaceAll('/', '\\/');

describe('the base address of a service in a stream', () => {
  it.each([
    {
      name: 'before a path',
      text: `"fullUrl":"${FROM}/Observation/1"`,
      out: `"fullUrl":"${TO}/Observation/1"`,
    },
    { name: 'alone', text: `"url":"${FROM}"`, out: `"url":"${TO}"` },
    { name: 'before a query', text: `"url":"${FROM}?_getpages=7"`, out: `"url":"${TO}?_getpages=7"` },
    { name: 'at the very end', text: FROM, out: TO },
    { name: 'twice in a row', text: `${FROM}/${FROM}/`, out: `${TO}/${TO}/` },
    {
      name: 'with escaped slashes',
      text: `"${escape(FROM)}\\/Observation\\/1"`,
      out: `"${escape(TO)}\\/Observation\\/1"`,
    },
    { name: 'in narrative', text: `<a href=\\"${FROM}/x\\">`, out: `<a href=\\"${TO}/x\\">` },
  ])('is replaced $name', ({ text, out }) => {
    expect(relink(text)).toBe(out);
  });

  it.each([
    ['http://labs.internal:8092/fhir2/Observation/1', 'another path'],
    ['http://labs.internal:8092/fhir-old/', 'a longer name'],
    ['http://labs.internal:8092/', 'another part of the host'],
    ['https://labs.internal:8092/fhir/', 'another scheme'],
    ['http://labs.internal:8092/fhi', 'a piece of it'],
    ['{"a":"1.50","b":"\\u00e4\\/"}', 'nothing of it'],
  ])('leaves %s alone: %s', (text) => {
    expect(relink(text)).toBe(text);
  });

  it('does not take a host for a longer one, or one with a port', () => {
    const bare = createRelinking('http://labs', 'https://x');
    const relinker = createRelinker(bare);
    const text = 'http://labs/a http://labs.example/a http://labs:81/a http://labs2/a http://labs@evil/';
    expect(Buffer.concat([...relinker.push(Buffer.from(text)), ...relinker.end()]).toString()).toBe(
      text.replace('http://labs/a', 'https://x/a'),
    );
  });

  it.each([
    { name: 'longer', from: FROM, to: TO },
    { name: 'shorter', from: TO, to: 'http://a.example/f' },
    { name: 'as long', from: FROM, to: FROM.replace('labs', 'work') },
    {
      name: 'shorter, but longer when escaped',
      from: 'http://labs.internal/fhir',
      to: 'http://h/f/h/i/r/r/4',
    },
    { name: 'longer, but no longer when escaped', from: 'http://h/f/h/i/r', to: 'http://labs.x/fhir' },
  ])('comes out the same however the stream is cut: the new address $name', ({ from, to }) => {
    const by = createRelinking(from, to);
    const piece = fc.oneof(
      fc.constantFrom(
        from,
        escape(from),
        `${from}${escape(from)}`,
        from.slice(0, 12),
        escape(from).slice(0, 9),
      ),
      fc.constantFrom('http', 'h', '/', '\\/', '"', '2', ' ', '\\'),
      fc.string({ maxLength: 8 }),
    );
    const document = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(document, fc.array(fc.nat(), { maxLength: 40 }), (text, cuts) => {
        // The second opinion: one regular expression over the whole text.
        const after = '(?![A-Za-z0-9:@._~%-])';
        const pattern = (address: string): RegExp =>
          new RegExp(address.replace(/[.\\/]/g, '\\$&') + after, 'g');
        const expected = text.replace(pattern(from), to).replace(pattern(escape(from)), escape(to));
        expect(relink(text, cuts, by)).toBe(expected);
        expect(relinked(Buffer.from(text), by).toString()).toBe(expected);
      }),
      { numRuns: 1_000 },
    );
  });

  it('keeps every byte that is not text', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), (bytes, cut) => {
        const relinker = createRelinker(relinking);
        const data = Buffer.from(bytes);
        const head = relinker.push(Buffer.from(data.subarray(0, cut)));
        const tail = relinker.push(Buffer.from(data.subarray(cut)));
        expect(Buffer.concat([...head, ...tail, ...relinker.end()]).equals(data)).toBe(true);
      }),
    );
  });

  it('is replaced in a stream of streams too', async () => {
    const chunks: Buffer[] = [];
    const sink = new Writable({
      write(chunk: Buffer, _encoding, callback) {
        chunks.push(chunk);
        callback();
      },
    });
    const text = `"${FROM}/a" `.repeat(1_000);
    await pipeline(
      Readable.from([Buffer.from(text.slice(0, 777)), Buffer.from(text.slice(777))]),
      createRelinkStream(relinking),
      sink,
    );
    expect(Buffer.concat(chunks).toString()).toBe(text.replaceAll(FROM, TO));
  });
});
