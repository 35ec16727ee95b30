import { describe, expect, it } from 'vitest';
import { loadMappings } from '../../../src/config/mappings.ts';

const set = loadMappings('mappings');
const files = [...set.messages.values()].filter((file) => file.message.startsWith('ADT'));

/** Every ADT event of HL7 v2.1 to v2.8 but A19, which is the query of QRY^A19, and A56 to A59, which do not exist. */
const EVENTS = Array.from({ length: 62 }, (_, at) => at + 1).filter((event) => event !== 19 && !(event >= 56 && event <= 59));

describe('the ADT structures', () => {
  it.each(EVENTS.map((event) => `ADT^A${String(event).padStart(2, '0')}`))('know %s once', (type) => {
    expect(files.filter((file) => file.of.includes(type)).map((file) => file.message)).toHaveLength(1);
  });

  it.each(files)('say of every segment of $message what becomes of it', (file) => {
    const read = new Set(file.readings.flatMap(({ map }) => map.segments));
    const silent = file.order.filter((segment) => !read.has(segment) && !file.drops[segment]);
    expect(silent).toEqual([]);
  });

  it.each([
    ['ADT_A01', ['MSH', 'EVN', 'PID', 'NK1', 'PV1'], { '': ['MSH', 'EVN', 'PID', 'NK1', 'PV1'] }],
    ['ADT_A39', ['MSH', 'EVN', 'PID', 'MRG', 'PID', 'PD1', 'MRG'], { '': ['MSH', 'EVN'], PATIENT: ['PID', 'MRG', 'PID', 'PD1', 'MRG'] }],
    ['ADT_A17', ['MSH', 'EVN', 'PID', 'PV1', 'PID', 'PV1'], { '': ['MSH', 'EVN'], PATIENT: ['PID', 'PV1', 'PID', 'PV1'] }],
  ])('group the segments of %s', (name, segments, groups) => {
    const { root, unexpected } = set.messages.get(name)!.group(segments);
    const found: Record<string, string[]> = { '': [...root.segments.keys()] };
    for (const [group, list] of root.groups) found[group] = list.flatMap((it_) => [...it_.segments.keys()]);
    expect(found).toEqual(groups);
    expect(unexpected).toEqual([]);
  });
});
