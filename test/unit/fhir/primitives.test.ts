import { describe, expect, it } from 'vitest';
import { parseJson } from '../../../src/fhir/json.ts';
import { isNarrative } from '../../../src/fhir/narrative.ts';
import { primitiveFault } from '../../../src/fhir/primitives.ts';

/** type, JSON texts that are one, JSON texts that are none. */
const rows: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['boolean', ['true', 'false'], ['"true"', '1', 'null']],
  ['integer', ['0', '-7', '2147483647'], ['1.0', '1e2', '2147483648', '"1"', '-0']],
  ['unsignedInt', ['0', '2147483647'], ['-1', '1.5']],
  ['positiveInt', ['1'], ['0', '-1']],
  ['decimal', ['1.50', '-0.001', '1e-7', '123456789012345678901234567890'], ['"1.5"', 'true']],
  [
    'date',
    ['"1980"', '"1980-03"', '"2024-02-29"'],
    ['"1900-02-29"', '"1980-13"', '"80"', '"0000"', '"1980-3-1"', '"19800301"'],
  ],
  [
    'dateTime',
    ['"1980-03"', '"2015-02-07T13:28:17.239+02:00"', '"2015-02-07T13:28:17Z"', '"2016-12-31T23:59:60Z"'],
    [
      '"2015-02-07T13:28"',
      '"2015-02-07T13:28:17"',
      '"2015-02-07T24:00:00Z"',
      '"2015-02-30T13:28:17Z"',
      '"2015-02-07 13:28:17Z"',
      '"2015-02-07T13:28:17+15:00"',
    ],
  ],
  ['instant', ['"2015-02-07T13:28:17.239+02:00"'], ['"2015-02-07"', '"2015"']],
  ['time', ['"10:30:00"', '"10:30:00.5"'], ['"10:30"', '"24:00:00"', '"10:30:00Z"']],
  ['id', ['"a-1.B"', `"${'x'.repeat(64)}"`], ['"a_b"', '""', `"${'x'.repeat(65)}"`, '"a|b"', '"é"']],
  ['code', ['"a"', '"entered in error"'], ['" a"', '"a "', '"a  b"', '""']],
  ['oid', ['"urn:oid:1.2.3"'], ['"1.2.3"', '"urn:oid:3.1"', '"urn:oid:1.02"']],
  [
    'uuid',
    ['"urn:uuid:c757873d-ec9a-4326-a141-556f43239520"'],
    ['"urn:uuid:C757873D-EC9A-4326-A141-556F43239520"', '"c757873d"'],
  ],
  ['uri', ['"urn:oid:1"', '"http://a/b#c"'], ['"a b"', '""']],
  ['base64Binary', ['"aGVsbG8="', '"aGVs\\nbG8="'], ['"aGVsbG8"', '"%%%="', '""']],
  [
    'string',
    ['"a\\tb\\r\\nc"', '"|^~\\\\&"', '"山田"'],
    ['""', '"   "', '"\\u0000"', '"\\u001b"', '"\\ud800"', '7'],
  ],
];

describe('primitiveFault', () => {
  it.each(rows.flatMap(([type, good]) => good.map((text): [string, string] => [type, text])))(
    'takes a %s written %s',
    (type, text) => {
      expect(primitiveFault(type, parseJson(text))).toBeUndefined();
    },
  );

  it.each(rows.flatMap(([type, , bad]) => bad.map((text): [string, string] => [type, text])))(
    'refuses a %s written %s',
    (type, text) => {
      expect(primitiveFault(type, parseJson(text))).toMatch(/^must be/);
    },
  );
});

describe('isNarrative', () => {
  const div = (inner: string): string => `<div xmlns="http://www.w3.org/1999/xhtml">${inner}</div>`;

  it.each([
    'text',
    '<table class="grid"><tr><td colspan="2">a &lt; b</td></tr></table>',
    '<a href="https://example.org/?a=1&amp;b=2">link</a>',
    '<img src="#photo"/>',
    'a<br/><!-- a comment -->b',
    '<p title="onclick=x">quoted</p>',
    '<!-- a comment --><p>a</p><!-- <script>none</script> -->',
  ])('allows %s', (inner) => {
    expect(isNarrative(div(inner))).toBe(true);
  });

  it.each([
    '<script>x</script>',
    '<p onclick="x">a</p>',
    '<a href="JavaScript:x">a</a>',
    '<a href="java&#x09;script:x">a</a>',
    '<a href="&#106;avascript&colon;x">a</a>',
    '<iframe src="x"/>',
    '<style>p{}</style>a',
    '<p>a',
    'a</p>',
    '<p class=x>a</p>',
    '<![CDATA[a]]>',
    '<p title="<!--" onclick="x" lang="-->">a</p>',
    '<p<!-- a comment --> title="x">a</p>',
    'a<!-- one -- two -->',
    '<?xml-stylesheet href="x"?>a',
    '<!ENTITY a "b">&a;',
    '',
  ])('refuses %s', (inner) => {
    expect(isNarrative(div(inner))).toBe(false);
  });

  it('allows comments around the div, and refuses text there', () => {
    expect(isNarrative(`<!-- a --> ${div('a')} <!-- b --><!-- c -->`)).toBe(true);
    expect(isNarrative(`${div('a')} <!-- b --> text`)).toBe(false);
    expect(isNarrative(`${div('a')}text<!-- b -->`)).toBe(false);
    expect(isNarrative(`${div('a')}<!-- b -->${div('a')}`)).toBe(false);
  });
});
