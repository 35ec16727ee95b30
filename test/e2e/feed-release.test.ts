import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contentsOf, fixture, makeHome, startFed } from '../support/fed.ts';
import type { Fed } from '../support/fed.ts';

/**
 * The mapping of a hospital's own segment is brought into a running feed: proposed, shown, signed off by a second person, tried with one sender, then with
 * all, and taken back. Nothing is restarted but once, to see that it lasts.
 */
const OVERLAY = join(import.meta.dirname, '../support/overlays/interpreter');
const home = makeHome();
let fed: Fed;
let sent = 0;

beforeAll(async () => void (fed = await startFed(home)));
afterAll(async () => {
  await fed.stop();
  home.remove();
});

const files = readdirSync(OVERLAY)
  .toSorted()
  .map((path) => ({ path, text: readFileSync(join(OVERLAY, path), 'utf8') }));
const ada = { by: 'ada', reason: 'the interpreter need' };
const eve = { by: 'eve', reason: 'read it, and right' };

/** Admissions over an interface: the patients' numbers. */
async function admit(language: string, to: 'hospix' | 'latin', count = 1): Promise<string[]> {
  const [msh, evn, pid, pv1] = fixture('adt/a01').toString('latin1').split('\r');
  const numbers = Array.from({ length: count }, () => String(410_000 + sent++));
  const messages = numbers.map((number) => {
    const lines = [
      msh!
        .replace('F-A01-1', `R${number}`)
        .replace('UNICODE UTF-8', to === 'latin' ? '8859/1' : 'UNICODE UTF-8'),
      evn,
      pid!.replace('300001', number),
      pv1!.replace('V300001', `V${number}`),
    ];
    return Buffer.from([...lines, `ZPI|1|||${language}`, ''].join('\r'), 'latin1');
  });
  expect(await fed.send(messages, to)).toEqual(numbers.map(() => 'AA'));
  await fed.settled(to);
  return numbers;
}

/** What the patient with a number speaks, as it is known now; null: nobody told. */
async function language(number: string): Promise<string | null> {
  const key = `Patient/${await fed.patientId(number)}`;
  const patient = contentsOf(home).get(key) as {
    communication?: { language: { coding: { code: string }[] } }[];
  };
  return patient.communication?.[0]?.language.coding[0]?.code ?? null;
}

interface Acted {
  readonly release: { readonly number: number; readonly state: string };
  readonly requeued: number;
}
const act = (which: string, body: object, number = 1) =>
  fed.admin<Acted>(`/feed/releases/${number}/${which}`, body);

describe('a release of mappings', () => {
  it('that does not compile, or breaks a law, is refused with what is wrong', async () => {
    const wrong = (text: string) =>
      fed.admin('/feed/releases', { ...ada, files: [{ path: 'wrong.yaml', text }] });
    await expect(wrong('overlay: PID <-> Patient\nby: Ada\nwhy: a test\nrows:\n  - { row: PID-999, remove: true, why: a test }\n')).rejects.toThrow(/422.*wrong\.yaml.*PID-999/s); // prettier-ignore
    const gap =
      'overlay: PID <-> Patient\nby: Ada\nwhy: a test\nrows:\n  - { row: PID-8, remove: true, why: a test }\n';
    await expect(wrong(gap)).rejects.toThrow(/422.*PID-8/s);
    expect(await fed.admin('/feed/releases')).toEqual({ releases: [] });
  });

  it('shows what it would do to the messages that came, and does nothing yet', async () => {
    const [number] = await admit('POR', 'hospix', 20);
    expect(await fed.admin('/feed/releases', { ...ada, files })).toMatchObject({
      number: 1,
      state: 'proposed',
    });
    expect(await fed.admin('/feed/releases/1/effect')).toEqual({
      messages: 20,
      changed: 20,
      unchanged: 0,
      newlyParked: 0,
      unknown: 0,
      freed: 0,
      lost: [],
      gained: ['ZPI-4'],
    });
    expect(await language(number!)).toBeNull();
  });

  it('is not published before a second person has signed it off', async () => {
    await expect(act('publish', ada)).rejects.toThrow(/409.*not signed off/);
    await expect(act('sign', { ...ada, reason: 'it is mine' })).rejects.toThrow(/409.*whoever proposed it/);
    expect((await act('sign', eve)).release.state).toBe('signed');
    const [number] = await admit('POR', 'hospix');
    expect(await language(number!)).toBeNull();
  });

  it('is tried with one sender: the others are read as before', async () => {
    expect((await act('publish', { ...ada, senders: ['hospix'] })).release.state).toBe('canary');
    const [east] = await admit('POR', 'hospix');
    const [west] = await admit('POR', 'latin');
    expect(await language(east!)).toBe('pt');
    expect(await language(west!)).toBeNull();
  });

  it('is read by all from then on, after a restart too', async () => {
    expect((await act('publish', ada)).release.state).toBe('live');
    const [west] = await admit('POR', 'latin');
    expect(await language(west!)).toBe('pt');
    await fed.stop();
    fed = await startFed(home);
    const [again] = await admit('POR', 'latin');
    expect(await language(again!)).toBe('pt');
  });

  it('with a code that nobody mapped parks its message; the release that maps it brings it back by itself', async () => {
    const [number] = await admit('POR-BR', 'hospix');
    expect(await fed.messages('state=parked')).toMatchObject([{ reason: 'mapping-needed' }]);
    const text =
      'overlayCodes: interpreter-language\nby: Dr. Ada Example\nrows:\n  - { v2: POR-BR, fhir: pt-BR, display: Portuguese (Brazil) }\n';
    await fed.admin('/feed/releases', { ...ada, files: [{ path: 'brazil.yaml', text }] });
    expect(await fed.admin('/feed/releases/2/effect?limit=10')).toMatchObject({
      freed: 1,
      newlyParked: 0,
      lost: [],
    });
    await act('sign', eve, 2);
    expect(await act('publish', ada, 2)).toMatchObject({ release: { state: 'live' }, requeued: 1 });
    await fed.settled();
    while ((await fed.messages('state=parked')).length > 0) await sleep(10);
    expect(await language(number!)).toBe('pt-BR');
  });

  it('that others stand on cannot leave without them', async () => {
    await expect(act('revert', eve)).rejects.toThrow(/interpreter-language/);
    expect(await fed.admin('/feed/releases')).toMatchObject({
      releases: [{ state: 'live' }, { state: 'live' }],
    });
  });

  it('is taken back within a moment, and says who did what, and why', async () => {
    await act('revert', { ...eve, reason: 'the ward uses other codes' }, 2);
    expect((await act('revert', eve)).release.state).toBe('reverted');
    const [number] = await admit('POR', 'hospix');
    expect(await language(number!)).toBeNull();
    const command = ['bin/ficus.js', 'feed', 'release', 'list', '--admin', fed.ficus.adminBase];
    const { stdout: out } = await promisify(execFile)(process.execPath, command);
    expect(out).toMatch(/^1 {2}reverted {2}/m);
    expect(out).toContain('proposed by ada');
    expect(out).toContain('signed off by eve');
    expect(out).toContain('the ward uses other codes');
  });
});
