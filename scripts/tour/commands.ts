import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Cleaning } from './cleaning.ts';
import type { Voice } from './say.ts';

const FICUS = fileURLToPath(new URL('../../bin/ficus.js', import.meta.url));
/** How a command ended. */
export interface Ran {
  readonly ok: boolean;
  /** What it printed, errors included. */
  readonly text: string;
}

/** Says a command, runs it as whoever types it, and shows what it prints. */
export type RunCommand = (words: readonly string[]) => Promise<Ran>;

/** Columns that are left when what it prints is indented. */
const COLUMNS = '96';

/** @param where addresses that are left out of what is shown */
export function createRunCommand(
  where: { readonly admin: string; readonly control: string },
  voice: Voice,
  cleaning: Cleaning,
): RunCommand {
  return async (words) => {
    voice.command(['ficus', ...words.map(quoted)].join(' '));
    const address = words[0] === 'sandbox' ? ['--control', where.control] : ['--admin', where.admin];
    const child = spawn(process.execPath, [FICUS, ...words, ...address], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, COLUMNS },
    });
    cleaning.add(() => void child.kill());
    const lines: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      createInterface(stream).on('line', (line) => {
        lines.push(line);
        voice.answer(line);
      });
    }
    const [code] = (await once(child, 'close')) as [number | null];
    return { ok: code === 0, text: lines.join('\n') };
  };
}

const quoted = (word: string): string => (/^[\w./:=-]+$/.test(word) ? word : `"${word}"`);
