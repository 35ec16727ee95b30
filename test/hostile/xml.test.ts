import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Config } from '../../src/config/schema.ts';
import { heapUsed, leaksNothing, startTarget } from './target.ts';
import type { Target } from './target.ts';
import {
  ENCODINGS,
  ENTITIES,
  HARMLESS,
  NAMESPACES,
  PARTED,
  SMUGGLED,
  TOO_MUCH,
  WRAPPED,
} from './xml-answers.ts';
import type { Attack } from './xml-answers.ts';

/** XML that is made to be expanded, fetched, misread or read twice: what a core answers, and what is sent to the FHIR port. */
let target: Target;
/** Stands in front of the sandbox's core: passes questions on, and answers what it likes. */
let core: Server;
let address: string;
let attack: Attack | undefined;
/** What was fetched because a document said so. */
const fetched: string[] = [];
let patient: string;
/** The honest answer, as a client has it. */
let honest: string;

/** The core's circuit breaker would stand between the attacks and the reader; that it opens is another test's. */
const BREAKER = { errorPercent: 100, volume: 1_000, windowMs: 10_000, resetMs: 5_000 };

beforeAll(async () => {
  let real = '';
  core = createServer((request, response) => {
    if (request.method === 'POST') {
      void answer(real, request, response);
      return;
    }
    fetched.push(request.url ?? '');
    response.end(SMUGGLED);
  }).listen(0, '127.0.0.1');
  await once(core, 'listening');
  address = `http://127.0.0.1:${(core.address() as AddressInfo).port}`;
  target = await startTarget((config): Config => {
    const { clinical } = config.backends;
    if (clinical?.kind !== 'soap') throw new Error('The backend "clinical" is the SOAP core.');
    real = clinical.url;
    const between = { ...clinical, url: `${address}/ClinicalService`, breaker: BREAKER };
    return { ...config, backends: { ...config.backends, clinical: between } };
  });
  patient = await target.patientId('100001');
  honest = (await search()).text;
});
afterAll(async () => {
  await target?.close();
  core?.closeAllConnections();
  core?.close();
});
afterEach(async () => {
  attack = undefined;
  await target.serves();
  expect(await search()).toEqual({ status: 200, text: honest });
  expect(fetched).toEqual([]);
});

async function answer(real: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const asked: Buffer[] = [];
  for await (const chunk of request) asked.push(chunk as Buffer);
  const headers = { 'content-type': request.headers['content-type'] ?? '' };
  const said = await fetch(real, { method: 'POST', headers, body: Buffer.concat(asked) });
  const text = await said.text();
  const made = attack?.(text, address) ?? { body: text };
  const type = said.headers.get('content-type') ?? '';
  response.on('error', () => {});
  response.writeHead(200, { 'content-type': type, ...made.headers }).end(made.body);
}

async function search(): Promise<{ status: number; text: string }> {
  const response = await fetch(`${target.base}/AllergyIntolerance?patient=${patient}`);
  return { status: response.status, text: await response.text() };
}

interface Issue {
  readonly code: string;
  readonly diagnostics: string;
}

const issuesOf = (text: string): readonly Issue[] => (JSON.parse(text) as { issue: Issue[] }).issue;

/** Refused in the words of Ficus, which hold none of the document. */
function expectRefused(text: string): void {
  leaksNothing(text);
  expect(text).not.toContain(SMUGGLED);
  expect(text).not.toMatch(/Penicillin|root:|ENTITY/);
  expect(text.length).toBeLessThan(1_000);
}

const FORGED = ['an answer about somebody else'];
const HOSTILE = [...ENTITIES, ...TOO_MUCH, ...ENCODINGS, ...NAMESPACES, ...WRAPPED, ...PARTED];

describe('a core that answers', () => {
  it.each(HOSTILE.filter(([name]) => !FORGED.includes(name)))('%s is not believed', async (_, made) => {
    attack = made;
    const { status, text } = await search();
    expect(status).toBe(502);
    expect(issuesOf(text)).toEqual([expect.objectContaining({ code: 'structure' })]);
    expectRefused(text);
  });

  it.each(HOSTILE.filter(([name]) => FORGED.includes(name)))('%s has it left out', async (_, made) => {
    attack = made;
    const { status, text } = await search();
    expect(status).toBe(503);
    expect(issuesOf(text)).toEqual([expect.objectContaining({ code: 'incomplete' })]);
    expectRefused(text);
  });

  it.each(HARMLESS)('%s is read as XML says', async (_, made, word) => {
    attack = made;
    const { status, text } = await search();
    expect(status).toBe(200);
    expect(text).not.toContain(SMUGGLED);
    const allergies = JSON.parse(text) as { entry: { resource: { code: { text?: string } } }[] };
    expect(allergies.entry.map(({ resource }) => resource.code.text)).toContain(word);
    expect(allergies.entry).toHaveLength((JSON.parse(honest) as typeof allergies).entry.length);
  });

  const book = async (): Promise<{ status: number; text: string }> => {
    const visit = {
      resourceType: 'Appointment',
      status: 'booked',
      start: '2031-03-04T09:30:00+01:00',
      end: '2031-03-04T09:45:00+01:00',
      participant: [{ actor: { reference: `Patient/${patient}` }, status: 'accepted' }],
    };
    const response = await fetch(`${target.base}/Appointment`, {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify(visit),
    });
    return { status: response.status, text: await response.text() };
  };
  const ONE_OF_EACH = [ENTITIES, TOO_MUCH, ENCODINGS, WRAPPED, PARTED].flatMap((all) => all.slice(0, 1));

  it.each(ONE_OF_EACH)('%s to a booking has it looked up, and is no booking of its own', async (_, made) => {
    let answers = 0;
    attack = (said, canary) => (answers++ === 0 ? made(said, canary) : { body: said });
    const { status, text } = await book();
    expect(status).toBe(201);
    expect(answers).toBeGreaterThan(1);
    expect(text).not.toContain(SMUGGLED);
    const booking = JSON.parse(text) as { id: string; start: string };
    expect(Date.parse(booking.start)).toBe(Date.parse('2031-03-04T09:30:00+01:00'));
    attack = undefined;
    expect((await fetch(`${target.base}/Appointment/${booking.id}`)).status).toBe(200);
  });

  it.each(ONE_OF_EACH.slice(0, 1))(
    '%s to a booking, and to every look for it, leaves it in doubt',
    async (_, made) => {
      attack = made;
      const { status, text } = await book();
      expect(status).toBe(504);
      expect(issuesOf(text).map(({ code }) => code)).toContain('incomplete');
      expectRefused(text);
    },
  );
});

