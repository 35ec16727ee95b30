import { z } from 'zod';
import { secretSource } from './secret.ts';

/** TLS towards a system that we connect to. */
export const clientTls = z.strictObject({
  ca: z.string().exactOptional().describe('PEM file of the authorities to trust instead of the system’s'),
  certificate: z.string().exactOptional().describe('PEM file of our client certificate'),
  key: secretSource.exactOptional().describe('PEM of its private key'),
  serverName: z.string().exactOptional().describe('Name expected in the server’s certificate'),
});

/** TLS towards those who connect to us. */
export const serverTls = z.strictObject({
  certificate: z.string().min(1).describe('PEM file of our certificate, with the chain behind it'),
  key: secretSource.describe('PEM of its private key'),
  clients: z
    .strictObject({
      ca: z.string().min(1).describe('PEM file of the authorities that vouch for clients'),
      certificate: z
        .enum(['required', 'optional'])
        .default('required')
        .describe('`optional`: who shows none is let in, who shows a wrong one is not'),
    })
    .exactOptional()
    .describe('Certificates of clients; absent: none is asked for'),
  minVersion: z.enum(['1.2', '1.3']).default('1.2').describe('Oldest version of TLS that is spoken'),
});

export type ServerTlsConfig = z.output<typeof serverTls>;
export type ClientTlsConfig = z.output<typeof clientTls>;
