import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A codec case is a file: expectations, `--- message` and the message, then any number of edits, each with the bytes expected after it (or, for
 * `refuse`, the error's code). Line ends of the file are nothing; bytes are written `<CR>`, `<LF>` or `<x1C>`; `<END>` ends a value that has blanks
 * at its end. What is set or refused starts from the message as it came.
 */
export interface CodecCase {
  readonly file: string;
  readonly what: string;
  readonly charset: string | undefined;
  readonly defaultCharset: string | undefined;
  readonly expectations: readonly { readonly kind: string; readonly path: string; readonly value: string }[];
  readonly defects: readonly string[];
  readonly message: Buffer;
  readonly edits: readonly {
    readonly command: string;
    readonly path: string;
    readonly value: string;
    readonly outcome: string;
    readonly bytes: Buffer;
  }[];
}

const TOKEN = /<(CR|LF|END|x[0-9A-F]{2})>/;

/** Bytes of a text with tokens; other characters in UTF-8. */
function bytesOf(text: string): Buffer {
  const pieces = text.replaceAll('\n', '').split(TOKEN);
  return Buffer.concat(
    pieces.map((piece, index) => {
      if (index % 2 === 0) return Buffer.from(piece, 'utf8');
      if (piece === 'END') return Buffer.alloc(0);
      return Buffer.from([
        piece === 'CR' ? 0x0d : piece === 'LF' ? 0x0a : Number.parseInt(piece.slice(1), 16),
      ]);
    }),
  );
}

/** A value with tokens as a text: each token a character. */
function textOf(value: string): string {
  return value
    .split(TOKEN)
    .map((piece, index) => (index % 2 === 0 ? piece : bytesOf(`<${piece}>`).toString('latin1')))
    .join('');
}

function parseCase(file: string, text: string): CodecCase {
  const [head = '', ...sections] = text.split(/^--- /m);
  const lines = head.split('\n').filter((line) => line !== '');
  const named = (name: string): string[] =>
    lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
  const expectations = lines.flatMap((line) => {
    const match = /^(read|null|empty|absent|fails|count): (\S+)(?: = (.*))?$/.exec(line);
    return match ? [{ kind: match[1]!, path: match[2]!, value: textOf(match[3] ?? '') }] : [];
  });
  const known = ['what', 'charset', 'default', 'defect'].flatMap(named).length + expectations.length;
  if (known !== lines.length) throw new Error(`${file}: a line is not understood`);
  let message: Buffer | undefined;
  const edits: CodecCase['edits'][number][] = [];
  for (const section of sections) {
    const [first = '', ...rest] = section.split('\n');
    const body = rest.join('\n');
    const edit = /^(set|refuse|append) (.+?) = (.*)$/.exec(first);
    if (first === 'message') message = bytesOf(body);
    else if (edit)
      edits.push({
        command: edit[1]!,
        path: edit[2]!,
        value: textOf(edit[3]!),
        outcome: body.trim(),
        bytes: bytesOf(body),
      });
    else throw new Error(`${file}: --- ${first} is not understood`);
  }
  if (!message) throw new Error(`${file}: no message`);
  return {
    file,
    what: named('what')[0] ?? file,
    charset: named('charset')[0],
    defaultCharset: named('default')[0],
    expectations,
    defects: named('defect'),
    message,
    edits,
  };
}

/** All codec cases of a folder, by name. */
export function readCases(folder: string): CodecCase[] {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.case'))
    .sort();
  return files.map((file) => parseCase(file, readFileSync(join(folder, file), 'utf8')));
}
