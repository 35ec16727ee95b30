import { describe, expect, it } from 'vitest';
import { parseIfNoneMatch } from '../../../src/http/conditions.ts';

describe('If-None-Match', () => {
  it.each<[string, readonly string[]]>([
    ['W/"3"', ['3']],
    [' "1" ,\tW/"2" ', ['1', '2']],
    ['"1,2",, W/"3",', ['1,2', '3']],
    [',"1"', ['1']],
    ['""', ['']],
    [' * ', ['*']],
  ])('%j is versions %j', (header, versions) => {
    expect(parseIfNoneMatch(header)).toEqual(versions);
  });

  it.each(['', ' ', ',', '3', '"*"', '"1" "2"', '"1', '"1", *', 'w/"1"', 'W/ "1"'])(
    '%j names none',
    (header) => {
      expect(() => parseIfNoneMatch(header)).toThrow('If-None-Match takes versions');
    },
  );

  // In a batch it may be as long as the body.
  it('of many blanks is read in the time that its length asks for', { timeout: 10_000 }, () => {
    expect(() => parseIfNoneMatch(`,${' '.repeat(300_000)}x`)).toThrow('If-None-Match takes versions');
  });
});
