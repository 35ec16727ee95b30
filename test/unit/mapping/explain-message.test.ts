import { describe, expect, it } from 'vitest';
import { explainMessage } from '../../../src/mapping/explain-message.ts';
import { readMessage } from '../../../src/mapping/read-message.ts';
import { parseMessage } from '../../../adapters/hl7v2/parse.ts';
import { messageTree } from '../../../adapters/hl7v2/tree.ts';
import { compileWith, CONTEXT, keepRows } from './support.ts';

const set = compileWith(
  `map: PID <-> Patient
rows:
  - { v2: PID-3, fhir: identifier, each: CX <-> Identifier }
  - { v2: PID-5, fhir: name, each: XPN <-> HumanName }
  - { v2: PID-8, fhir: gender, code: administrative-sex }
${keepRows('PID', 40, [3, 5, 8])}`,
  `message: ADT_A05
of: [ADT^A28]
structure: [MSH, PID, NK1*]
reads:
  - { resource: Patient, maps: [PID <-> Patient] }
drops:
  MSH: { why: the envelope, by: test }
`,
);

function explain(...segments: string[]) {
  const text = ['MSH|^~\\&|A|B|||2026||ADT^A28|1|P|2.5', ...segments].join('\r');
  const message = parseMessage(Buffer.from(text));
  const file = set.messages.get('ADT_A05')!;
  const root = messageTree(message, file.group(message.segments.map(({ name }) => name)).root, file.order);
  return explainMessage(root, readMessage(file, root, CONTEXT));
}

describe('a message explained', () => {
  const fields = explain('PID|||7^^^HOSP||O\\T\\Hara^Jo||""|X', 'ZPI|1|a~b', 'NK1|1');
  const field = (name: string) => fields.find((it) => it.field === name)!;

  it('says of every field its value, its row and where that was written', () => {
    expect(field('PID-5')).toMatchObject({ segment: 'PID', text: 'O&Hara^Jo', fate: 'mapped', why: [] });
    expect(field('PID-5').rows).toEqual([
      {
        map: 'PID <-> Patient',
        row: '{ v2: PID-5, fhir: name, each: XPN <-> HumanName }',
        element: 'Patient.name',
        origin: 'test-0.yaml:4',
      },
    ]);
    expect(field('PID-3').text).toBe('7^^^HOSP');
  });

  it('says what had no home, and why', () => {
    expect(field('PID-8')).toMatchObject({
      fate: 'refused',
      why: ['PID-8 unknown-code: code map administrative-sex'],
    });
    expect(field('PID-7')).toMatchObject({
      text: '""',
      rows: [{ row: '{ v2: PID-7, fhir: null, keep: raw, why: not of this test }' }],
    });
    expect(field('ZPI-2')).toMatchObject({ fate: 'kept', rows: [] });
    expect(field('NK1-1')).toMatchObject({ fate: 'unmapped', rows: [] });
    expect(field('MSH-9')).toMatchObject({ fate: 'heeded', why: ['it says what the message is'] });
  });

  it('goes through the message in its order', () => {
    expect([...new Set(fields.map(({ segment }) => segment))]).toEqual(['MSH', 'PID', 'ZPI', 'NK1']);
  });
});
