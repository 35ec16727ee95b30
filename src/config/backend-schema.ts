import { z } from 'zod';
import { secretSource } from './secret.ts';
import { clientTls } from './tls-schema.ts';

/** A TCP port. */
export const port = z.int().min(0).max(65_535);
/** A time in milliseconds. */
export const ms = z.int().min(1).max(600_000);
/** A name in the configuration. */
export const name = z.string().regex(/^[a-z][a-z0-9-]*$/, 'lower-case letters, digits and hyphens');
/**
 * An address, without a slash at its end. What it names is spoken to under it, and it is shown in logs: neither a query
 * nor credentials have a place in it.
 */
export const httpUrl = z
  .url({ protocol: /^https?$/, error: 'an http or https address' })
  .refine(isBare, 'an address without user name, password, query or fragment')
  .transform((url) => url.replace(/\/+$/, ''));

function isBare(address: string): boolean {
  // What is no address has been said to be none.
  const parsed = URL.parse(address);
  if (!parsed) return true;
  const { username, password } = parsed;
  return username === '' && password === '' && !/[?#]/.test(address);
}

/** `Patient.read`. */
export const endpoint = z
  .string()
  .regex(
    /^[A-Z][A-Za-z]+\.(read|vread|history|search|create|update)$/,
    'Type.interaction, e.g. Patient.read',
  );

/** What every backend is wrapped in. Times in milliseconds. */
const resilience = {
  deadlineMs: ms.default(8_000).describe('Longest that one request waits for this backend'),
  concurrency: z.int().min(1).max(1_000).default(8).describe('Requests in flight at once'),
  queue: z
    .int()
    .min(0)
    .max(10_000)
    .default(200)
    .describe('Requests that may wait for a slot; the next is refused'),
  breaker: z
    .strictObject({
      errorPercent: z.int().min(1).max(100).default(50).describe('Share of technical failures that opens it'),
      volume: z.int().min(5).max(1_000).default(10).describe('Calls in the window before it may open'),
      windowMs: ms.default(10_000).describe('Time that the share is taken over'),
      resetMs: ms.default(5_000).describe('Time open before one probe is let through'),
    })
    .prefault({}),
  retries: z
    .int()
    .min(0)
    .max(3)
    .default(1)
    .describe('Further attempts of a query that failed technically; never of a write'),
};

const hl7v2 = z.strictObject({
  kind: z.literal('hl7v2').describe('A core that speaks HL7v2 over MLLP'),
  host: z.string().min(1).describe('Host name or address of the core'),
  port: port.min(1).describe('TCP port of its MLLP listener'),
  tls: clientTls.exactOptional(),
  connections: z.int().min(1).max(256).default(4).describe('Size of the pool; one message in flight on each'),
  minIntervalMs: z
    .int()
    .min(0)
    .max(60_000)
    .default(0)
    .describe('Pacing: least time between two messages to this core'),
  remember: z
    .strictObject({
      records: z
        .int()
        .min(0)
        .max(1_000_000)
        .default(5_000)
        .describe(
          'Records of each endpoint whose resource is kept in memory, to be used again while the core answers with the same bytes; 0: none',
        ),
      minutes: z.int().min(1).max(1_440).default(5).describe('What was not read for so long is forgotten'),
    })
    .prefault({}),
  charset: z
    .string()
    .default('UNICODE UTF-8')
    .describe('Character set of what we send, and of answers whose MSH-18 is empty (HL7 table 0211)'),
  answerCharset: z
    .string()
    .exactOptional()
    .describe(
      'Character set of the answers, whatever their MSH-18 says: for a core that says what is not so',
    ),
  version: z
    .enum(['2.3', '2.3.1', '2.4', '2.5', '2.5.1', '2.6', '2.7', '2.8'])
    .default('2.5')
    .describe('MSH-12 of what we send'),
  sender: z
    .strictObject({
      application: z.string().min(1).describe('MSH-3'),
      facility: z.string().min(1).describe('MSH-4'),
    })
    .describe('How we name ourselves'),
  receiver: z
    .strictObject({
      application: z.string().min(1).describe('MSH-5'),
      facility: z.string().min(1).describe('MSH-6'),
    })
    .describe('How the core names itself'),
  acknowledgement: z.enum(['original', 'enhanced']).default('original').describe('HL7 v2.5.1 §2.9'),
  processing: z.enum(['P', 'T', 'D']).default('P').describe('MSH-11'),
  timeZone: z
    .string()
    .exactOptional()
    .describe('Zone of timestamps without offset; default: the general one'),
  ...resilience,
});

const soap = z.strictObject({
  kind: z.literal('soap').describe('A core that speaks SOAP'),
  url: httpUrl.describe('Address of the service’s port'),
  service: name.describe('Folder under mappings/soap'),
  soapVersion: z.enum(['1.1', '1.2']).default('1.1').describe('As the WSDL binds the port'),
  tls: clientTls.exactOptional(),
  connections: z.int().min(1).max(256).default(8).describe('Size of the keep-alive pool'),
  maxAnswerBytes: z
    .int()
    .min(1_024)
    .max(64 * 1024 * 1024)
    .default(4 * 1024 * 1024)
    .describe('Larger answers are refused while they come'),
  security: z
    .strictObject({
      username: z.string().min(1).describe('UsernameToken/Username'),
      password: secretSource.describe('Sent as a digest'),
    })
    .exactOptional()
    .describe('WS-Security UsernameToken (digest) and Timestamp'),
  timeZone: z.string().exactOptional().describe('Zone of local times; default: the general one'),
  ...resilience,
});

const modern = z.strictObject({
  kind: z.literal('modern').describe('A new FHIR service'),
  url: httpUrl.describe('FHIR base address of the service'),
  endpoints: z
    .array(endpoint)
    .min(1)
    .describe('What the service answers; Type.history says that it has histories'),
  tls: clientTls.exactOptional(),
  connections: z.int().min(1).max(1_024).default(64).describe('Size of the keep-alive pool'),
  ...resilience,
  concurrency: resilience.concurrency.unwrap().default(64).describe('Requests in flight at once'),
});

const projection = z.strictObject({
  kind: z
    .literal('projection')
    .describe('What the feed has told: a legacy side that needs no core to answer'),
  endpoints: z.array(endpoint).min(1).describe('What it answers: reads and searches'),
  live: z
    .strictObject({
      backend: name.describe('Legacy backend that is asked instead'),
      olderThanSeconds: z
        .int()
        .min(0)
        .max(86_400)
        .describe('Age of what the feed has told from which on; what it never told of is asked for at once'),
    })
    .exactOptional()
    .describe('Projection, then live; absent: the projection alone'),
  ...resilience,
  concurrency: resilience.concurrency.unwrap().default(64).describe('Requests in flight at once'),
});

export const backendConfig = z.discriminatedUnion('kind', [hl7v2, soap, modern, projection]);

export type BackendConfig = z.output<typeof backendConfig>;
