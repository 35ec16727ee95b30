import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';

/** A secret is named, never written down: an environment variable or a file (its trailing newline cut). */
export const secretSource = z.union(
  [
    z.strictObject({ env: z.string().regex(/^[A-Z_][A-Z0-9_]*$/) }),
    z.strictObject({ file: z.string().min(1) }),
  ],
  {
    error:
      'a secret is named, not written here: { env: NAME } (an environment variable, in capitals) or { file: PATH }',
  },
);

export type SecretSource = z.infer<typeof secretSource>;

/**
 * The secret's text.
 * @param baseDir folder that a relative file is under (the configuration's own)
 * @throws Error that names the variable or file, never its content
 */
export function readSecret(source: SecretSource, env: NodeJS.ProcessEnv, baseDir: string): string {
  if ('env' in source) {
    const value = env[source.env];
    if (!value) throw new Error(`the environment variable ${source.env} is not set: set it where Ficus runs`);
    return value;
  }
  let text: string;
  try {
    text = readFileSync(resolve(baseDir, source.file), 'utf8');
  } catch {
    throw new Error(`the file ${source.file} cannot be read: looked for at ${resolve(baseDir, source.file)}`);
  }
  const value = text.replace(/\r?\n$/, '');
  if (value === '') throw new Error(`the file ${source.file} is empty`);
  return value;
}
