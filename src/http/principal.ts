import type { IncomingHttpHeaders } from 'node:http';
import type { Principal } from '../ports.ts';

/** Names of the headers, in lower case, that say who calls. */
export interface CallerHeaders {
  /** The calling application. */
  readonly client: string;
  /** The facility that it calls for. */
  readonly facility: string;
  /** A tester's wish for one side of an endpoint in canary: `legacy` or `modern`. */
  readonly side: string;
}

const ANONYMOUS: Principal = { key: 'anonymous' };
const LONGEST = 128;

/**
 * Who calls, by headers that are believed because everyone may call (security `open`). They choose a cohort and nothing
 * else: no answer depends on them. One that is longer than 128 characters, or that was sent twice, is as good as none.
 */
export function principalOf(headers: IncomingHttpHeaders, names: CallerHeaders | undefined): Principal {
  if (!names) return ANONYMOUS;
  const client = headers[names.client];
  const facility = headers[names.facility];
  const side = headers[names.side];
  if (client === undefined && facility === undefined && side === undefined) return ANONYMOUS;
  return {
    ...ANONYMOUS,
    ...(isName(client) ? { client } : {}),
    ...(isName(facility) ? { facility } : {}),
    ...(side === 'legacy' || side === 'modern' ? { side } : {}),
  };
}

function isName(header: string | string[] | undefined): header is string {
  return typeof header === 'string' && header !== '' && header.length <= LONGEST && !header.includes(',');
}
