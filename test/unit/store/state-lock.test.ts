import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { lockState } from '../../../src/store/state-lock.ts';

const folder = mkdtempSync(join(tmpdir(), 'ficus-lock-'));
const started: (() => void)[] = [];
afterEach(() => {
  for (const end of started.splice(0)) end();
});
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** Another process that has the folder, until it is killed. */
async function other() {
  const module = new URL('../../../src/store/state-lock.ts', import.meta.url).href;
  const program = `const { lockState } = await import(${JSON.stringify(module)}); lockState(${JSON.stringify(folder)}); console.log('has it'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: ['ignore', 'pipe', 'inherit'] }); // prettier-ignore
  started.push(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
}

describe('a state folder', () => {
  it('is of one process, until that lets go', () => {
    const letGo = lockState(folder);
    expect(() => lockState(folder)).toThrow(/Another Ficus runs on/);
    letGo();
    lockState(folder)();
  });

  it('is free again when its process was killed', async () => {
    const child = await other();
    expect(() => lockState(folder)).toThrow(/Another Ficus runs on/);
    child.kill('SIGKILL');
    await once(child, 'exit');
    lockState(folder)();
  });
});
