import type { ClientTlsConfig } from '../config/tls-schema.ts';
import type { Certificates, LivePem } from './certificates.ts';

/** What a connection to a system is made with; its certificates are read anew for each. */
export interface ClientTls extends LivePem {
  readonly servername?: string;
}

/**
 * @param renewed told when others are in use
 * @throws Error as {@link Certificates.use}
 */
export function clientTls(
  name: string,
  config: ClientTlsConfig,
  certificates: Pick<Certificates, 'use'>,
  renewed?: (tls: ClientTls) => void,
): ClientTls {
  const { serverName, ...files } = config;
  const pem = certificates.use(name, files, () => renewed?.(pem));
  if (serverName === undefined) return pem;
  return Object.defineProperty(pem, 'servername', { enumerable: true, value: serverName });
}
