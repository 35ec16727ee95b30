import { z } from 'zod';
import { secretSource } from './secret.ts';

/** TLS towards a system that we connect to. */
export const clientTls = z.strictObject({
  ca: z.string().exactOptional().describe('PEM file of the authorities to trust instead of the system’s'),
  certificate: z.string().exactOptional().describe('PEM file of our client certificate'),
  key: secretSource.exactOptional().describe('PEM of its private key'),
  serverName: z.string().exactOptional().describe('Name expected in the server’s certificate'),
});

export type ClientTlsConfig = z.output<typeof clientTls>;
