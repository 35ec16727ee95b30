import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { mustBeUnderstood, readEnvelope, writeEnvelope } from '../../../../adapters/soap/soap-envelope.ts';
import { requestHeaders } from '../../../../adapters/soap/soap-version.ts';
import { element } from '../../../../adapters/soap/xml-element.ts';
import { showTree } from './show-tree.ts';

const fixtures = new URL('../../../../fixtures/soap/', import.meta.url);
const SOAP_11 = 'http://schemas.xmlsoap.org/soap/envelope/';
const SOAP_12 = 'http://www.w3.org/2003/05/soap-envelope';

describe('a Fault is read', () => {
  const files = readdirSync(new URL('faults/', fixtures)).filter((file) => file.endsWith('.txt'));
  it.each(files)('%s', (file) => {
    const [xml, expected] = readFileSync(new URL(`faults/${file}`, fixtures), 'utf8').split('\n---\n');
    const { content } = readEnvelope(Buffer.from(xml!));
    if (content.kind !== 'fault') throw new Error('no Fault');
    const { detail, ...said } = content.fault;
    expect(JSON.parse(JSON.stringify({ ...said, detail: detail.map(showTree) }))).toEqual(
      JSON.parse(expected!),
    );
  });
});

describe('an envelope is refused', () => {
  const rows = parse(readFileSync(new URL('envelopes.yaml', fixtures), 'utf8')) as {
    about: string;
    xml: string;
    because: string;
  }[];
  it.each(rows)('$about', ({ xml, because }) => {
    const refusal = expect.objectContaining({
      code: 'legacy-malformed',
      message: expect.stringContaining(because),
    });
    expect(() => readEnvelope(Buffer.from(xml))).toThrow(refusal);
  });
});

describe('an envelope', () => {
  it.each(['1.1', '1.2'] as const)('of SOAP %s comes back as it was written', (version) => {
    const bytes = writeEnvelope(
      version,
      [element('urn:h', 'H', 'x')],
      element('urn:b', 'B', [element('urn:b', 'C', 'y')]),
    );
    const read = readEnvelope(bytes);
    expect(read.dialect.version).toBe(version);
    expect(read.headers.map(showTree)).toEqual(['{urn:h}H "x"']);
    expect(read.content.kind === 'answer' && showTree(read.content.body)).toBe('{urn:b}B ({urn:b}C "y")');
  });

  it('has no Header when there is nothing in it', () => {
    expect(writeEnvelope('1.1', [], element('urn:b', 'B'), new Map([['urn:b', 'b']])).toString()).toBe(
      '<?xml version="1.0" encoding="UTF-8"?>' +
        `<soap:Envelope xmlns:soap="${SOAP_11}" xmlns:b="urn:b"><soap:Body><b:B/></soap:Body></soap:Envelope>`,
    );
  });

  it('may have foreign elements behind its Body', () => {
    const xml = `<s:Envelope xmlns:s="${SOAP_11}"><s:Body><a/></s:Body><x/></s:Envelope>`;
    expect(readEnvelope(Buffer.from(xml)).content.kind).toBe('answer');
  });

  it('with an element that is called Fault but is of the service is an answer', () => {
    const xml = `<s:Envelope xmlns:s="${SOAP_11}"><s:Body><Fault xmlns="urn:x"/></s:Body></s:Envelope>`;
    expect(readEnvelope(Buffer.from(xml)).content.kind).toBe('answer');
  });
});

describe('a header block', () => {
  it.each<[string, string, boolean]>([
    [SOAP_11, 'e:mustUnderstand="1"', true],
    [SOAP_11, 'e:mustUnderstand="0"', false],
    [SOAP_11, '', false],
    [SOAP_11, 'mustUnderstand="1"', false],
    [SOAP_11, 'e:mustUnderstand="1" e:actor="http://schemas.xmlsoap.org/soap/actor/next"', true],
    [SOAP_11, 'e:mustUnderstand="1" e:actor="urn:somebody-else"', false],
    [SOAP_12, 'e:mustUnderstand="true"', true],
    [SOAP_12, 'e:mustUnderstand="1"', true],
    [SOAP_12, 'e:mustUnderstand="false"', false],
    [
      SOAP_12,
      'e:mustUnderstand="true" e:role="http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver"',
      true,
    ],
    [SOAP_12, 'e:mustUnderstand="true" e:role="http://www.w3.org/2003/05/soap-envelope/role/none"', false],
  ])('of %s with %s must be understood: %s', (ns, attributes, expected) => {
    const xml = `<e:Envelope xmlns:e="${ns}"><e:Header><h ${attributes}/></e:Header><e:Body><a/></e:Body></e:Envelope>`;
    const { headers, dialect } = readEnvelope(Buffer.from(xml));
    expect(headers.map((block) => mustBeUnderstood(block, dialect))).toEqual([expected]);
  });
});

describe('the headers of a request', () => {
  it('name the action in SOAPAction, quoted, for SOAP 1.1', () => {
    expect(requestHeaders('1.1', 'urn:x/Find')).toEqual({
      'content-type': 'text/xml; charset=utf-8',
      soapaction: '"urn:x/Find"',
    });
    expect(requestHeaders('1.1', '')).toMatchObject({ soapaction: '""' });
  });

  it('name the action in the media type for SOAP 1.2', () => {
    expect(requestHeaders('1.2', 'urn:x/Find')).toEqual({
      'content-type': 'application/soap+xml; charset=utf-8; action="urn:x/Find"',
    });
    expect(requestHeaders('1.2', '')).toEqual({ 'content-type': 'application/soap+xml; charset=utf-8' });
  });

  it.each(['a"b', 'a\r\nX: y', 'a b', 'a\\b', 'é'])(
    'are not made of an action that is no URI: %j',
    (action) => {
      expect(() => requestHeaders('1.1', action)).toThrow(TypeError);
      expect(() => requestHeaders('1.2', action)).toThrow(TypeError);
    },
  );
});
