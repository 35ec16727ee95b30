import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { answerNow, askedFor, writeAnswer } from '../../../../../adapters/hl7v2/intake/answer.ts';
import { examine } from '../../../../../adapters/hl7v2/intake/examine.ts';
import { splitFrame } from '../../../../../adapters/hl7v2/intake/frame.ts';
import { parseMessage } from '../../../../../adapters/hl7v2/parse.ts';
import { profileOf, types } from './support.ts';

const shared = process.env['FICUS_SHARED'];
const skipped = shared === undefined ? ' (skipped: FICUS_SHARED is not set)' : '';

const STYLES = ['lenient', 'strict'] as const;

describe.skipIf(shared === undefined)(`messages of public sources${skipped}`, () => {
  const corpus = join(shared ?? '', 'data/hl7v2/corpus');
  const files =
    shared === undefined
      ? []
      : readdirSync(corpus, { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => join(entry.parentPath, entry.name));

  it.each(STYLES)(
    'all have an answer that can be read and names them, where the interface is %s',
    (strictness) => {
      let messages = 0;
      for (const file of files) {
        for (const bytes of splitFrame(readFileSync(file)).messages) {
          messages++;
          const profile = profileOf({ strictness, acknowledge: 'original', processing: ['P', 'T', 'D'] });
          const { arrival, header, refusal } = examine(bytes, profile, {
            at: 0,
            types,
            certificateAllowed: true,
          });
          const code = answerNow(askedFor(header, 'original'), refusal?.level ?? 'success')!;
          const answer = writeAnswer(header, code, refusal, 'by-version', { controlId: 'A1', now: 0 });
          const read = parseMessage(answer);
          expect(read.value('MSA', 1)).toBe(code);
          expect(read.written('MSA-2')?.trim() ?? '').toBe(arrival.controlId);
          expect(read.all('ERR').length > 0).toBe(refusal !== undefined);
        }
      }
      expect(messages).toBeGreaterThan(1_000);
    },
  );

  it('are taken when they are admissions and reports that say of whom, read without the codec', () => {
    let taken = 0;
    for (const file of files) {
      for (const bytes of splitFrame(readFileSync(file)).messages) {
        const lines = bytes.toString('latin1').split(/[\r\n]+/);
        const [, , , , , , , , type = '', , processing = '', version = ''] = lines[0]!.split('|');
        const wanted = type.startsWith('ADT^A01') ? 'PID' : type.startsWith('ORU^R01') ? 'OBR' : undefined;
        if (!wanted || !lines[0]!.startsWith('MSH|^~\\&|')) continue;
        if (!/^[PTD]?(\^|$)/.test(processing) || !/^(2\.[1-9](\D|$)|$)/.test(version)) continue;
        const patients = lines.filter((line) => line.startsWith('PID|')).map((line) => line.split('|'));
        if (!patients.every((pid) => /^[^^&~"]/.test(pid[3] ?? '') || /^[^^&~"]/.test(pid[2] ?? '')))
          continue;
        if (
          !lines.some((line) => line.startsWith(`${wanted}|`)) ||
          lines.some((line) => line.startsWith('DSC|'))
        )
          continue;
        const profile = profileOf({ processing: ['P', 'T', 'D'] });
        const { refusal } = examine(bytes, profile, { at: 0, types, certificateAllowed: true });
        expect({ file, refusal }).toEqual({ file, refusal: undefined });
        taken++;
      }
    }
    expect(taken).toBeGreaterThan(500);
  });
});
