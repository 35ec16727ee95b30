import { z } from 'zod';
import { isNetwork, whyNoReceiver } from '../security/internal-address.ts';
import { TOPICS } from '../events/feed/topic.ts';
import { RESOURCE_TYPES } from '../fhir/elements.ts';
import { secretSource } from './secret.ts';
import { clientTls } from './tls-schema.ts';

const port = z.int().min(0).max(65_535);
const name = z.string().regex(/^[a-z][a-z0-9-]*$/, 'lower-case letters, digits and hyphens');
const silence = z.int().min(0).max(86_400_000);

const senderTls = z.strictObject({
  certificate: z.string().describe('PEM file of our certificate, with the chain behind it'),
  key: secretSource.describe('PEM of its private key'),
  ca: z
    .string()
    .exactOptional()
    .describe(
      'PEM file of the authorities that vouch for senders; when given, a sender must show a certificate',
    ),
  subjects: z
    .array(z.string().regex(/^[A-Za-z]+=[^,=]+(,[A-Za-z]+=[^,=]+)*$/, 'CN=lab.example,O=Laboratory'))
    .default([])
    .describe('Subjects let in, each some attributes of the certificate’s: `CN=lab.example`; empty: any'),
  fingerprints: z
    .array(z.string().regex(/^([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$/, '32 bytes in hex'))
    .default([])
    .describe('SHA-256 fingerprints let in; with `subjects` too, either will do; empty: any'),
});

/** One MLLP interface: who sends there, and how. */
export const interfaceConfig = z.strictObject({
  host: z.string().min(1).default('127.0.0.1').describe('Address to listen on'),
  port: port.describe('TCP port; 0 lets the system choose'),
  owner: z.string().min(1).describe('Who looks at messages of this interface that are parked'),
  timeZone: z
    .string()
    .exactOptional()
    .describe('IANA zone of timestamps without offset; default: the general one'),
  authority: z
    .string()
    .regex(/^[A-Za-z0-9]{1,12}$/)
    .exactOptional()
    .describe('Assigning authority of identifiers that name none; absent: such a message is parked'),
  charset: z
    .string()
    .exactOptional()
    .describe('Declared character set (HL7 table 0211): overrides what MSH-18 says'),
  defaultCharset: z
    .string()
    .default('UNICODE UTF-8')
    .describe('Character set of messages whose MSH-18 is empty'),
  acknowledge: z
    .enum(['original', 'enhanced', 'as-asked'])
    .default('as-asked')
    .describe('Acknowledgement mode; `as-asked`: enhanced where MSH-15 or MSH-16 says something'),
  replies: z
    .strictObject({
      host: z.string().min(1).describe('Host name or address'),
      port: port.min(1).describe('TCP port'),
      tls: clientTls.exactOptional(),
      giveUpHours: z
        .number()
        .min(0.01)
        .max(8_760)
        .default(24)
        .describe('Longest that one is owed while nobody takes it; then its owner decides'),
    })
    .exactOptional()
    .describe('Where application acknowledgements go; absent: the connection that the message came on'),
  versions: z
    .array(z.string().regex(/^2\.\d(\.\d)?$/, 'a version of HL7 v2, 2.5.1'))
    .default([])
    .describe('MSH-12 that are taken; empty: all'),
  types: z
    .array(z.string().regex(/^[A-Z0-9]{3}(\^[A-Z0-9]{3})?$/, 'ADT, or ADT^A01'))
    .default([])
    .describe('MSH-9 that are taken; empty: all that the mappings know'),
  processing: z
    .array(z.enum(['P', 'T', 'D']))
    .min(1)
    .default(['P'])
    .describe('MSH-11 that are taken: production, training, debugging'),
  strictness: z
    .enum(['lenient', 'strict'])
    .default('lenient')
    .describe(
      '`lenient`: refused is what means nothing without what lacks; `strict`: whatever the message structure forbids',
    ),
  senders: z
    .array(
      z
        .strictObject({
          application: z
            .string()
            .min(1)
            .exactOptional()
            .describe('MSH-3, or its first component; absent: any'),
          facility: z.string().min(1).exactOptional().describe('MSH-4, or its first component; absent: any'),
        })
        .refine((sender) => sender.application !== undefined || sender.facility !== undefined, {
          error: 'names neither application nor facility',
        }),
    )
    .default([])
    .describe('Who may send; empty: anybody'),
  errorStyle: z
    .enum(['by-version', 'ERR-1', 'ERR-2'])
    .default('by-version')
    .describe('How errors are told: ERR-1 (v2.1 to v2.4), ERR-2 and following (from v2.5)'),
  sequence: z.boolean().default(false).describe('Whether the sequence number protocol of MSH-13 is kept'),
  batches: z
    .enum(['all', 'errors', 'none'])
    .default('all')
    .describe('Acknowledgements in the answer to a batch'),
  tls: senderTls.exactOptional(),
  maxFrameBytes: z
    .int()
    .min(1_024)
    .max(256 * 1024 * 1024)
    .default(16 * 1024 * 1024)
    .describe('Longest message in bytes; a longer one closes its connection'),
  maxConnections: z.int().min(1).max(10_000).default(256).describe('Connections at once'),
  maxWaiting: z
    .int()
    .min(1)
    .max(10_000)
    .default(64)
    .describe('Messages of one connection that may wait before reading stops'),
  maxInFlight: z
    .int()
    .min(1)
    .max(10_000)
    .default(64)
    .describe('Messages of one connection on their way to the disk at once'),
  idleMs: silence
    .default(0)
    .describe('Milliseconds without a byte after which a connection is closed; 0: never'),
  stallMs: silence.default(60_000).describe('The same inside a message; 0: never'),
});

/** A modern service that is kept in step with what the feed tells. */
export const copyConfig = z.strictObject({
  to: z.string().min(1).describe('Name of a backend of kind `modern`'),
  types: z
    .array(z.enum(RESOURCE_TYPES as readonly [string, ...string[]]))
    .min(1)
    .describe('Resource types that it is brought'),
  owner: z.string().min(1).describe('Who decides about what the service refuses'),
});

/** One who is told of a topic. */
export const subscriberConfig = z
  .strictObject({
    name: name.describe('Its own; with the same name it goes on where it was'),
    topic: z.enum(TOPICS).describe('What it is told of'),
    url: z.string().describe('http or https address that notifications are posted to'),
    owner: z.string().min(1).describe('Who is asked when it takes nothing'),
    allowLoopback: z
      .boolean()
      .default(false)
      .describe('Whether the address may be on this machine: for trying out'),
    networks: z
      .array(z.string().refine(isNetwork, { error: 'is no network, 10.20.0.0/16' }))
      .default([])
      .describe('Private networks that the address may be in, `10.20.0.0/16`; link-local ones never are'),
  })
  .superRefine(({ url, ...rules }, context) => {
    const why = whyNoReceiver(url, { ...rules, networks: rules.networks.filter(isNetwork) });
    if (why !== undefined) context.addIssue({ code: 'custom', path: ['url'], message: why });
  });

/** Events that legacy cores push. */
export const feedConfig = z.strictObject({
  interfaces: z.record(name, interfaceConfig).describe('MLLP interfaces by name'),
  retentionDays: z
    .number()
    .min(0.01)
    .max(36_500)
    .default(90)
    .describe('How long the bytes of messages are kept after they ended; parked ones stay'),
  pendingMessages: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(10_000)
    .describe('Messages waiting for the disk at which nothing more is read from any sender'),
  pendingBytes: z
    .int()
    .min(64 * 1024)
    .max(192 * 1024 * 1024)
    .default(64 * 1024 * 1024)
    .describe('Bytes waiting for the disk at which nothing more is read from any sender'),
  copies: z
    .array(copyConfig)
    .default([])
    .describe(
      'Modern services that are filled with what the feed tells; deliveries go as `migration.outbox` says',
    ),
  subscribers: z
    .array(subscriberConfig)
    .default([])
    .describe('Who is told of a topic, by id-only notifications'),
});

export type FeedConfig = z.output<typeof feedConfig>;
export type CopyConfig = z.output<typeof copyConfig>;
export type SubscriberConfig = z.output<typeof subscriberConfig>;
export type InterfaceConfig = z.output<typeof interfaceConfig>;
