import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { cheapCollectionFlags } from '../../../adapters/modern/short-lived-buffers.ts';
import { youngObjectFlags } from '../../../src/cli/allocation.ts';

const run = promisify(execFile);

/** What V8 of this very Node says of flags that are set while it runs. */
async function complaints(flags: readonly string[]): Promise<string> {
  const program = `for (const flag of ${JSON.stringify(flags)}) require('node:v8').setFlagsFromString(flag)`;
  return (await run(process.execPath, ['-e', program])).stderr;
}

describe('flags of V8', () => {
  it('are set only where V8 knows them, for of others it complains to the operator', async () => {
    const { v8 } = process.versions;
    expect(await complaints([...youngObjectFlags(v8), ...cheapCollectionFlags(v8)])).toBe('');
    expect(await complaints(['--no-such-flag-of-v8'])).toContain('no-such-flag-of-v8');
  });

  it.each([
    ['11.3.244.8-node.38', 'Node 20', 1, 0],
    ['12.4.254.21-node.33', 'Node 22', 1, 0],
    ['13.6.233.17-node.53', 'Node 24', 1, 2],
    ['14.1.146.11-node.14', 'a later Node', 0, 0],
  ])('of V8 %s (%s)', (v8, _node, young, cheap) => {
    expect([youngObjectFlags(v8).length, cheapCollectionFlags(v8).length]).toEqual([young, cheap]);
  });
});
