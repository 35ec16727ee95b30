import { isIP } from 'node:net';
import { z } from 'zod';
import { adminConfig } from './admin-schema.ts';
import { auditConfig } from './audit-schema.ts';
import { backendConfig, endpoint, httpUrl, ms, name, port } from './backend-schema.ts';
import { feedConfig } from './feed-schema.ts';
import { connectionsConfig, limitsConfig } from './limits-schema.ts';
import { migrationConfig } from './migration-schema.ts';
import { secretSource } from './secret.ts';
import { isNetwork } from '../security/internal-address.ts';
import { securityConfig } from './security-schema.ts';
import { serverTls } from './tls-schema.ts';

const listen = (defaultPort: number) =>
  z
    .strictObject({
      host: z.string().min(1).default('127.0.0.1').describe('Address to listen on'),
      port: port.default(defaultPort).describe('TCP port; 0 lets the system choose'),
      tls: serverTls.exactOptional().describe('HTTPS; absent: HTTP, for a proxy in front that ends TLS'),
    })
    .prefault({});

export const keyConfig = z.strictObject({
  id: z
    .string()
    .regex(/^[a-z]$/)
    .describe('One letter; the first character of what the key seals'),
  secret: secretSource.describe('Random bytes in base64'),
});

export const routeConfig = z.strictObject({
  endpoint: endpoint.describe('Type.interaction, e.g. Patient.read; a vread goes the way of the read'),
  stage: z
    .enum(['legacy', 'shadow', 'canary', 'modern'])
    .describe('How far it has come, at first; afterwards what is stored counts'),
  legacy: name.exactOptional().describe('Backend of the legacy side'),
  modern: name.exactOptional().describe('Backend of the modern side'),
  body: z
    .enum(['validated', 'streamed'])
    .default('validated')
    .describe('Writes to the modern side: checked against the contract first, or streamed as they come'),
  owners: z
    .strictObject({
      technical: z.string().exactOptional().describe('Who answers for how it works'),
      clinical: z.string().exactOptional().describe('Who answers for what it means'),
    })
    .exactOptional()
    .describe('Who is asked before it moves'),
});

export const authorityConfig = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9]{1,12}$/)
    .describe('Short name; part of every sealed id, so it never changes'),
  namespaces: z.array(z.string().min(1)).default([]).describe('HD-1 values that mean this authority'),
  oid: z
    .string()
    .regex(/^[0-2](\.\d+)+$/)
    .exactOptional()
    .describe('HD-2 when HD-3 is ISO'),
  system: z.string().min(1).describe('Identifier.system of its numbers'),
});

export const passthroughConfig = z.strictObject({
  prefix: z
    .string()
    .regex(/^\/[A-Za-z0-9/_-]*[A-Za-z0-9_-]$/)
    .describe('Path prefix as clients see it; it is kept on the way'),
  target: httpUrl.describe('Base address of the system'),
  deadlineMs: ms
    .default(30_000)
    .describe('Longest wait for the head of an answer, and longest silence in a body'),
});

