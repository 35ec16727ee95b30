import { styleText } from 'node:util';
import { terminalWidth } from '../../src/cli/text.ts';

/** What the tour says. */
export interface Voice {
  title(text: string): void;
  /** What happens and why. */
  tell(text: string): void;
  /** One of several things. */
  point(text: string): void;
  /** A command, as it is typed. */
  command(text: string): void;
  /** What Ficus answered, line by line. */
  answer(text: string): void;
}

/** Columns of a line: the terminal's, and no more than one reads with ease. */
export const WIDTH = Math.min(100, terminalWidth());

/** A line that fits, as it is; else lines that do, those after the first indented by `hanging`. */
function wrapped(text: string, indent: number, hanging = indent, width = WIDTH): string {
  const whole = ' '.repeat(indent) + text.trim();
  if (whole.length <= width) return whole;
  const room = width - Math.max(indent, hanging);
  // The address of a search is wider than a line.
  const parts = new RegExp(`.{1,${room}}`, 'g');
  const [first = '', ...words] = text
    .trim()
    .split(/\s+/)
    .flatMap((word) => word.match(parts) ?? []);
  const lines = [' '.repeat(indent) + first];
  for (const word of words) {
    const line = lines.at(-1) ?? '';
    if (line.length + 1 + word.length > width) lines.push(' '.repeat(hanging) + word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines.join('\n');
}

export function createVoice(write: (line: string) => void): Voice {
  let number = 0;
  const dim = (text: string): void => write(styleText('dim', text));
  return {
    title(text) {
      number += 1;
      write(`\n${styleText('bold', `${number}. ${text}`)}\n`);
    },
    tell: (text) => write(wrapped(text, 0)),
    point: (text) => write(wrapped(`- ${text}`, 0, 2)),
    command: (text) =>
      write(styleText('cyan', wrapped(`$ ${text}`, 2, 6, WIDTH - 2).replaceAll('\n', ' \\\n'))),
    answer(text) {
      for (const line of text.split('\n')) {
        const indent = 4 + line.length - line.trimStart().length;
        dim(wrapped(line, indent, indent + 2));
      }
    },
  };
}
