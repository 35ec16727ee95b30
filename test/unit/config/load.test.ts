import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError, loadConfig, parseConfig } from '../../../src/config/load.ts';
import { readSecret } from '../../../src/config/secret.ts';

const MINIMAL = `
security: open
timeZone: Europe/Berlin
identity:
  keys: [{ id: a, secret: { env: FICUS_ID_KEY } }]
  authorities: [{ name: HOSP, namespaces: [HOSP], oid: 2.999.1.1, system: "urn:oid:2.999.1.1" }]
pageKeys: [{ id: a, secret: { env: FICUS_PAGE_KEY } }]
backends:
  core:
    kind: hl7v2
    host: 127.0.0.1
    port: 2575
    sender: { application: FICUS, facility: GATE }
    receiver: { application: CORE, facility: MAIN }
  observations: { kind: modern, url: "http://127.0.0.1:8092/fhir/", endpoints: [Observation.read] }
routes:
  - { endpoint: Patient.read, stage: legacy, legacy: core }
`;

function problemsOf(text: string): string[] {
  try {
    parseConfig(text);
  } catch (error) {
    if (error instanceof ConfigError) {
      return error.problems.map((problem) => `${problem.line ?? '-'} ${problem.path}: ${problem.message}`);
    }
    throw error;
  }
  return [];
}

