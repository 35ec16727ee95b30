import { describe, expect, it } from 'vitest';
import { createMemoryTree } from '../../../src/mapping/memory-tree.ts';
import { startRun } from '../../../src/mapping/run.ts';
import {
  AUTHORITY_SYSTEM,
  personNameCodec,
  placePathCodec,
  QUALIFIED_IDENTIFIER,
} from '../../../src/mapping/via/xml.ts';
import type { Codec } from '../../../src/mapping/codec.ts';
import type { Json } from '../../../src/fhir/types.ts';
import { CONTEXT } from './support.ts';

/** An element with a text, or with children that have one. */
function place(content: string | Readonly<Record<string, string>>) {
  const root = createMemoryTree('xml').child('X');
  if (typeof content === 'string') root.set(content);
  else for (const [name, text] of Object.entries(content)) root.child(name).set(text);
  return root;
}

function read(codec: Codec, content: Parameters<typeof place>[0]) {
  const { run, losses } = startRun(CONTEXT);
  return { value: codec.read(place(content), run), losses: losses.map(({ kind }) => kind) };
}

function written(codec: Codec, value: Json | undefined, onto: Parameters<typeof place>[0] = '') {
  const target = place(onto);
  const { run } = startRun(CONTEXT);
  const isSaid = codec.write(value, target, run);
  return { isSaid, target, back: codec.read(target, run) };
}

describe('authority-system', () => {
  it('goes by the registry, both ways, and guesses nothing', () => {
    expect(read(AUTHORITY_SYSTEM, 'HOSP')).toEqual({ value: 'urn:oid:1.2.3', losses: [] });
    expect(read(AUTHORITY_SYSTEM, 'ELSEWHERE')).toEqual({ value: undefined, losses: ['unknown-authority'] });
    expect(written(AUTHORITY_SYSTEM, 'https://lab.example/ids').target.text()).toBe('LAB');
    expect(written(AUTHORITY_SYSTEM, 'https://elsewhere.example').isSaid).toBe(false);
    expect(written(AUTHORITY_SYSTEM, undefined, 'HOSP').back).toBeUndefined();
  });
});

describe('qualified-identifier', () => {
  it.each<[string, Json]>([
    ['PORTAL-1', { value: 'PORTAL-1' }],
    ['https://portal.example/b|77', { system: 'https://portal.example/b', value: '77' }],
    ['urn:oid:1.2.3|a|b', { system: 'urn:oid:1.2.3', value: 'a|b' }],
    ['a b|c', { value: 'a b|c' }],
    ['x|', { value: 'x|' }],
  ])('%s', (text, identifier) => {
    expect(read(QUALIFIED_IDENTIFIER, text).value).toEqual(identifier);
    expect(written(QUALIFIED_IDENTIFIER, identifier).target.text()).toBe(text);
  });

  it.each<[Json]>([
    [{ value: 'urn:x|1' }],
    [{ system: 'no uri', value: '1' }],
    [{ system: 'https://portal.example/b' }],
    ['text'],
  ])('%j cannot be said', (identifier) => {
    expect(written(QUALIFIED_IDENTIFIER, identifier).isSaid).toBe(false);
  });
});

describe('place-path', () => {
  const codec = placePathCodec([['Site'], ['Ward'], ['Room'], ['Bed']]);
  it.each<[Record<string, string>, string | undefined]>([
    [{ Site: 'WEST', Ward: '3B', Room: '12', Bed: 'A' }, 'WEST/3B/12/A'],
    [{ Site: 'WEST', Bed: '7/8%' }, 'WEST///7%2F8%25'],
    [{ Ward: 'ICU' }, '/ICU'],
    [{ Text: 'somewhere' }, undefined],
  ])('%j', (parts, path) => {
    expect(read(codec, parts).value).toBe(path);
    if (path === undefined) return;
    const { target, back } = written(codec, path, { Bed: 'old' });
    expect(back).toBe(path);
    for (const part of ['Site', 'Ward', 'Room', 'Bed']) expect(target.child(part).text()).toBe(parts[part]);
  });

  it('has four parts at most', () => {
    expect(written(codec, 'a/b/c/d/e').isSaid).toBe(false);
  });
});

describe('person-name', () => {
  const codec = personNameCodec([['Title'], ['First'], ['Last']]);
  it('is read only', () => {
    expect(read(codec, { Last: 'Adler', Title: 'Dr.' }).value).toBe('Dr. Adler');
    expect(read(codec, {}).value).toBeUndefined();
    expect(written(codec, 'Dr. Adler').isSaid).toBe(false);
    expect(written(codec, undefined, { Last: 'Adler' }).back).toBe('Adler');
  });
});
