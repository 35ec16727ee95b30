import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sayAbsent } from '../../../adapters/soap/required.ts';
import { draftXml, draftXmlOf } from '../../../adapters/soap/draft.ts';
import { readXmlTree } from '../../../adapters/soap/tree.ts';
import { readXml } from '../../../adapters/soap/xml-reader.ts';
import { writeXml } from '../../../adapters/soap/xml-writer.ts';
import { parseJson } from '../../../src/fhir/json.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import { validateResource } from '../../../src/fhir/validate.ts';
import { readTree, writeTree } from '../../../src/mapping/run-map.ts';
import { AUTHORITIES, MAPPINGS, withIds } from '../../integration/soap-core.ts';

/**
 * Every file under cases/ is a record of the core as XML, `=>`, the FHIR resource, and `lost` with what the reading reports
 * (kept and dropped included), by place. Each is read; what FHIR requires and the record does not say is said to be
 * absent, which makes it valid, unless `lacking` names what cannot be said so. Then it is written back onto itself
 * (not a byte changes).
 */
const CONTEXT = { authorities: AUTHORITIES, timeZone: 'Europe/Berlin' };
const NS = 'http://hospix.example/clinical/2009/11';

describe.each(globSync('test/golden/mapping-soap/cases/*.txt').toSorted())('%s', (path) => {
  const [xml = '', rest = ''] = readFileSync(path, 'utf8').split('\n=>\n');
  const [json = '', lost = ''] = rest.split('\nlost\n');
  const [losses = '', lacking = ''] = lost.split('\nlacking\n');
  const record = readXml(Buffer.from(xml.trim().replace('>', ` xmlns="${NS}">`)));
  const map = [...MAPPINGS.maps.values()].find(
    ({ legacy, name }) => legacy === record.local && name.endsWith('[hospix]') && !name.includes('('),
  )!;
  const lines = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '');

  it('is read', () => {
    const { resource, loss } = readTree(map, readXmlTree(record), CONTEXT);
    const absent = sayAbsent(resource!);
    expect(resource).toEqual(parseJson(json));
    expect(absent).toEqual(lines(lacking));
    expect(loss.map((one) => `${one.kind} ${one.path}`)).toEqual(lines(losses));
    const problems = validateResource(withIds(resource!));
    if (absent.length === 0) expect(problems).toEqual([]);
    else expect(problems).not.toEqual([]);
  });

  it('is written back as it was', () => {
    const { resource } = readTree(map, readXmlTree(record), CONTEXT);
    const draft = draftXmlOf(record);
    writeTree(map, resource!, draft.place, CONTEXT);
    expect(writeXml(draft.element()).toString()).toBe(writeXml(draftXmlOf(record).element()).toString());
  });

  if (basename(path).startsWith('appointment')) {
    it('is carried when it is written anew', () => {
      const { resource } = readTree(map, readXmlTree(record), CONTEXT);
      const draft = draftXml(NS, record.local);
      const { loss } = writeTree(map, withoutManaged(resource!), draft.place, CONTEXT);
      expect(loss.filter(({ kind }) => kind === 'not-carried')).toEqual([]);
    });
  }
});

/** Without what only the core says: its numbers and names. */
function withoutManaged(resource: Resource): Resource {
  const { created: _created, identifier, ...content } = resource;
  const others = (identifier as Resource[]).filter(
    (it) => it['system'] !== 'http://hospix.example/appointment-numbers',
  );
  return others.length === 0 ? content : { ...content, identifier: others };
}
