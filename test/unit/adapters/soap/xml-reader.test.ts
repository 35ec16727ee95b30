import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readXml } from '../../../../adapters/soap/xml-reader.ts';
import type { XmlReadOptions } from '../../../../adapters/soap/xml-options.ts';
import { FicusError } from '../../../../src/errors.ts';
import { showTree } from './show-tree.ts';

interface Case {
  readonly about: string;
  readonly xml?: string;
  readonly hex?: string;
  readonly encoding?: 'latin1' | 'utf16le';
  readonly http?: string;
  readonly charset?: string;
  readonly instructions?: 'skip';
  readonly read?: string;
  readonly because?: string;
}

function cases(file: string): Case[] {
  const path = new URL(`../../../../fixtures/soap/xml/${file}`, import.meta.url);
  return parse(readFileSync(path, 'utf8')) as Case[];
}

function read(row: Case): string {
  const bytes =
    row.hex === undefined
      ? Buffer.from(row.xml ?? '', row.encoding ?? 'utf8')
      : Buffer.from(row.hex.replaceAll(' ', ''), 'hex');
  const processingInstructions = row.instructions ?? 'refuse';
  return showTree(readXml(bytes, { httpCharset: row.http, charset: row.charset, processingInstructions }));
}

function refusal(action: () => unknown): FicusError {
  try {
    action();
  } catch (error) {
    if (error instanceof FicusError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

describe('the XML reader accepts', () => {
  it.each(cases('accepted.yaml'))('$about', (row) => {
    expect(row.read).toBeDefined();
    expect(read(row)).toBe(row.read);
  });
});

describe('the XML reader refuses', () => {
  it.each(cases('refused.yaml'))('$about', (row) => {
    const error = refusal(() => read(row));
    expect(error.code).toBe('legacy-malformed');
    expect(row.because).toBeDefined();
    expect(error.message).toMatch(new RegExp(row.because!.replaceAll(/[[\]]/g, String.raw`\$&`)));
    expect(JSON.stringify([error.message, error.issues])).not.toContain('SECRET');
  });
});

describe('the XML reader keeps its limits', () => {
  const nested = (depth: number): string => '<a>'.repeat(depth) + '</a>'.repeat(depth);
  const attributes = (count: number): string =>
    `<a ${Array.from({ length: count }, (_, n) => `a${n}="1"`).join(' ')}/>`;
  const scopes = (depth: number, each: number): string => {
    const declare = (d: number): string =>
      Array.from({ length: each }, (_, n) => ` xmlns:p${d}-${n}="u"`).join('');
    return Array.from({ length: depth }, (_, d) => `<a${declare(d)}>`).join('') + '</a>'.repeat(depth);
  };

  it.each<[string, string, string, XmlReadOptions, string]>([
    ['depth', nested(100), nested(101), {}, 'nested too deep'],
    ['depth by option', nested(3), nested(4), { maxDepth: 3 }, 'nested too deep'],
    ['attributes', attributes(64), attributes(65), {}, 'too many attributes'],
    ['attributes by option', attributes(2), attributes(3), { maxAttributes: 2 }, 'too many attributes'],
    ['elements', '<a><b/></a>', '<a><b/><b/></a>', { maxElements: 2 }, 'too many elements'],
    ['bytes', '<a>é</a>', '<a>éx</a>', { maxBytes: 9 }, 'too large'],
    ['namespaces in force', scopes(8, 64), scopes(9, 64), {}, 'too many namespaces'],
  ])('%s', (_, within, beyond, options, because) => {
    expect(readXml(Buffer.from(within), options).local).toBe('a');
    const error = refusal(() => readXml(Buffer.from(beyond), options));
    expect(error.code).toBe('legacy-malformed');
    expect(error.message).toContain(because);
  });

  it('looks at the size before it looks at anything else', () => {
    const error = refusal(() => readXml(Buffer.alloc(11 * 1024 * 1024, 0xff)));
    expect(error.message).toContain('too large');
  });

  it('reads a part of a larger buffer', () => {
    const whole = Buffer.from(
      'garbage<?xml version="1.0" encoding="iso-8859-1"?><a>\u00e9</a>garbage',
      'latin1',
    );
    expect(readXml(whole.subarray(7, -7)).text).toBe('é');
  });

  it('tells where in the document', () => {
    expect(refusal(() => readXml(Buffer.from('<a>\u00e9<b></a>'))).message).toContain('at character 9');
  });
});
