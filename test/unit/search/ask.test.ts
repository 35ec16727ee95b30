import { describe, expect, it } from 'vitest';
import { resourceOf, setOf } from '../../../src/search/ask.ts';
import { piped } from './hospital.ts';

describe('an answer of a service that is larger than it may be', () => {
  const large = JSON.stringify({ resourceType: 'Bundle', type: 'searchset', entry: [] });

  it('is the fault of the service where one resource was asked for', async () => {
    await expect(resourceOf(piped(large), 10)).rejects.toMatchObject({
      code: 'legacy-malformed',
      status: 502,
    });
  });

  it('may be asked for in less where it is a search', async () => {
    await expect(setOf(piped(large), 10)).rejects.toMatchObject({ code: 'too-costly', status: 400 });
  });
});