describe('a configuration', () => {
  it('fills in what is not said', () => {
    const config = parseConfig(MINIMAL);
    expect(config.listen).toEqual({ host: '127.0.0.1', port: 8080 });
    expect(config.admin.port).toBe(8081);
    expect(config.http.maxBodyBytes).toBe(5 * 1024 * 1024);
    expect(config.backends['core']).toMatchObject({
      connections: 4,
      charset: 'UNICODE UTF-8',
      deadlineMs: 8_000,
    });
    expect(config.backends['observations']).toMatchObject({
      url: 'http://127.0.0.1:8092/fhir',
      concurrency: 64,
    });
  });

  it.each([
    ['name: HOSP, system: "https://b.example"', '"HOSP" is there twice'],
    ['name: B, namespaces: [HOSP], system: "https://b.example"', 'namespace "HOSP" belongs to B and HOSP'],
    ['name: B, oid: 2.999.1.1, system: "https://b.example"', 'oid "2.999.1.1" belongs to B and HOSP'],
    ['name: B, system: "urn:oid:2.999.1.1"', 'system "urn:oid:2.999.1.1" belongs to B and HOSP'],
  ])('says what two authorities claim, as the start would: %s', (other, problem) => {
    const text = MINIMAL.replace('authorities: [', `authorities: [{ ${other} }, `);
    expect(problemsOf(text).join('\n')).toContain(problem);
  });

  it('says where an address is none, an authority is not registered, and an alias stands for nothing', () => {
    expect(problemsOf(`${MINIMAL}publicBase: here\n`)).toEqual(['18 publicBase: an http or https address']);
    const feed = (authority: string) =>
      `${MINIMAL}feed: { interfaces: { adt: { port: 2576, owner: integration, authority: ${authority} } } }\n`;
    expect(problemsOf(feed('NOPE'))).toEqual([
      '18 feed.interfaces.adt.authority: "NOPE" is none of identity.authorities: HOSP',
    ]);
    expect(problemsOf(feed('HOSP'))).toEqual([]);
    expect(problemsOf(`${MINIMAL}admin: *nothing\n`)).toEqual([expect.stringContaining('Unresolved alias')]);
  });

  it('has the percentages of a canary in the order it goes through them', () => {
    expect(problemsOf(`${MINIMAL}migration: { steps: [50, 10] }\n`)).toEqual([
      '18 migration.steps.1: 10 is not more than 50: percentages rise from step to step',
    ]);
    expect(problemsOf(`${MINIMAL}migration: { steps: [10, 10, 25] }\n`)).toEqual([
      '18 migration.steps.1: 10 is not more than 10: percentages rise from step to step',
    ]);
    expect(problemsOf(`${MINIMAL}migration: { steps: [0, 101] }\n`).map((one) => one.split(':')[0])).toEqual([
      '18 migration.steps.0',
      '18 migration.steps.1',
    ]);
    expect(parseConfig(`${MINIMAL}migration: { steps: [1, 12.5, 100] }\n`).migration.steps).toHaveLength(3);
  });

  it('finds the headers of callers whatever case they are written in, and refuses what is no header', () => {
    const named = `${MINIMAL}migration: { headers: { facility: X-Ward } }\n`;
    expect(parseConfig(named).migration.headers).toEqual({
      client: 'x-client-id',
      facility: 'x-ward',
      side: 'x-ficus-side',
    });
    expect(problemsOf(named.replace('X-Ward', '"a ward"')).join()).toContain('migration.headers.facility');
  });

  it('reports everything that is wrong at once, each with its path and line', () => {
    const problems = problemsOf(
      MINIMAL.replace('port: 2575', 'port: 99999')
        .replace('security: open', 'security: none')
        .replace('timeZone: Europe/Berlin', 'timezone: Europe/Berlin'),
    );
    expect(problems).toHaveLength(4);
    expect(problems.join('\n')).toMatch(/^12 backends\.core\.port: /m);
    expect(problems.join('\n')).toMatch(/^2 security: /m);
    expect(problems.join('\n')).toMatch(/timeZone: /);
    expect(problems.join('\n')).toMatch(/^3 timezone: is not a key/m);
  });

  it('does not hide behind a wrong value what does not fit together', () => {
    const problems = problemsOf(
      MINIMAL.replace('port: 2575', 'port: 99999')
        .replace('timeZone: Europe/Berlin', 'timeZone: Mars/Olympus')
        .replace(
          'routes:',
          'routes:\n  - { endpoint: Patient.search, stage: legacy, legacy: kore }\n  - { endpoint: Patient, stage: legacy, legacy: kore }',
        ),
    ).join('\n');
    expect(problems).toMatch(/^12 backends\.core\.port: /m);
    expect(problems).toMatch(/^3 timeZone: "Mars\/Olympus" is not an IANA time zone$/m);
    expect(problems).toMatch(/ routes\.0\.legacy: there is no backend "kore"$/m);
    expect(problems).toMatch(/ routes\.1\.endpoint: Type\.interaction/m);
    expect(problems).not.toMatch(/routes\.1\.legacy|no backend "core"/);
  });

  it.each([
    ['an unknown backend', ['legacy: core }', 'legacy: kore }'], 'there is no backend "kore"'],
    [
      'a stage without its backend',
      ['stage: legacy, legacy: core', 'stage: modern, legacy: core'],
      'stage modern needs a modern backend',
    ],
    [
      'a modern backend on the legacy side',
      ['legacy: core }', 'legacy: observations }'],
      'is of kind modern',
    ],
    ['an unknown time zone', ['Europe/Berlin', 'Europe/Berlim'], 'is not an IANA time zone'],
    [
      'a route that is there twice',
      ['  - {', '  - { endpoint: Patient.read, stage: legacy, legacy: core }\n  - {'],
      'is routed twice',
    ],
    [
      'a pass-through over FHIR',
      ['routes:', 'passthrough: [{ prefix: /fhir/r4, target: "http://x.test" }]\nroutes:'],
      'FHIR paths are routed',
    ],
    [
      'a secret in the file',
      ['{ env: FICUS_ID_KEY }', 'hunter2'],
      'identity.keys.0.secret: a secret is named, not written here: { env: NAME }',
    ],
    [
      'credentials in an address',
      ['routes:', 'passthrough: [{ prefix: /old, target: "http://ficus:hunter2@x.test" }]\nroutes:'],
      'passthrough.0.target: an address without user name, password',
    ],
    [
      'an address with a query',
      ['routes:', 'passthrough: [{ prefix: /old, target: "http://x.test/?tenant=1" }]\nroutes:'],
      'passthrough.0.target: an address without user name, password',
    ],
    ['a key that is there twice', ['security: open', 'security: open\nsecurity: open'], 'unique'],
  ])('refuses %s', (_, [from, to], message) => {
    const text = MINIMAL.replace(from ?? '', to ?? '');
    expect(text).not.toBe(MINIMAL);
    expect(problemsOf(text).join('\n')).toContain(message);
  });

  it.each([
    ['a copy for nobody', 'copies: [{ to: kore, types: [Patient], owner: lab }]', 'no backend "kore"'],
    ['a copy for a core', 'copies: [{ to: core, types: [Patient], owner: lab }]', 'is of kind hl7v2'],
    [
      'a copy of what is no resource',
      'copies: [{ to: observations, types: [Pateint], owner: lab }]',
      'feed.copies.0.types.0',
    ],
    [
      'two copies for one service',
      'copies: [{ to: observations, types: [Patient], owner: a }, { to: observations, types: [Observation], owner: a }]',
      '"observations" is filled twice',
    ],
    [
      'a subscriber at a link-local address',
      'subscribers: [{ name: a, topic: patient-merge, url: "http://169.254.169.254/", owner: a, networks: [169.254.0.0/16] }]',
      'feed.subscribers.0.url: is a link-local or reserved address',
    ],
    [
      'a subscriber on this machine that nobody let in',
      'subscribers: [{ name: a, topic: patient-merge, url: "http://localhost/", owner: a }]',
      'only allowLoopback lets in',
    ],
    [
      'a subscriber in a network that is none',
      'subscribers: [{ name: a, topic: patient-merge, url: "http://10.0.0.1/", owner: a, networks: [ten] }]',
      'is no network',
    ],
    [
      'two subscribers of one name',
      'subscribers: [{ name: a, topic: patient-merge, url: "http://a.example/", owner: a }, { name: a, topic: patient-merge, url: "http://b.example/", owner: a }]',
      '"a" is named twice',
    ],
  ])('refuses %s', (_, feed, message) => {
    const text = MINIMAL.replace('routes:', `feed: { interfaces: {}, ${feed} }\nroutes:`);
    expect(problemsOf(text).join('\n')).toContain(message);
  });

  it('takes issuers of tokens in place of the word open', () => {
    const issuers = '{ issuers: [{ issuer: "https://login.example/" }] }';
    expect(parseConfig(MINIMAL.replace('security: open', `security: ${issuers}`)).security).toMatchObject({
      issuers: [
        {
          issuer: 'https://login.example/',
          types: ['at+jwt'],
          clockSkewSeconds: 30,
          claims: { scope: 'scope' },
        },
      ],
    });
  });

  it.each([
    ['nobody who may call', '', 'security: says who may call'],
    ['a word that is not open', 'security: closed', 'security: says who may call'],
    ['no issuer', 'security: { issuers: [] }', 'security.issuers: name at least one issuer'],
    [
      'an issuer without TLS',
      'security: { issuers: [{ issuer: "http://login.example" }] }',
      'security.issuers.0.issuer: is https',
    ],
    [
      'a signature that whoever checks it can make',
      'security: { issuers: [{ issuer: "https://login.example", algorithms: [HS256] }] }',
      'security.issuers.0.algorithms.0',
    ],
    [
      'a key that is none',
      'security: { issuers: [{ issuer: "https://login.example", audiance: x }] }',
      'security.issuers.0.audiance: is not a key',
    ],
    [
      'an opaque issuer that cannot be asked',
      'security: { issuers: [{ issuer: "https://login.example", opaque: true }] }',
      'security.issuers.0: is opaque: it needs `introspection`',
    ],
    [
      'a client with a secret and a key',
      'security: { issuers: [{ issuer: "https://login.example", introspection: { clientId: a, secret: { env: A }, key: { env: B } } }] }',
      'security.issuers.0.introspection: needs either',
    ],
    [
      'one issuer twice',
      'security: { issuers: [{ issuer: "https://login.example" }, { issuer: "https://login.example" }] }',
      '"https://login.example" is named twice',
    ],
  ])('refuses %s', (_, security, message) => {
    expect(problemsOf(MINIMAL.replace('security: open', security)).join('\n')).toContain(message);
  });

  it.each([
    ['', '{ access: { audience: [x] } }', 'admin.access: takes tokens, and `security` names no issuer'],
    ['', '{ access: closed }', 'admin.access: is `open` (whoever reaches the port'],
    ['', '{ hosts: ["ficus.internal:8081"] }', 'admin.hosts.0: is a host name, without port'],
    [
      '{ issuers: [{ issuer: "https://login.example" }] }',
      '{ access: { issuers: ["https://other.example"] } }',
      'admin.access.issuers.0: "https://other.example" is none of security.issuers',
    ],
  ])('refuses access to the admin API that nobody could have (%#)', (security, admin, message) => {
    const guarded = security === '' ? MINIMAL : MINIMAL.replace('security: open', `security: ${security}`);
    expect(problemsOf(`admin: ${admin}\n${guarded}`).join('\n')).toContain(message);
  });

  it('says which file cannot be read', () => {
    expect(() => loadConfig('/nowhere/ficus.yaml')).toThrow('/nowhere/ficus.yaml  cannot be read');
  });
});

describe('a secret', () => {
  it('comes from the environment', () => {
    expect(readSecret({ env: 'KEY' }, { KEY: 'abc' }, '.')).toBe('abc');
    expect(() => readSecret({ env: 'KEY' }, {}, '.')).toThrow('the environment variable KEY is not set');
  });

  it('comes from a file beside the configuration, without its last newline', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ficus-'));
    writeFileSync(join(folder, 'key'), 'abc\n');
    writeFileSync(join(folder, 'empty'), '\n');
    expect(readSecret({ file: 'key' }, {}, folder)).toBe('abc');
    expect(() => readSecret({ file: 'empty' }, {}, folder)).toThrow('the file empty is empty');
    expect(() => readSecret({ file: 'none' }, {}, folder)).toThrow('the file none cannot be read');
  });
});
