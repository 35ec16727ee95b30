import type { AuthorizationServer, AuthorizationServerOptions } from './authorization/index.ts';
import { createControlApi, describePatient } from './control/index.ts';
import { createJournal } from './faults/journal.ts';
import { createSwitchboard } from './faults/switchboard.ts';
import { urlHost } from './http.ts';
import { createLegacyCore, type LegacyCore, type LegacyCoreOptions } from './legacy-core/index.ts';
import type { Credentials } from './legacy-core/soap/security.ts';
import { createModernService, type ModernServiceOptions } from './modern/index.ts';

export { createControlApi, createLegacyCore, createModernService };

/** Ports: 0 is any free one. */
export interface SandboxOptions {
  /** Address to listen on; default 127.0.0.1. */
  readonly host?: string;
  /** Default 2575. */
  readonly mllpPort?: number;
  /** Default 8091; also the old web portal, under /portal/. */
  readonly soapPort?: number;
  /** Default 8092. */
  readonly modernPort?: number;
  /** Default 8090. */
  readonly controlPort?: number;
  /** The authorization server, which needs to know the FHIR API that its tokens are for; absent: there is none. */
  readonly authorization?: Omit<AuthorizationServerOptions, 'host' | 'patients'>;
  /** WS-Security of the SOAP service; see LegacyCoreOptions. */
  readonly security?: LegacyCoreOptions['security'];
  /** Made-up people with results beside the sixty of the data files; default 0. */
  readonly others?: number;
  /** A file with a Bundle or a list of resources for the modern service, which is empty otherwise. */
  readonly modernSeed?: ModernServiceOptions['seedFile'];
  /** Epoch milliseconds; default the system's clock. */
  readonly now?: () => number;
}

/** So many `others` make over two hundred patients: what the commands start with. */
export const MANY = 180;

/** URLs of everything that was started. */
export interface SandboxAddresses {
  readonly mllp: string;
  readonly soap: string;
  readonly wsdl: string;
  readonly portal: string;
  readonly modern: string;
  readonly control: string;
  /** Issuer of tokens; absent: no authorization server was asked for. */
  readonly authorization?: string;
}

export interface Sandbox {
  readonly addresses: SandboxAddresses;
  /** Who may call the SOAP service; undefined when WS-Security is off. */
  readonly credentials: Credentials | undefined;
  readonly close: () => Promise<void>;
}

/**
 * Starts the hospital in a box: the legacy core, the modern FHIR service, the control API and, where it is
 * asked for, the authorization server. Rejects, with everything closed again, when a port is taken.
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { host = '127.0.0.1', now = Date.now } = options;
  const shared = { host, now, switchboard: createSwitchboard(), journal: createJournal(now) };
  const started: { close: () => Promise<void> }[] = [];
  const close = async (): Promise<void> => {
    shared.switchboard.clear();
    await Promise.all(started.map((part) => part.close()));
  };
  const keep = <T extends { close: () => Promise<void> }>(part: T): T => {
    started.push(part);
    return part;
  };
  try {
    const legacy = keep(
      await createLegacyCore({
        ...shared,
        ...(options.others === undefined ? {} : { others: options.others }),
        ...(options.mllpPort === undefined ? {} : { mllpPort: options.mllpPort }),
        ...(options.soapPort === undefined ? {} : { soapPort: options.soapPort }),
        ...(options.security === undefined ? {} : { security: options.security }),
      }),
    );
    const modern = keep(
      await createModernService({
        ...shared,
        ...(options.modernPort === undefined ? {} : { port: options.modernPort }),
        ...(options.modernSeed === undefined ? {} : { seedFile: options.modernSeed }),
      }),
    );
    const control = keep(
      await createControlApi({
        ...shared,
        legacy,
        modern,
        ...(options.controlPort === undefined ? {} : { port: options.controlPort }),
      }),
    );
    const authorization =
      options.authorization && keep(await startAuthorization(options.authorization, legacy));
    const name = urlHost(host);
    const soap = `http://${name}:${legacy.soapPort}`;
    return {
      addresses: {
        mllp: `mllp://${name}:${legacy.mllpPort}`,
        soap: `${soap}/ClinicalService`,
        wsdl: `${soap}/ClinicalService?wsdl`,
        portal: `${soap}/portal/`,
        modern: modern.base,
        control: `http://${name}:${control.port}`,
        ...(authorization ? { authorization: authorization.issuer } : {}),
      },
      credentials: legacy.credentials,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** On loopback wherever the rest listens: nobody there has a password. */
async function startAuthorization(
  options: NonNullable<SandboxOptions['authorization']>,
  legacy: LegacyCore,
): Promise<AuthorizationServer> {
  // Loaded here: most of those who start a sandbox want none.
  const { createAuthorizationServer } = await import('./authorization/index.ts');
  return createAuthorizationServer({
    ...options,
    patients: () => legacy.hospital().patients.all().map(describePatient),
  });
}
