import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseJson } from '../../../src/fhir/json.ts';
import { startRun } from '../../../src/mapping/run.ts';
import { compileWith, CONTEXT, hl7Text, hl7Tree } from '../../unit/mapping/support.ts';

/**
 * Every file under datatypes/ is a map's name, then cases: the HL7 text of one value, `=>`, the FHIR JSON. Each is read, written
 * back onto itself (not a byte changes), and written onto nothing and read again (the same JSON). `=>>` is read only: the
 * value written onto nothing need not read back the same.
 */
const set = compileWith();

for (const path of globSync('test/golden/mapping/datatypes/*.txt').toSorted()) {
  const [name, ...blocks] = readFileSync(path, 'utf8').split(/\n\n+/);
  const map = set.maps.get(name!.trim())!;

  describe(`${basename(path)}: ${name}`, () => {
    for (const block of blocks.filter((it) => it.trim() !== '')) {
      const [, text, arrow, json] = /^(.*?)\n(=>>?)\n([^]*)$/.exec(block.trim()) ?? [];
      it(`reads and writes ${text}`, () => {
        const wanted = parseJson(json!);
        const tree = hl7Tree(`ZZZ|${text}`);
        const { run } = startRun(CONTEXT);
        const value = map.codec.read(tree.child('ZZZ').child(1), run);
        expect(value ?? null).toEqual(wanted);
        if (value === undefined) return;
        map.codec.write(value, tree.child('ZZZ').child(1), run);
        expect(hl7Text(tree)).toBe(`ZZZ|${text}`);
        const fresh = hl7Tree('');
        map.codec.write(value, fresh.child('ZZZ').child(1), run);
        if (arrow === '=>') expect(map.codec.read(fresh.child('ZZZ').child(1), run)).toEqual(wanted);
      });
    }
  });
}
