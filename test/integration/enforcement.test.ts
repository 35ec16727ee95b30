import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FicusError } from '../../src/errors.ts';
import type { Authenticator } from '../../src/security-ports.ts';
import { startFhirServer, type Running } from '../unit/http/fhir-server.ts';
import { served, type Holder } from '../unit/security/fuzz/backends.ts';
import type { Caller } from '../unit/security/fuzz/model.ts';
import { stackOver, type Stack } from '../unit/security/fuzz/stack.ts';
import type { Known } from '../unit/security/fuzz/world.ts';

/*
 * What a token allows, over the wire: a modern service behind the whole http room, whose writes are streamed to it.
 */

const concept = (code: string) => ({ coding: [{ system: 'urn:codes', code }] });
const observation = (id: string, patient: string, category: string): Known => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: concept('x'),
  category: [concept(category)],
  subject: { reference: `Patient/${patient}` },
});
const WORLD: readonly Known[] = [
  { resourceType: 'Patient', id: 'a' },
  { resourceType: 'Patient', id: 'b' },
  observation('lab', 'a', 'laboratory'),
  observation('vital', 'a', 'vital-signs'),
  observation('other', 'b', 'laboratory'),
];
const TOKENS: Readonly<Record<string, Caller>> = {
  labs: { scopes: ['patient/Observation.rs?category=laboratory'], patient: 'a', purposes: [] },
  own: { scopes: ['patient/*.cruds'], patient: 'a', purposes: [] },
};

let running: Running;
let holder: Holder;
let stack: Stack;

beforeAll(async () => {
  holder = served(WORLD);
  stack = stackOver(holder.backend, { labelled: true, native: false, shared: false });
  const authenticator: Authenticator = {
    authenticate({ headers }) {
      const caller = TOKENS[String(headers.authorization).replace('Bearer ', '')];
      if (!caller) throw new FicusError('unauthenticated', 'No token.');
      return stack.principalOf(caller);
    },
  };
  running = await startFhirServer((request, context) => stack.backend.handle(request, context), {
    authenticator,
    promised: stack.promised,
    parseSearch: stack.parseSearch,
    bodyOf: () => 'streamed',
  });
});
afterAll(() => running.server.close(0));

async function ask(token: string, path: string, init: RequestInit = {}) {
  const response = await fetch(`${running.base}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/fhir+json' },
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text };
}

const post = (token: string, path: string, body: object) =>
  ask(token, path, { method: 'POST', body: JSON.stringify(body) });

describe('a token over the wire', () => {
  it('with a granular scope gets the results it is for, and no others', async () => {
    const { status, text } = await ask('labs', '/Observation?patient=a');
    expect(status).toBe(200);
    expect(text).toContain('"lab"');
    expect(text).not.toContain('"vital"');
    expect((await ask('labs', '/Observation/vital')).status).toBe(404);
  });

  it('of one patient is worth nothing for another', async () => {
    for (const path of [
      '/Patient/b',
      '/Observation?patient=b',
      '/Patient?_id=b&_revinclude=Observation:patient',
    ])
      expect({ path, status: (await ask('own', path)).status }).toEqual({ path, status: 403 });
    expect((await ask('own', '/Observation/other')).status).toBe(404);
    expect((await ask('own', '/Observation')).text).not.toContain('"other"');
  });

  it('is told which scope is missing before its body is read', async () => {
    const refused = await post('labs', '/Observation', {});
    expect(refused.status).toBe(403);
    expect(refused.headers.get('www-authenticate')).toBe('Bearer error="insufficient_scope"');
  });

  it('writes nothing about another, although the service takes bodies as they come', async () => {
    const { id: _id, ...about } = observation('', 'b', 'laboratory');
    const before = JSON.stringify(await holder.states());
    expect((await post('own', '/Observation', about)).status).toBe(403);
    const batch = {
      resourceType: 'Bundle',
      type: 'batch',
      entry: [
        { resource: about, request: { method: 'POST', url: 'Observation' } },
        { request: { method: 'GET', url: 'Observation/other' } },
        { request: { method: 'GET', url: 'Observation/lab' } },
      ],
    };
    const { entry } = JSON.parse((await post('own', '', batch)).text) as {
      entry: { response: { status: string } }[];
    };
    expect(entry.map(({ response }) => response.status)).toEqual(['403', '404', '200']);
    expect(JSON.stringify(await holder.states())).toBe(before);
    const own = { ...about, subject: { reference: 'Patient/a' } };
    expect((await post('own', '/Observation', own)).status).toBe(201);
  });
});
