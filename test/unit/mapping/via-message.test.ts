import { describe, expect, it } from 'vitest';
import { startRun } from '../../../src/mapping/run.ts';
import { endAfterMinutesCodec, minutesCodec } from '../../../src/mapping/via/elapsed.ts';
import { HD_ENDPOINT, messageNameCodec, noEndpointCodec } from '../../../src/mapping/via/envelope.ts';
import { documentTextCodec, textDataCodec } from '../../../src/mapping/via/repetitions.ts';
import { compileWith, CONTEXT, hl7Tree } from './support.ts';

const units = compileWith().codes.get('schedule-unit');
const { run } = startRun(CONTEXT);
const segment = (text: string) => hl7Tree(text).child(text.slice(0, 3));

describe('minutes', () => {
  it.each([
    ['SCH|30|MIN', 30],
    ['SCH|2|H', 120],
    ['SCH|3600|s', 60],
    ['SCH|15', 15],
    ['SCH|90|s', undefined],
    ['SCH|5|fortnights', undefined],
  ])('of %s', (text, minutes) => {
    expect(minutesCodec([1], [2], units).read(segment(text), run)).toBe(minutes);
  });

  it('are written with their unit, and taken away with it', () => {
    const place = segment('SCH|2|H');
    expect(minutesCodec([1], [2], units).write(45, place, run)).toBe(true);
    expect([place.child(1).text(), place.child(2).text()]).toEqual(['45', 'min']);
  });

  it('after a start that is known to the minute give the end', () => {
    const end = endAfterMinutesCodec([1], [2]);
    expect(end.read(segment('PR1|202603010930|45'), run)).toBe('2026-03-01T10:15:00+01:00');
    expect(end.read(segment('PR1|20260301|45'), run)).toBeUndefined();
  });
});

describe('repetitions', () => {
  it('are the lines of a text, as data, and back', () => {
    const place = segment('NTE|1||one~two');
    const data = textDataCodec(3);
    expect(data.read(place, run)).toBe(Buffer.from('one\ntwo').toString('base64'));
    data.write(Buffer.from('a\nb\nc').toString('base64'), place, run);
    expect([0, 1, 2].map((at) => place.child(3, at).text())).toEqual(['a', 'b', 'c']);
  });

  it('of text segments are one document; others are not of it', () => {
    const group = hl7Tree('OBX|1|TX|||one~two\nOBX|2|ED|||x\nOBX|3|FT|||three');
    expect(documentTextCodec('OBX').read(group, run)).toEqual({
      attachment: { contentType: 'text/plain', data: Buffer.from('one\ntwo\nthree').toString('base64') },
    });
    expect(documentTextCodec('OBX').read(hl7Tree('OBX|1|ED|||x'), run)).toBeUndefined();
  });
});

describe('envelopes', () => {
  it('say what a message is', () => {
    const type = segment('MSH|ADT^A01^ADT_A01').child(1);
    expect(messageNameCodec('event - ', [1, 2]).read(type, run)).toBe('event - ADT^A01');
    expect(messageNameCodec('', [1, 2, 3]).read(segment('MSH|ACK').child(1), run)).toBe('ACK');
  });

  it.each([
    ['MSH|LAB^1.2.3^ISO', 'urn:oid:1.2.3'],
    ['MSH|^lab.example^DNS', 'urn:dns:lab.example'],
    ['MSH|LAB', undefined],
    ['MSH|LAB^7^L', undefined],
  ])('have an address only by a universal id: %s', (text, address) => {
    expect(HD_ENDPOINT.read(segment(text).child(1), run)).toBe(address);
    const absent = noEndpointCodec([2], [1], []).read(segment(text), run);
    expect(absent === undefined).toBe(address !== undefined);
  });
});
