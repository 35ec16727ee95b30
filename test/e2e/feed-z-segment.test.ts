import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseMessage } from '../../adapters/hl7v2/parse.ts';
import { messageTree } from '../../adapters/hl7v2/tree.ts';
import { HOME } from '../../src/compose.ts';
import { loadMappings } from '../../src/config/mappings.ts';
import { readTree, writeTree } from '../../src/mapping/run-map.ts';
import type { FieldCoverage } from '../../src/mapping/coverage.ts';
import { contentsOf, fixture, makeHome, startFed } from '../support/fed.ts';
import type { Fed } from '../support/fed.ts';

/** A segment of the hospital's own says who needs an interpreter: kept raw at first, then mapped by an overlay, replayed, and taken back. */
const COUNT = 50;
const home = makeHome();
const overlay = mkdtempSync(join(tmpdir(), 'ficus-overlay-'));
cpSync(join(import.meta.dirname, '../support/overlays/interpreter'), overlay, { recursive: true });
const signed = { by: 'integration', reason: 'the interpreter need' };
let fed: Fed;

beforeAll(async () => void (fed = await startFed(home)));
afterAll(async () => {
  await fed.stop();
  home.remove();
  rmSync(overlay, { recursive: true, force: true });
});

/** The admissions of so many patients; what ZPI-4 of each says. */
function admissions(languages: readonly string[], from = 0): Buffer[] {
  const [msh, evn, pid, pv1] = fixture('adt/a01').toString().split('\r');
  return languages.map((language, at) => {
    const number = String(310_000 + from + at);
    const lines = [
      msh!.replace('F-A01-1', `Z${number}`),
      evn,
      pid!.replace('300001', number),
      pv1!.replace('V300001', `V${number}`),
    ];
    return Buffer.from([...lines, `ZPI|1|||${language}`, ''].join('\r'));
  });
}

interface Rehearsal {
  readonly seq: number;
  readonly would: string;
  readonly reason?: string;
  readonly changes: readonly { readonly type: string; readonly paths: readonly string[] }[];
}
const rehearse = async (filter: object) =>
  (await fed.admin<{ rehearsed: Rehearsal[] }>('/feed/replay', { ...signed, dryRun: true, filter }))
    .rehearsed;
const replay = async (which: object) =>
  (await fed.admin<{ replayed: number }>('/feed/replay', { ...signed, ...which })).replayed;

async function restart(overlays: readonly string[]): Promise<void> {
  await fed.stop();
  fed = await startFed(home, overlays);
}

const fieldOf = async (field: string) =>
  (await fed.admin<{ fields: FieldCoverage[] }>('/feed/coverage')).fields.find((one) => one.field === field);

async function languages() {
  await fed.settled();
  return [...contentsOf(home)].flatMap(([key, said]) => {
    const patient = said as {
      communication?: { language: { coding: { code: string }[] }; preferred?: boolean }[];
    };
    return key.startsWith('Patient/') ? [patient.communication?.[0]?.language.coding[0]?.code] : [];
  });
}

describe('a Z-segment', () => {
  it('is kept raw while nobody maps it, and counted', async () => {
    const answers = await fed.send(admissions(Array(COUNT).fill('POR')));
    expect(answers).toEqual(Array(COUNT).fill('AA'));
    expect(await languages()).toEqual(Array(COUNT).fill(undefined));
    expect(await fieldOf('ZPI-4')).toMatchObject({ seen: COUNT, fates: { kept: COUNT } });
  });

  it('that an overlay maps would change the patients of all its messages, and lose nothing', async () => {
    await restart([overlay]);
    const before = contentsOf(home);
    const rehearsed = await rehearse({ state: 'processed' });
    expect(rehearsed.map(({ would }) => would)).toEqual(Array(COUNT).fill('change'));
    for (const { changes } of rehearsed)
      expect(changes.map(({ type, paths }) => [type, paths])).toEqual([['Patient', ['communication']]]);
    expect(contentsOf(home)).toEqual(before);
    expect(await fieldOf('ZPI-4')).toMatchObject({ seen: COUNT, fates: { mapped: COUNT } });
  });

  it('is in the patients after a replay, and a second replay changes nothing', async () => {
    const before = contentsOf(home);
    expect(await replay({ filter: { state: 'processed' } })).toBe(COUNT);
    expect(await languages()).toEqual(Array(COUNT).fill('pt'));
    for (const [key, said] of contentsOf(home)) expect(said).toMatchObject(before.get(key)!);
    expect((await rehearse({ state: 'processed' })).map(({ would }) => would)).toEqual(
      Array(COUNT).fill('nothing'),
    );
  });

  it('with a code that nobody mapped parks its message, until the code is mapped and the message replayed', async () => {
    expect(await fed.send(admissions(['POR-BR'], COUNT))).toEqual(['AA']);
    await fed.settled();
    const [parked, ...more] = await fed.messages('state=parked');
    expect(more).toEqual([]);
    expect(parked).toMatchObject({ reason: 'mapping-needed', owner: 'integration' });
    expect(parked!.detail).toContain('ZPI-4');
    expect(parked!.detail).not.toContain('POR');
    writeFileSync(
      join(overlay, 'more-codes.yaml'),
      `overlayCodes: interpreter-language\nby: Dr. Ada Example\nrows:\n  - { v2: POR-BR, fhir: pt-BR, display: Portuguese (Brazil) }\n`,
    );
    await restart([overlay]);
    expect(await replay({ seqs: [parked!.seq] })).toBe(1);
    expect(await languages()).toEqual([...Array(COUNT).fill('pt'), 'pt-BR']);
    expect(await fed.settled()).toMatchObject({ processed: COUNT + 1, parked: 0 });
  });

  it('goes to FHIR and back without a byte changed', () => {
    const mappings = loadMappings(join(HOME, 'mappings'), { overlays: [overlay] });
    const map = mappings.combined(['PID <-> Patient']);
    const authorities = [
      { name: 'HOSP', namespaces: ['HOSP'], oid: '2.999.1.1', system: 'urn:oid:2.999.1.1' },
    ];
    const context = { authorities, timeZone: 'Europe/Berlin' };
    for (const bytes of admissions(['POR', 'POR-BR'])) {
      const message = parseMessage(bytes);
      const tree = messageTree(message);
      const { resource } = readTree(map, tree, context);
      writeTree(map, resource!, tree, context);
      expect(Buffer.from(message.toBytes())).toEqual(bytes);
    }
  });

  it('is kept raw again when the overlay is taken away', async () => {
    await restart([]);
    expect(await fieldOf('ZPI-4')).toMatchObject({ seen: COUNT + 1, fates: { kept: COUNT + 1 } });
    expect(await fed.send(admissions(['POR'], COUNT + 1))).toEqual(['AA']);
    expect((await languages()).at(-1)).toBeUndefined();
  });
});
