import * as client from 'openid-client';
import { Browser, choices, leaving } from './browser.ts';
import type { Page } from './browser.ts';

/** Where the application of these tests is answered: nothing listens there, the address says it all. */
export const CALLBACK = 'http://localhost:3999/callback';
/** The sandbox's authorization server is on loopback, without TLS. */
export const INSECURE = { execute: [client.allowInsecureRequests] };

/** One authorization under way. */
interface Begun {
  readonly browser: Browser;
  readonly verifier: string;
  readonly state: string;
  readonly page: Page;
}

/** An application in a browser, by an OAuth client that shares nothing with the server (openid-client). */
export class SmartApp {
  readonly #issuer: string;
  readonly #fhirBase: string;

  constructor(issuer: string, fhirBase: string) {
    this.#issuer = issuer;
    this.#fhirBase = fhirBase;
  }

  /** A public application, registered by itself. */
  register(metadata: Partial<client.ClientMetadata> = {}): Promise<client.Configuration> {
    return client.dynamicClientRegistration(
      new URL(this.#issuer),
      {
        client_name: 'Lab viewer',
        redirect_uris: [CALLBACK],
        grant_types: ['authorization_code', 'refresh_token'],
        token_endpoint_auth_method: 'none',
        ...metadata,
      },
      client.None(),
      INSECURE,
    );
  }

  /** Opens the first page of an authorization. */
  async begin(
    config: client.Configuration,
    scope: string,
    parameters: Record<string, string> = {},
  ): Promise<Begun> {
    const verifier = client.randomPKCECodeVerifier();
    const state = client.randomState();
    const browser = new Browser(this.#issuer);
    const address = client.buildAuthorizationUrl(config, {
      redirect_uri: CALLBACK,
      scope,
      state,
      aud: this.#fhirBase,
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...parameters,
    });
    return { browser, verifier, state, page: await browser.open(address) };
  }

  exchange(
    config: client.Configuration,
    callback: URL,
    { verifier, state }: Omit<Begun, 'page' | 'browser'>,
  ) {
    const checks = { pkceCodeVerifier: verifier, expectedState: state };
    return client.authorizationCodeGrant(config, callback, checks);
  }

  /** Signs in as a clinician, picks a patient (`authority|number`), agrees to everything. */
  async launch(config: client.Configuration, scope: string, patient = 'HOSP|100001') {
    const begun = await this.begin(config, scope);
    const picker = await begun.browser.submit(begun.page, { user: 'clinician-p101' });
    const consent = await begun.browser.submit(picker, { patient });
    const agreed = { step: 'agree', scope: choices(consent, 'scope') };
    const callback = await leaving(begun.browser.submit(consent, agreed));
    return { begun, consent, callback, tokens: await this.exchange(config, callback, begun) };
  }
}
