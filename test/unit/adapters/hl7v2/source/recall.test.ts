import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseMessage } from '../../../../../adapters/hl7v2/parse.ts';
import { readOrRecall, type Answer } from '../../../../../adapters/hl7v2/source/answer.ts';
import type { Reading } from '../../../../../adapters/hl7v2/source/endpoint.ts';
import { createRecall } from '../../../../../adapters/hl7v2/source/recall.ts';
import { loadMappings } from '../../../../../src/config/mappings.ts';
import { createLogger } from '../../../../../src/log.ts';
import { compileStructure } from '../../../../../src/mapping/structure.ts';
import type { Clock } from '../../../../../src/ports.ts';
import { createFakeClock } from '../../../resilience/support.ts';

const mappings = loadMappings(join(import.meta.dirname, '../../../../../mappings'));
const { structure } = mappings.messages.get('RSP_K21')!;
const map = mappings.combined(['PID <-> Patient', 'PD1 <-> Patient']);
const log = createLogger({ level: 'silent' });
const context = {
  authorities: [{ name: 'HOSP', namespaces: ['HOSP'], system: 'urn:oid:2.999.1' }],
  timeZone: 'Europe/Berlin',
};

const KEY = 'HOSP|100234';

type Ask<T> = (controlId: string, segments: readonly string[], charset?: string, asked?: string) => T;

function answerReader(clock: Clock = createFakeClock()): Ask<Answer> {
  const group = 'QUERY_RESPONSE';
  const recall = createRecall(map, structure, group, { entries: 10, unusedMs: 60_000, clock });
  const reading: Reading = { group, map, grouping: compileStructure(structure), recall };
  return (controlId, segments, charset = '', asked = KEY) => {
    const header = `MSH|^~\\&|A|B|C|D|20260101||RSP^K22^RSP_K21|${controlId}|P|2.5||||||${charset}`;
    const text = [header, 'MSA|AA|1', `QAK|${controlId}|OK`, `QPD|Q|${controlId}`, ...segments, ''].join(
      '\r',
    );
    return readOrRecall(reading, parseMessage(Buffer.from(text, 'latin1')), asked, context, log);
  };
}

function reader(clock?: Clock): Ask<unknown> {
  const answers = answerReader(clock);
  return (...asked) => answers(...asked).records[0]?.resource;
}

const PID = 'PID|1||100234^^^HOSP^MR||Brandt^Lena';

describe('records read lately', () => {
  it('are the same resource while their bytes are the same, whatever the message around them says', () => {
    const read = reader();
    const first = read('1', [PID]);
    expect(first).toMatchObject({ id: 'HOSP|100234', name: [{ family: 'Brandt' }] });
    const second = read('2', [PID]);
    expect(second).toEqual(first);
    expect(read('3', [PID])).toBe(second);
  });

  it('are kept, and frozen, only when they are asked for again', () => {
    const read = reader();
    expect(Object.isFrozen(read('1', [PID]))).toBe(false);
    expect(Object.isFrozen(read('2', [PID]))).toBe(true);
  });

  it.each([
    ['a field', 'M', [`${PID}^^^^^L`], ''],
    ['a segment more', 'M', [PID, 'PD1||||77^Primus'], ''],
    ['a segment astray before the record', 'M', ['PD1||||77^Primus', PID], ''],
    ['another character set', 'M', [PID], '8859/1'],
  ])('are read anew when there is %s', (_what, controlId, segments, charset) => {
    const read = reader();
    read('1', [PID]);
    const first = read('2', [PID]);
    const other = read(controlId, segments, charset);
    expect(other).not.toBe(first);
    expect(other).toEqual(reader()(controlId, segments, charset));
  });

  it('are kept for whatever key they were asked for by, each by itself', () => {
    const read = reader();
    read('1', [PID]);
    const first = read('2', [PID]);
    for (const controlId of ['3', '4']) read(controlId, [PID], '', 'HOSP|another number of it');
    const other = read('5', [PID], '', 'HOSP|another number of it');
    expect(other).toEqual(first);
    expect(read('6', [PID], '', 'HOSP|another number of it')).toBe(other);
    expect(read('7', [PID])).toBe(first);
    expect(read('8', [PID.replace('Lena', 'Lene')])).toMatchObject({ name: [{ given: ['Lene'] }] });
  });

  it('are not kept when an answer holds several', () => {
    const read = reader();
    const both = [PID, PID.replace('PID|1', 'PID|2')];
    const first = read('1', both);
    expect(read('2', both)).not.toBe(first);
    expect(read('2', both)).toEqual(first);
  });

  it('are read anew when they were not asked for during the time they are kept', async () => {
    const clock = createFakeClock();
    const read = reader(clock);
    read('0', [PID]);
    const first = read('1', [PID]);
    for (let asked = 0; asked < 10; asked += 1) {
      await clock.advance(29_000);
      expect(read('2', [PID])).toBe(first);
    }
    await clock.advance(60_000);
    expect(read('3', [PID])).not.toBe(first);
  });

  it('keep the segments that they were read from', () => {
    const answers = answerReader();
    for (const controlId of ['1', '2', '3']) {
      const [record] = answers(controlId, [PID, 'PD1||||77^Primus']).records;
      expect(record!.segments('PID')).toEqual([PID]);
      expect(record!.segments('PD1')).toEqual(['PD1||||77^Primus']);
      expect(record!.segments('ZZZ')).toEqual([]);
    }
  });

  it('are told apart by the bytes that a character set reads differently', () => {
    const read = reader();
    const name = PID.replace('Lena', 'Zo\u00eb');
    expect(read('1', [name], '8859/1')).toMatchObject({ name: [{ given: ['Zo\u00eb'] }] });
    expect(read('2', [name], '8859/2')).toMatchObject({ name: [{ given: ['Zo\u00eb'] }] });
    expect(read('3', [PID.replace('Lena', 'Zo\u00b1')], '8859/1')).toMatchObject({
      name: [{ given: ['Zo\u00b1'] }],
    });
    expect(read('4', [PID.replace('Lena', 'Zo\u00b1')], '8859/2')).toMatchObject({
      name: [{ given: ['Zo\u0105'] }],
    });
  });

  it.each([
    ['reads the header', { v2: 'MSH-4' }],
    ['asks for the header', { v2: 'PID-8', when: "MSH-4 = 'B' and PID-7" }],
    ['asks for a fact of the exchange', { v2: 'PID-8', unless: '$event = A28' }],
  ])('are not kept for a map that %s', (_what, more) => {
    const [first] = map.rows;
    const rows = [...map.rows, { ...first!, row: { ...first!.row, ...more } }];
    expect(
      createRecall({ ...map, rows }, structure, 'QUERY_RESPONSE', {
        entries: 10,
        unusedMs: 1,
        clock: createFakeClock(),
      }),
    ).toBeUndefined();
  });
});
