import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES, FicusError, toFicusError } from '../../src/errors.ts';
import bindings from '../../src/fhir/data/bindings.json' with { type: 'json' };

describe('the list of errors', () => {
  const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  const sections = new Map(
    page
      .split(/^### /m)
      .slice(1)
      .map((section) => [section.slice(0, section.indexOf('\n')), section]),
  );

  it('has a section for each code in the docs, and no other', () => {
    expect([...sections.keys()].toSorted()).toEqual([...ERROR_CODES].toSorted());
  });

  it.each(ERROR_CODES)('documents the status and issue code of %s as they are', (code) => {
    const error = new FicusError(code, 'x');
    expect(sections.get(code)).toContain(`${error.status} \`${error.issues[0]?.code}\``);
  });

  it('uses only issue codes of FHIR R4', () => {
    const known = bindings['issue-type']['http://hl7.org/fhir/issue-type'].split(' ');
    for (const code of ERROR_CODES) expect(known).toContain(new FicusError(code, 'x').issues[0]?.code);
  });

  it('keeps the text of a foreign error out of the answer', () => {
    const error = toFicusError(new Error('Zebrowski'));
    expect(error.code).toBe('internal');
    expect(JSON.stringify([error.message, error.issues])).not.toContain('Zebrowski');
    expect(toFicusError(error)).toBe(error);
  });
});
