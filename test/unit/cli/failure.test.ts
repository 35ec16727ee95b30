import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { failureInWords } from '../../../src/cli/failure.ts';

it('says which address is taken, and what to do', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const second = createServer();
  const failure = await new Promise<Error>((resolve) => {
    second.once('error', resolve).listen(port, '127.0.0.1');
  });
  server.close();
  expect(failureInWords(failure)).toMatch(
    new RegExp(`^127\\.0\\.0\\.1:${port} is taken: another program listens there.* --ports random .*\\.$`),
  );
});

it.each([
  [new Error('The list is empty.'), 'The list is empty.'],
  ['thrown', 'thrown'],
])('gives the words of anything else as they are', (failure, words) => {
  expect(failureInWords(failure)).toBe(words);
});
