import { describe, expect, it } from 'vitest';
import { parseMessage } from '../../../../../adapters/hl7v2/parse.ts';
import { compileEndpoints } from '../../../../../adapters/hl7v2/source/endpoints.ts';
import { createEnvelope } from '../../../../../adapters/hl7v2/source/envelope.ts';
import { createKeyQuery, keyCriteria, legacyKey } from '../../../../../adapters/hl7v2/source/key-query.ts';
import { writeQuery } from '../../../../../adapters/hl7v2/source/query.ts';
import { readMappingFiles } from '../../../../../src/config/mappings.ts';
import { compileMappings } from '../../../../../src/mapping/mapping-set.ts';
import { fixedClock } from '../../soap/fixed-clock.ts';

const HOSP = { name: 'HOSP', namespaces: ['HO|SP'], system: 'urn:oid:2.999.1' };
const LAB = { name: 'LAB', namespaces: ['LAB'], oid: '2.999.2', system: 'urn:oid:2.999.2' };
const FICUS = { name: 'FICUS', namespaces: ['FICUS'], system: 'urn:oid:2.999.1.99' };

const envelope = createEnvelope({
  sender: { application: 'FICUS', facility: 'GATE' },
  receiver: { application: 'HOSPIX', facility: 'MAIN' },
  processing: 'T',
  version: '2.5',
  acknowledgement: 'original',
  charset: 'UNICODE UTF-8',
  timeZone: 'UTC',
  clock: fixedClock('2026-07-01T10:20:30Z'),
});

/** Patient.read as it comes with Ficus, or with other constants. */
function reader(set = '{ RCP-1: I }') {
  const files = readMappingFiles('mappings').map(({ path, text }) => ({
    path,
    text: path.endsWith('hl7v2/interactions/Patient.read.yaml') ? text.replace('{ RCP-1: I }', set) : text,
  }));
  const context = { authorities: [HOSP, LAB, FICUS], timeZone: 'UTC' };
  return compileEndpoints(compileMappings(files), context).all.get('Patient.read')!;
}

const shipped = reader();
const dated = reader('{ RCP-1: I, ZQY-1: $now, ZQY-2: $controlId^$tag }');
const told = reader('{ RCP-1: I, ZQY-2: $controlId^$tag^$controlId }');

describe('the query for a record by its key', () => {
  const query = createKeyQuery(envelope);

  it.each([
    ['a plain number', shipped, HOSP, '100234'],
    ['another of the same authority', shipped, HOSP, 'A77'],
    ['one of another authority', shipped, LAB, '100234'],
    ['a number with delimiters', shipped, HOSP, '1|0^0~2\\3&4'],
    ['a number with letters beyond ASCII', shipped, LAB, 'Ä 7'],
    ['constants with the time of day', dated, HOSP, '100234'],
    ['constants with the ids of the message', told, HOSP, '100234'],
  ])('is the one that is written part by part: %s', (_what, endpoint, authority, number) => {
    for (const controlId of ['C1', 'C2']) {
      const key = legacyKey(authority, number);
      const asked = query(endpoint, key, 'TAG1', controlId);
      const criteria = keyCriteria(endpoint, key);
      expect(asked).toEqual(writeQuery(endpoint, { criteria, tag: 'TAG1' }, envelope, controlId));
      const message = parseMessage(asked);
      expect(message.value('QPD', 3, 1, 2)).toBe(number);
      expect(message.value('ZQY', 2)).toBe(endpoint === shipped ? undefined : controlId);
    }
  });
});