describe('XML at the FHIR port', () => {
  const DOCUMENT =
    '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c SYSTEM "file:///etc/passwd">]><Patient xmlns="http://hl7.org/fhir">&b;&c;</Patient>';
  const post = async (body: string | Buffer, type: string): Promise<number> => {
    const headers = { 'content-type': type };
    const response = await fetch(`${target.base}/Patient`, { method: 'POST', headers, body });
    const text = await response.text();
    expect(text).toContain('"OperationOutcome"');
    expectRefused(text);
    return response.status;
  };

  it.each([
    ['application/fhir+xml', 415],
    ['application/xml+fhir', 415],
    ['application/xml', 415],
    ['text/xml', 415],
    ['application/soap+xml', 415],
    ['multipart/related; type="application/xop+xml"; boundary=p', 415],
    ['application/fhir+json, application/fhir+xml', 415],
    ['application/json; charset=utf-16', 415],
    ['application/fhir+json; charset=utf-7', 415],
    ['text/plain', 415],
    ['application/fhir+json', 400],
  ])('is refused whatever it declares, as %s', async (type, status) => {
    expect(await post(DOCUMENT, type)).toBe(status);
  });

  it('is refused unread, however large, and in every encoding', async () => {
    const bomb = `<a>${'<b>'.repeat(300_000)}`;
    expect(await post(bomb, 'application/fhir+xml')).toBe(415);
    expect(await post(bomb, 'application/fhir+json')).toBe(400);
    expect(await post(Buffer.from(`\uFEFF${DOCUMENT}`, 'utf16le'), 'application/fhir+json')).toBe(400);
    expect(await post(Buffer.from([0xc0, 0xbc, 0x61]), 'application/fhir+json')).toBe(400);
  });

  it('is not answered either', async () => {
    const ask = (path: string, accept = '*/*') =>
      fetch(`${target.base}/${path}`, { headers: { accept } }).then(async (response) => {
        expectRefused(await response.text());
        return response.status;
      });
    expect(await ask('Patient?family=x', 'application/fhir+xml')).toBe(406);
    expect(await ask('Patient?family=x&_format=xml')).toBe(406);
    expect(await ask('metadata?_format=text/xml')).toBe(406);
  });

  it.each([
    ['a document type', DOCUMENT],
    ['a script', '<div xmlns="http://www.w3.org/1999/xhtml"><script>a</script></div>'],
    ['an event behind a comment', '<div xmlns="http://www.w3.org/1999/xhtml"><b title="<!--" onclick="x" lang="-->">a</b></div>'],
    ['an instruction', '<div xmlns="http://www.w3.org/1999/xhtml"><?php a?>b</div>'],
    ['an inclusion', '<div xmlns="http://www.w3.org/1999/xhtml"><xi:include href="file:///etc/passwd"/>b</div>'],
    ['elements 300,000 deep', `<div xmlns="http://www.w3.org/1999/xhtml">${'<b>'.repeat(300_000)}`],
    ['an attribute that never ends', `<div xmlns="http://www.w3.org/1999/xhtml"><b title="${'x '.repeat(500_000)}`],
    ['spaces without an end', `<div xmlns="http://www.w3.org/1999/xhtml"><b ${' '.repeat(1_000_000)}`],
  ])('is refused as a narrative with %s', async (_, div) => {
    const body = { resourceType: 'Patient', name: [{ family: 'Test' }], text: { status: 'generated', div } };
    expect(await post(JSON.stringify(body), 'application/fhir+json')).toBe(400);
  }); // prettier-ignore
});

it('none of it is in the log', () => {
  const lines = target.log().map((line) => JSON.stringify(line));
  expect(lines.length).toBeGreaterThan(HOSTILE.length);
  expect(lines.filter((line) => /Penicillin|root:|ENTITY|HALLER|100001/.test(line) || line.includes(SMUGGLED))).toEqual([]); // prettier-ignore
});

it('nothing of it stays in memory', async () => {
  const round = async (): Promise<void> => {
    for (const [, made] of HOSTILE) {
      attack = made;
      await search();
    }
    attack = undefined;
  };
  const kept = async (): Promise<number> => (await heapUsed()) + process.memoryUsage().arrayBuffers;
  await round();
  const before = await kept();
  await round();
  await round();
  expect((await kept()) - before).toBeLessThan(16 * 1024 * 1024);
});