/** The whole configuration file. Every key, its default and its unit. */
export const configSchema = z.strictObject({
  security: securityConfig.describe(
    'Who may call: issuers of tokens, or the word `open` (everyone may see everything), which wants to be spelt out',
  ),
  listen: listen(8080).describe('The FHIR API'),
  admin: adminConfig
    .prefault({})
    .describe('Health, metrics and the admin API; keep it off the public network'),
  publicBase: httpUrl.exactOptional().describe('FHIR base address that clients see; default: from `listen`'),
  stateDir: z.string().default('.ficus').describe('Folder of the embedded stores'),
  contract: z.string().exactOptional().describe('The published API; default: contracts/fhir-r4.yaml'),
  mappings: z
    .strictObject({
      dir: z.string().exactOptional().describe('Default: the mappings that come with Ficus'),
      overlays: z
        .array(z.string().min(1))
        .default([])
        .describe('Further folders of mappings and overlays, applied in order, before the site'),
      site: name.exactOptional().describe('Overlay under mappings/sites'),
    })
    .prefault({}),
  timeZone: z.string().describe('IANA zone of legacy timestamps without offset, e.g. Europe/Berlin'),
  identity: z.strictObject({
    keys: z
      .array(keyConfig)
      .min(1)
      .describe('Keys that seal FHIR ids, newest first; each secret is 64 bytes in base64'),
    authorities: z
      .array(authorityConfig)
      .min(1)
      .describe('Assigning authorities; an unknown one is refused, not guessed'),
  }),
  pageKeys: z
    .array(keyConfig)
    .min(1)
    .describe('Keys that seal page tokens, newest first; each secret is 32 bytes in base64'),
  backends: z.record(name, backendConfig),
  routes: z
    .array(routeConfig)
    .min(1)
    .describe('Seeds the route table on the first start; afterwards the stored table wins'),
  passthrough: z.array(passthroughConfig).default([]).describe('Path prefixes of a system that are no FHIR'),
  http: z
    .strictObject({
      deadlineMs: ms.default(10_000).describe('Longest that one request takes in all'),
      maxBodyBytes: z
        .int()
        .min(1_024)
        .max(256 * 1024 * 1024)
        .default(5 * 1024 * 1024)
        .describe('Largest body of a request; more is 413'),
      drainMs: ms.default(10_000).describe('At shutdown: time for requests in flight'),
      compression: z
        .boolean()
        .default(true)
        .describe('gzip and the like for answers that Ficus writes itself; never for streams'),
      cors: z
        .strictObject({
          origins: z.array(z.string().min(1)).min(1).describe('`https://app.example`, or `*`'),
          maxAgeSeconds: z
            .int()
            .min(0)
            .max(86_400)
            .default(600)
            .describe('How long a preflight is remembered'),
        })
        .exactOptional()
        .describe('Origins that browsers may call from; absent: none'),
      trustForwarded: z
        .union([
          z.boolean(),
          z.array(
            z.string().refine((one) => isIP(one) !== 0 || isNetwork(one), {
              error: 'is no address and no network, 10.0.0.0/8',
            }),
          ),
        ])
        .default(false)
        .describe(
          'Peers whose X-Forwarded-For, -Host and -Proto are believed: addresses and networks of the proxies in front, `[10.0.0.4, 10.1.0.0/16]`; `true`: every peer',
        ),
      connections: connectionsConfig
        .prefault({})
        .describe('What connections may take before anybody knows who is there'),
    })
    .prefault({}),
  limits: z
    .union([z.literal('off'), limitsConfig], { error: 'is `off`, or says how much one caller may ask' })
    .exactOptional()
    .describe('How much one caller may ask; default: `off` with `security: open`, else what stands here'),
  search: z
    .strictObject({
      defaultCount: z.int().min(1).max(1_000).default(20).describe('Page size when `_count` is not given'),
      maxCount: z.int().min(1).max(1_000).default(100).describe('Largest page size; more is taken as this'),
      maxGathered: z
        .int()
        .min(1)
        .max(100_000)
        .default(1_000)
        .describe('Most resources read to sort or count one search'),
      pageTokenMinutes: z.int().min(1).max(1_440).default(30).describe('How long a next link is good for'),
      failClosed: z
        .array(z.string())
        .default(['AllergyIntolerance', 'MedicationRequest'])
        .describe('Types whose searches fail rather than answer in part'),
    })
    .prefault({}),
  migration: migrationConfig.describe('Moving endpoints from legacy to modern'),
  feed: feedConfig.exactOptional().describe('HL7v2 events that legacy cores push'),
  audit: auditConfig.describe('What is recorded of who did what'),
  idempotencyHours: z
    .int()
    .min(1)
    .max(8_760)
    .default(24)
    .describe('How long the outcome of a write is kept for repeats'),
  log: z
    .strictObject({
      level: z
        .enum(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info')
        .describe('Least level that is written'),
    })
    .prefault({}),
});

export type Config = z.output<typeof configSchema>;
export type { BackendConfig } from './backend-schema.ts';
