import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Cleaning } from './cleaning.ts';
import { codeOf } from './command-end.ts';
import { WIDTH } from './say.ts';
import type { Voice } from './say.ts';

/** How a command ended. */
export interface Ran {
  readonly ok: boolean;
  /** What it printed, errors included. */
  readonly text: string;
}

/** Says a command, runs it as it is typed, and shows what it prints. One at a time. */
export type RunCommand = (words: readonly string[]) => Promise<Ran>;

/** Columns that are left when what it prints is indented. */
const COLUMNS = String(WIDTH - 4);

/** @param where addresses that are left out of what is shown */
export function startCommands(
  where: { readonly admin: string; readonly control: string },
  voice: Voice,
  cleaning: Cleaning,
): RunCommand {
  const child = fork(new URL('command-child.ts', import.meta.url), {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, COLUMNS },
  });
  const { stdout, stderr } = child;
  if (!stdout || !stderr) throw new Error('A process that was started has no output.');
  const gone = once(child, 'exit');
  cleaning.add(async () => {
    child.kill();
    await gone;
  });
  let onLine = (_line: string): void => {};
  const ends: ((code: number) => void)[] = [];
  for (const stream of [stdout, stderr] satisfies Readable[]) {
    createInterface(stream).on('line', (line) => {
      const code = codeOf(line);
      if (code === undefined) onLine(line);
      else ends.shift()?.(code);
    });
  }
  const end = (): Promise<number> => new Promise((resolve) => void ends.push(resolve));
  return async (words) => {
    voice.command(['ficus', ...words.map(quoted)].join(' '));
    const lines: string[] = [];
    onLine = (line) => {
      lines.push(line);
      voice.answer(line);
    };
    const address = words[0] === 'sandbox' ? ['--control', where.control] : ['--admin', where.admin];
    const ended = Promise.all([end(), end()]);
    child.send([...words, ...address]);
    const codes = await Promise.race([ended, gone.then(() => [1])]);
    return { ok: codes.every((code) => code === 0), text: lines.join('\n') };
  };
}

const quoted = (word: string): string => (/^[\w./:=-]+$/.test(word) ? word : `"${word}"`);
