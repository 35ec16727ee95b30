import { describe, expect, it } from 'vitest';
import { parseMessage } from '../../../adapters/hl7v2/parse.ts';
import { readingTree } from '../../../adapters/hl7v2/reading-tree.ts';
import { messageTree } from '../../../adapters/hl7v2/tree.ts';
import { readMessage } from '../../../src/mapping/read-message.ts';
import { compileWith, CONTEXT } from './support.ts';

const set = compileWith(
  `
definitions: segments of this test
segments:
  ZAP: [ST Number]
  ZRS: [CWE Code, ST Name]
`,
  `
map: ZAP <-> Encounter
rows:
  - { v2: ZAP-1, fhir: identifier.value }
  - { v2: ZRS, fhir: diagnosis, each: ZRS <-> Encounter.diagnosis, only: read, why: segments stay }
`,
  `
map: ZRS <-> Encounter.diagnosis
rows:
  - { v2: ZRS-2, fhir: condition.display }
  - { v2: ZRS-1, fhir: ~, keep: raw, why: of the Condition }
`,
  `
map: ZRS <-> Condition
rows:
  - { v2: ZRS-1, fhir: code, each: CWE <-> CodeableConcept }
  - { v2: ZRS-2, fhir: ~, keep: raw, why: of the Encounter }
`,
  `
message: ZAP_Z01
of: [ZAP^Z01]
structure:
  - MSH
  - PID
  - ZAP
  - { group: PART*, open: true, of: [PV1, { group: ITEM*, open: true, of: [ZRS] }] }
  - { group: SHUT*, of: [ZRS] }
reads:
  - { resource: Encounter, maps: [ZAP <-> Encounter], refers: { diagnosis.condition: condition } }
  - { as: condition, resource: Condition, in: PART/ITEM, maps: [ZRS <-> Condition], key: [[PID-3, ZRS-1.1 or ZRS-1.2]] }
`,
);
const file = set.messages.get('ZAP_Z01')!;

function read(tree: 'messageTree' | 'readingTree', ...segments: string[]) {
  const lines = [
    'MSH|^~\\&|A|B|||20260102030405||ZAP^Z01|M1|P|2.5.1',
    'PID|||100^^^HOSP',
    'ZAP|7',
    ...segments,
  ];
  const message = parseMessage(Buffer.from(lines.join('\r')));
  const { root } = file.group(message.segments.map((segment) => segment.name));
  const place = tree === 'messageTree' ? messageTree(message, root, file.order) : readingTree(message, root);
  return readMessage(file, place, CONTEXT).resources.map(({ resource }) => resource);
}

describe.each(['messageTree', 'readingTree'] as const)('an open group of a %s', (tree) => {
  it('shows its segments, those of all its repetitions, to the groups around it', () => {
    const [encounter] = read(tree, 'PV1|1', 'ZRS|A|first', 'ZRS|B|second', 'PV1|2', 'ZRS|C|third');
    expect(encounter!['diagnosis']).toMatchObject([
      { condition: { display: 'first' } },
      { condition: { display: 'second' } },
      { condition: { display: 'third' } },
    ]);
  });

  it('is told apart from one that is not open', () => {
    const [encounter] = read(tree, 'ZRS|A|shut');
    expect(encounter!['diagnosis']).toBeUndefined();
  });

  it('gives each of several items its own reference, in order', () => {
    const [encounter, first, second] = read(tree, 'PV1|1', 'ZRS|A|first', 'ZRS|^in words|second');
    expect([first!.id, second!.id]).toEqual(['HOSP|100/A', 'HOSP|100/in words']);
    expect(encounter!['diagnosis']).toEqual([
      { condition: { display: 'first', reference: 'Condition/HOSP|100/A' } },
      { condition: { display: 'second', reference: 'Condition/HOSP|100/in words' } },
    ]);
  });
});
