import { describe, expect, it } from 'vitest';
import { parseMessage } from '../../../adapters/hl7v2/parse.ts';
import { createDay } from '../../../sandbox/feed/day.ts';
import { feedOf } from '../../../sandbox/feed/disturb.ts';

const day = createDay({ patients: 60 });
const textOf = (bytes: Buffer) => bytes.toString('latin1');

describe('a day in the hospital', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(createDay({ patients: 60 })).toEqual(day);
    expect(createDay({ patients: 60, seed: 2 })).not.toEqual(day);
  });

  it('tells everything in the order in which it happens, each under a number of its own', () => {
    expect(day.map(({ at }) => at)).toEqual(day.map(({ at }) => at).toSorted((one, other) => one - other));
    expect(new Set(day.map(({ controlId }) => controlId)).size).toBe(day.length);
  });

  it('has admissions, transfers, orders, results, corrections, letters, appointments, merges and discharges', () => {
    const types = new Set(day.map(({ type }) => type));
    expect([...types].toSorted()).toEqual(
      [
        'ADT^A01',
        'ADT^A02',
        'ADT^A03',
        'ADT^A08',
        'ADT^A40',
        'MDM^T02',
        'ORM^O01',
        'ORU^R01',
        'SIU^S12',
      ].toSorted(),
    );
    const statuses = new Set(
      day.flatMap(({ segments }) =>
        segments.filter((it) => it.startsWith('OBR')).map((it) => it.split('|')[25] ?? ''),
      ),
    );
    expect([...statuses].toSorted()).toEqual(['', 'C', 'F', 'P']);
  });

  it('admits everyone before anything else, and merges whoever came as nobody', () => {
    for (const events of Map.groupBy(
      day,
      ({ segments }) => segments.find((it) => it.startsWith('PV1'))?.split('|')[19] ?? '',
    ).values()) {
      if (events[0]!.type === 'ADT^A40' || events[0]!.type === 'SIU^S12') continue;
      expect(events[0]!.type).toBe('ADT^A01');
    }
    const merges = day.filter(({ type }) => type === 'ADT^A40');
    expect(merges.length).toBeGreaterThan(0);
    for (const { segments, patient, at } of merges) {
      const retired = segments
        .find((it) => it.startsWith('MRG'))!
        .split('|')[1]!
        .split('^')[0]!;
      expect(retired).toBe(`T${patient}`);
      expect(day.filter((event) => event.patient === retired).every((event) => event.at <= at)).toBe(true);
    }
  });
});

describe('a feed', () => {
  it('is the day itself when nothing goes wrong', () => {
    const feed = feedOf(day);
    expect(feed.map(({ event }) => event.controlId)).toEqual(day.map(({ controlId }) => controlId));
    for (const { bytes, event } of feed) {
      const message = parseMessage(bytes);
      expect(message.value('MSH', 10)).toBe(event.controlId);
      expect(message.value('MSH', 9)).toBe(event.type.slice(0, 3));
    }
  });

  it('goes wrong as often as asked, the same way for the same seed', () => {
    const wrong = { duplicates: 10, disorder: 10, late: 5, broken: 5, wrongCharset: 5 };
    const feed = feedOf(day, wrong, 3);
    expect(feedOf(day, wrong, 3)).toEqual(feed);
    for (const [kind, percent] of Object.entries(wrong)) {
      const share =
        (100 * feed.filter(({ disturbed }) => disturbed.includes(kind as keyof typeof wrong)).length) /
        day.length;
      expect(share, kind).toBeGreaterThan(percent / 3);
      expect(share, kind).toBeLessThan(percent * 3);
    }
  });

  it('says the same message twice with the same bytes', () => {
    const feed = feedOf(day, { duplicates: 20 });
    const again = feed.filter(({ disturbed }) => disturbed.includes('duplicates'));
    expect(feed.length).toBe(day.length + again.length);
    for (const { event, bytes } of again)
      expect(feed.filter((it) => it.event === event && it.bytes.equals(bytes))).toHaveLength(2);
  });

  it('breaks messages so that they cannot be read, and only those', () => {
    for (const { bytes, disturbed } of feedOf(day, { broken: 20, wrongCharset: 20 })) {
      const text = textOf(bytes);
      const isBroken = !text.startsWith('MSH|^~\\&|') || !text.includes('\rPID|');
      expect(isBroken).toBe(disturbed.includes('broken'));
      const decodes = (): string => new TextDecoder('utf-8', { fatal: true }).decode(bytes);
      if (disturbed.includes('wrongCharset')) expect(decodes).toThrow();
      else expect(decodes).not.toThrow();
    }
  });
});
