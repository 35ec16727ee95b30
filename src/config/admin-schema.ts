import { z } from 'zod';
import { port } from './backend-schema.ts';
import { serverTls } from './tls-schema.ts';

const guarded = z.strictObject({
  issuers: z
    .array(z.string().min(1))
    .min(1)
    .exactOptional()
    .describe(
      'Those of `security.issuers` whose tokens are taken; default: all. People who have accounts at several of them are several people here',
    ),
  audience: z
    .array(z.string().min(1))
    .min(1)
    .exactOptional()
    .describe('`aud` of tokens that are for the admin API, any of them; default: the address of this port'),
});

/** The section `admin`: the port beside the FHIR API. */
export const adminConfig = z.strictObject({
  host: z.string().min(1).default('127.0.0.1').describe('Address to listen on'),
  port: port.default(8081).describe('TCP port; 0 lets the system choose'),
  tls: serverTls.exactOptional().describe('HTTPS; absent: HTTP'),
  access: z
    .union([z.literal('open'), guarded], {
      error: 'is `open` (whoever reaches the port may do everything), or says whose tokens are taken',
    })
    .exactOptional()
    .describe(
      'Who may use the admin API: `open`, or whoever has a role in a token. Default: `open` with `security: open`, else tokens of all issuers',
    ),
  metrics: z
    .enum(['open', 'guarded'])
    .default('open')
    .describe('Whether `/metrics` wants a token as everything else does'),
  hosts: z
    .array(
      z
        .string()
        .regex(/^[A-Za-z0-9.-]+$/, 'is a host name, without port')
        .toLowerCase(),
    )
    .default([])
    .describe(
      'Names that this port is called by beside `localhost` and addresses, as in a container; a request by another name is refused (421), `/metrics` too',
    ),
});
