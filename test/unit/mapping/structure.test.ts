import { describe, expect, it } from 'vitest';
import { compileStructure, type SegmentGroup } from '../../../src/mapping/structure.ts';

/** A group as text: `PID NTE(1) ORDER[OBR OBX OBX]`. */
function draw(group: SegmentGroup): string {
  const own = [...group.segments].map(([name, at]) => (at.length === 1 ? name : `${name}*${at.length}`));
  const inner = [...group.groups].flatMap(([name, list]) => list.map((it) => `${name}[${draw(it)}]`));
  return [...own, ...inner].join(' ');
}

const ORU = compileStructure([
  'MSH',
  'SFT*',
  {
    group: 'RESULT*',
    of: [
      { group: 'PATIENT?', of: ['PID', 'PD1?', 'NTE*', { group: 'VISIT?', of: ['PV1', 'PV2?'] }] },
      { group: 'ORDER*', of: ['ORC?', 'OBR', 'NTE*', { group: 'OBSERVATION*', of: ['OBX', 'NTE*'] }] },
    ],
  },
  'DSC?',
]);
const group = (names: string) => ORU(names.split(' '));

describe('grouping segments by a structure', () => {
  it.each([
    [
      'MSH PID PV1 OBR OBX OBX',
      'MSH RESULT[PATIENT[PID VISIT[PV1]] ORDER[OBR OBSERVATION[OBX] OBSERVATION[OBX]]]',
    ],
    [
      'MSH PID OBR OBX NTE OBR NTE OBX',
      'MSH RESULT[PATIENT[PID] ORDER[OBR OBSERVATION[OBX NTE]] ORDER[OBR NTE OBSERVATION[OBX]]]',
    ],
    ['MSH OBR PID ORC OBR', 'MSH RESULT[ORDER[OBR]] RESULT[PATIENT[PID] ORDER[ORC OBR]]'],
    ['MSH PID NTE NTE PV1 DSC', 'MSH DSC RESULT[PATIENT[PID NTE*2 VISIT[PV1]]]'],
  ])('%s', (names, drawing) => {
    expect(draw(group(names).root)).toBe(drawing);
    expect(group(names).unexpected).toEqual([]);
  });

  it('begins a group anew at each of its first segments', () => {
    const answer = compileStructure(['MSH', { group: 'PERSON*', of: ['PID', 'PD1?'] }, 'DSC?']);
    expect(draw(answer(['MSH', 'PID', 'PID', 'PD1', 'PID', 'DSC']).root)).toBe(
      'MSH DSC PERSON[PID] PERSON[PID PD1] PERSON[PID]',
    );
  });

  it('keeps a segment that comes twice beside the first, and says so', () => {
    const twice = compileStructure(['MSH', 'PID', 'PV1?'])(['MSH', 'PID', 'PID']);
    expect(draw(twice.root)).toBe('MSH PID*2');
    expect(twice.unexpected).toEqual([2]);
  });

  it('keeps Z-segments in the group they stand in', () => {
    const { root, unexpected } = group('MSH PID ZPI OBR OBX ZRX');
    expect(draw(root)).toBe('MSH RESULT[PATIENT[PID ZPI] ORDER[OBR OBSERVATION[OBX ZRX]]]');
    expect(unexpected).toEqual([]);
  });

  it('keeps what it does not expect, and says so', () => {
    const { root, unexpected } = group('MSH PID IN1 OBR');
    expect(draw(root)).toBe('MSH RESULT[PATIENT[PID IN1] ORDER[OBR]]');
    expect(unexpected).toEqual([2]);
  });
});
