import { z } from 'zod';
import { isNetwork } from '../security/internal-address.ts';
import { anomaliesConfig } from './anomalies-schema.ts';
import { name } from './backend-schema.ts';
import { breakGlassConfig, consentConfig, labelsConfig } from './confidentiality-schema.ts';
import { secretSource } from './secret.ts';

/** Signatures that a token may have: asymmetric ones only, for whoever could check another could make it. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;

/**
 * An address of an issuer: https, or http on this machine. It is kept as it is written, for issuers are compared letter
 * by letter.
 */
const issuerUrl = z
  .url({ protocol: /^https?$/ })
  .refine(isSafe, { error: 'is https, or http to this machine (localhost, 127.0.0.1, ::1)' });

/** `login.example`, `login.example:8443`, `[::1]:9000`. */
const hostAndPort = z
  .string()
  .regex(/^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?$/, 'a host, with its port where it is not 443')
  .toLowerCase();

/** What the issuer calls a role. */
const called = z.array(z.string().min(1)).min(1).exactOptional();

/** Name of a claim; dots go down into objects: `realm_access.roles`. */
const claim = z.string().min(1).max(200);

const introspection = z
  .strictObject({
    url: issuerUrl.exactOptional().describe('Where tokens are asked after; default: from its metadata'),
    clientId: z.string().min(1).describe('The client that Ficus is there'),
    secret: secretSource.exactOptional().describe('Its secret, where it has one (client_secret_basic)'),
    key: secretSource
      .exactOptional()
      .describe('PEM (PKCS #8) of its private key, where it has one (private_key_jwt)'),
    keyId: z.string().min(1).exactOptional().describe('`kid` of that key'),
    algorithm: z.enum(['RS384', 'ES384']).default('RS384').describe('What it signs with'),
    everySeconds: z
      .int()
      .min(1)
      .max(300)
      .default(4)
      .describe('A token in use is asked after again so often: a revoked one works no longer than that'),
  })
  .refine(({ secret, key }) => (secret === undefined) !== (key === undefined), {
    error: 'needs either `secret` or `key`',
  });

export const issuerConfig = z
  .strictObject({
    issuer: issuerUrl.describe('Its identifier, letter by letter as in `iss`'),
    audience: z
      .array(z.string().min(1))
      .min(1)
      .exactOptional()
      .describe('`aud` of tokens that are for us, any of them; default: the FHIR base address'),
    jwks: issuerUrl.exactOptional().describe('Where its public keys are; default: from its metadata'),
    algorithms: z
      .array(z.enum(ALGORITHMS))
      .min(1)
      .default(['RS256', 'RS384', 'PS256', 'PS384', 'ES256', 'ES384'])
      .describe('Signatures that its tokens may have'),
    types: z
      .array(z.enum(['at+jwt', 'JWT']))
      .min(1)
      .default(['at+jwt'])
      .describe('`typ` of its tokens; `JWT` for issuers that do not follow RFC 9068'),
    introspection: introspection.exactOptional().describe('Asking it after tokens (RFC 7662)'),
    opaque: z
      .boolean()
      .default(false)
      .describe('Its tokens are not read but only asked after; one issuer can be so'),
    claims: z
      .strictObject({
        scope: claim.default('scope').describe('Scopes: a text with spaces, or a list'),
        patient: claim.default('patient').describe('The patient in context'),
        fhirUser: claim.default('fhirUser').describe('The person who calls'),
        client: claim.default('client_id').describe('The application; `azp` where it is absent'),
        roles: claim.default('roles').describe('Roles at Ficus itself'),
        purposes: claim
          .default('purpose_of_use')
          .describe('Purposes of use; `extensions.ihe_iua.purpose_of_use` (IHE IUA) where it is absent'),
        facility: claim.default('facility').describe('The facility that it calls for'),
      })
      .prefault({})
      .describe('Names of claims; dots go down into objects'),
    roles: z
      .strictObject({
        viewer: called.describe('What the issuer calls those who only look'),
        integrator: called.describe('… who run interfaces, and may open messages and samples'),
        'migration-lead': called.describe('… who move endpoints'),
        'clinical-owner': called.describe('… who decide what a difference means for patients'),
        'privacy-officer': called.describe('… who look after who saw what'),
        admin: called.describe('… who run Ficus'),
      })
      .prefault({})
      .describe('Values of the claim of roles; a role that is not named here is called as it is'),
    clockSkewSeconds: z
      .int()
      .min(0)
      .max(300)
      .default(30)
      .describe('By how much its clock and ours may differ'),
  })
  .refine(({ opaque, introspection: asked }) => !opaque || asked !== undefined, {
    error: 'is opaque: it needs `introspection`',
  });

/** Who may call: whoever brings a token of one of the issuers. */
const guarded = z.strictObject({
  issuers: z
    .array(issuerConfig)
    .min(1, 'name at least one issuer of tokens (or write `security: open`, and everyone may see everything)')
    .describe('Who makes the tokens; the first is the one that applications are sent to'),
  egress: z
    .strictObject({
      hosts: z
        .array(hostAndPort)
        .default([])
        .describe('Hosts that may be asked beside those of the issuers’ configured addresses'),
      networks: z
        .array(z.string().refine(isNetwork, 'is no network, e.g. 10.20.0.0/16'))
        .default([])
        .describe('Private networks that those hosts may be in; link-local ones are never asked'),
      ca: z.string().exactOptional().describe('PEM file of the authorities to trust instead of the system’s'),
      deadlineMs: z
        .int()
        .min(100)
        .max(60_000)
        .default(3_000)
        .describe(
          'Longest wait for one answer; a token that cannot be judged without it is answered with 503',
        ),
    })
    .prefault({})
    .describe('The way out, for keys and questions about tokens'),
  remembered: z
    .int()
    .min(100)
    .max(1_000_000)
    .default(20_000)
    .describe('Verified tokens that are kept in memory, by their hash'),
  testerRole: name
    .default('migration-lead')
    .describe('Role whose callers may choose the side of a canary (`migration.headers.side`)'),
  labels: labelsConfig,
  consent: consentConfig,
  breakGlass: breakGlassConfig,
  anomalies: anomaliesConfig,
});

/** The section `security`. */
export const securityConfig = z.union([z.literal('open'), guarded], {
  error:
    'says who may call: `issuers` whose tokens are believed, or the word `open` (everyone may see everything; never with real patients)',
});

export type GuardedConfig = z.output<typeof guarded>;
export type IssuerConfig = z.output<typeof issuerConfig>;

function isSafe(text: string): boolean {
  const url = URL.parse(text);
  if (!url || url.username !== '' || url.password !== '' || url.hash !== '') return false;
  return url.protocol === 'https:' || ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
}
