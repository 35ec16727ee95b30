import { describe, expect, it } from 'vitest';
import { FicusError } from '../../../src/errors.ts';
import { parsePrefer } from '../../../src/http/conditions.ts';
import { parseAddress } from '../../../src/http/interaction.ts';
import { leftOutOf } from '../../../src/http/left-out.ts';
import { checkAccept, checkFhirBody } from '../../../src/http/negotiate.ts';
import { publicLocation } from '../../../src/http/passthrough.ts';
import { serialise } from '../../../src/http/serialise.ts';
import { decodePairs, encodePairs, splitTarget } from '../../../src/http/url.ts';

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return error instanceof FicusError ? error.code : String(error);
  }
  return 'none';
}

describe('the target of a request', () => {
  it.each([
    ['/fhir/r4/Patient?x=1', '/fhir/r4/Patient', 'x=1'],
    ['http://host:80/fhir/r4/Patient?x=1?2', '/fhir/r4/Patient', 'x=1?2'],
    ['http://host', '/', ''],
    ['/a?', '/a', ''],
    ['*', '*', ''],
  ])('%s is %s with %s', (target, path, query) => {
    expect(splitTarget(target)).toEqual({ path, query });
  });

  it.each([
    ['', []],
    ['a=1&a=2&b', [['a', '1'], ['a', '2'], ['b', '']]],
    ['&&a=%2B+%26=x&', [['a', '+ &=x']]],
    ['code:not=http%3A%2F%2Fx%7C1', [['code:not', 'http://x|1']]],
  ])('decodes the pairs of %j, and encodes them again', (text, pairs) => {
    expect(decodePairs(text)).toEqual(pairs);
    expect(decodePairs(encodePairs(decodePairs(text)))).toEqual(pairs);
  }); // prettier-ignore
});

describe('an address', () => {
  it.each([
    ['', { kind: 'base' }],
    ['/metadata', { kind: 'metadata' }],
    ['/Patient', { kind: 'type', type: 'Patient' }],
    ['/Patient/_search', { kind: 'search', type: 'Patient' }],
    ['/Patient/a%2Fb', { kind: 'instance', type: 'Patient', id: 'a/b' }],
    ['/Patient/1/_history/2', { kind: 'version', type: 'Patient', id: '1', versionId: '2' }],
    ['/Patient/_history', undefined],
    ['/Patient/1/_history', { kind: 'history', type: 'Patient', id: '1' }],
    ['/Patient/1/_history/2/3', undefined],
    ['/Patient/1/Observation', undefined],
    ['/patient/1', undefined],
    ['/$export', undefined],
    ['/..%2f..%2fmetadata', undefined],
  ])('%j is %j', (path, address) => {
    expect(parseAddress(path)).toEqual(address);
  });
});

describe('negotiation', () => {
  it.each([
    [undefined, undefined, 'none'],
    ['text/html', undefined, 'not-acceptable'],
    ['application/fhir+json;q=0', undefined, 'not-acceptable'],
    ['application/json; fhirVersion="4.0"', undefined, 'none'],
    ['application/json; fhirVersion=3.0', undefined, 'not-acceptable'],
    ['text/html', 'application/fhir json', 'none'],
    ['application/json', 'xml', 'not-acceptable'],
    ['application/json', '', 'not-acceptable'],
  ])('of Accept %j with _format %j: %s', (accept, format, code) => {
    expect(codeOf(() => checkAccept(accept, format))).toBe(code);
  });

  it.each([
    ['application/fhir+json', 'none'],
    ['APPLICATION/JSON; Charset=UTF-8', 'none'],
    ['application/fhir+json; fhirVersion=4.0', 'none'],
    ['application/fhir+json; fhirVersion=5.0', 'unsupported-media'],
    ['application/json; charset=utf-16', 'unsupported-media'],
    ['application/json-patch+json', 'unsupported-media'],
    [undefined, 'unsupported-media'],
  ])('of a body that is %j: %s', (type, code) => {
    expect(codeOf(() => checkFhirBody({ 'content-type': type }))).toBe(code);
  });

  it.each([
    [undefined, { handling: 'lenient' }],
    ['handling=strict', { handling: 'strict' }],
    ['return="minimal"; handling=STRICT', { handling: 'strict', returning: 'minimal' }],
    ['return=OperationOutcome, respond-async', { handling: 'lenient', returning: 'OperationOutcome' }],
    ['return=everything, handling=perhaps', { handling: 'lenient' }],
    ['return=minimal, return=representation', { handling: 'lenient', returning: 'minimal' }],
    ['return=constructor', { handling: 'lenient' }],
  ])('of Prefer %j', (header, preferences) => {
    expect(parsePrefer(header)).toEqual(preferences);
  });
});

describe('what leaves', () => {
  it.each([
    { id: 'HOSP|1' },
    { id: 'a b' },
    { subject: { reference: 'Patient/HOSP|1' } },
    { contained: [{ resourceType: 'X', author: [{ reference: 'Practitioner/CLINIC|x-1' }] }] },
  ])('is stopped when it holds a legacy key: %j', (part) => {
    expect(codeOf(() => serialise({ resourceType: 'Observation', ...part }, false))).toBe('internal');
  });

  it.each([
    { id: 'a.b-1' },
    { subject: { reference: 'Patient/abc' }, note: [{ text: '"reference":"Patient/HOSP|1"' }] },
    { instantiatesCanonical: ['http://x/PlanDefinition/a|1.0'] },
    { subject: { reference: 'https://elsewhere.example/Patient/1' }, code: { text: 'a|b' } },
  ])('passes otherwise: %j', (part) => {
    const resource = { resourceType: 'Observation', ...part };
    expect(JSON.parse(serialise(resource, false).toString())).toEqual(resource);
  });
});

describe('a Location of a system that is passed through', () => {
  const target = new URL('http://old.internal:8080/app');
  it.each([
    ['http://old.internal:8080/app/portal/x', '/portal/x'],
    ['http://old.internal:8080/other', '/other'],
    ['//old.internal:8080/app/portal', '/portal'],
    ['http://old.internal/app/portal', 'http://old.internal/app/portal'],
    ['/portal/x', '/portal/x'],
    ['http://[', 'http://['],
  ])('%s becomes %s', (location, expected) => {
    expect(publicLocation(location, target)).toBe(expected);
  });
});

describe('the list of what was left out', () => {
  const response = (paths: readonly string[], severity: 'warning' | 'information' = 'warning') => ({
    status: 201,
    headers: {},
    body: { kind: 'none' } as const,
    servedBy: 'legacy:core',
    issues: paths.map((path) => ({ severity, code: 'not-supported', expression: [path] })),
  });

  it('names each element in a header that can be sent', () => {
    expect(leftOutOf(response(['Patient.photo', "Patient.extension('http://ä.test')"]))).toBe(
      "Patient.photo, Patient.extension('http://?.test')",
    );
    expect(leftOutOf(response(['Patient.photo'], 'information'))).toBeUndefined();
    expect(leftOutOf(response([]))).toBeUndefined();
  });

  it('says how many more there are where they are too many', () => {
    const many = Array.from({ length: 400 }, (_, index) => `Patient.contact[${index}]`);
    const value = leftOutOf(response(many)) ?? '';
    const [, rest] = /, (\d+) more$/.exec(value) ?? [];
    expect(value.length).toBeLessThan(2_020);
    expect(value.split(', ').length - 1 + Number(rest)).toBe(400);
    expect(leftOutOf(response(['x'.repeat(3_000), 'y']))).toBe('2 more');
  });
});
