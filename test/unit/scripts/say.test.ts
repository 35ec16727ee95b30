import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createVoice } from '../../../scripts/tour/say.ts';

/** What is written, without the colours of a terminal. */
function createTold() {
  const lines: string[] = [];
  const voice = createVoice((text) => {
    lines.push(...stripVTControlCharacters(text).split('\n'));
  });
  return { voice, lines };
}

const LONG = 'word '.repeat(60).trim();

describe('the voice of the tour', () => {
  it.each(['tell', 'point', 'command', 'answer'] as const)('%s stays within a hundred columns', (way) => {
    const { voice, lines } = createTold();
    voice[way](LONG);
    expect(lines.length).toBeGreaterThan(1);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(100);
    expect(lines.join(' ').match(/word/g)).toHaveLength(60);
  });

  it('leaves the columns of a line alone that fits', () => {
    const { voice, lines } = createTold();
    voice.answer('  PASS   owners     Both owners are named.');
    expect(lines).toEqual(['      PASS   owners     Both owners are named.']);
  });

  it('breaks a word that is wider than a line, and loses nothing of it', () => {
    const { voice, lines } = createTold();
    voice.answer(`  Asked: ${'0123456789'.repeat(15)} and more`);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(100);
    expect(lines.map((line) => line.trim()).join('')).toContain('0123456789'.repeat(15));
  });

  it('breaks a command as a shell reads it', () => {
    const { voice, lines } = createTold();
    voice.command(`ficus migrate ${'--flag value '.repeat(10)}`);
    expect(lines.slice(0, -1).every((line) => line.endsWith(' \\'))).toBe(true);
    expect(lines.at(-1)).not.toContain('\\');
  });

  it('numbers what it begins', () => {
    const { voice, lines } = createTold();
    voice.title('Shadow');
    voice.title('Canary');
    expect(lines.filter((line) => line !== '')).toEqual(['1. Shadow', '2. Canary']);
  });
});
