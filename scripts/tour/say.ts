import { styleText } from 'node:util';

/** What the tour says. */
export interface Voice {
  title(text: string): void;
  /** What happens and why. */
  tell(text: string): void;
  /** The command that does the same. */
  command(text: string): void;
  /** What Ficus answered, line by line. */
  answer(text: string): void;
}

const WIDTH = 100;

function wrapped(text: string): string {
  const lines = [''];
  for (const word of text.split(/\s+/)) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && line.length + word.length >= WIDTH) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.join('\n');
}

export function createVoice(write: (line: string) => void): Voice {
  let number = 0;
  return {
    title(text) {
      number += 1;
      write(`\n${styleText('bold', `${number}. ${text}`)}\n`);
    },
    tell: (text) => write(wrapped(text)),
    command: (text) => write(styleText('cyan', `  $ ${text}`)),
    answer: (text) =>
      write(
        text
          .split('\n')
          .map((line) => styleText('dim', `    ${line}`))
          .join('\n'),
      ),
  };
}
