import { parseSearch } from '../../../src/search/parse.ts';
import { parseScopes } from '../../../src/security/scopes.ts';
import type { Access } from '../../../src/security-ports.ts';
import { everythingReversed, options } from '../search/support.ts';

/** What a token with these scopes gives. */
export function accessOf(scope: string, more: Partial<Access> = {}): Access {
  const { grants, refused } = parseScopes(scope, (type, pairs) =>
    parseSearch(type, pairs, options({ rules: everythingReversed })),
  );
  if (refused.length > 0) throw new Error(`this is no scope: ${refused[0]?.scope}`);
  return {
    grants,
    purposes: [],
    mayBreakGlass: false,
    roles: [],
    issuer: 'https://issuer.example',
    subject: 'someone',
    tokenId: 't',
    ...more,
  };
}
