import type { RoleNames } from '../roles.ts';

/** How the tokens of one issuer are judged. */
export interface IssuerRules {
  /** Letter by letter as in `iss`. */
  readonly issuer: string;
  /** `aud` of tokens that are for us: any of them. */
  readonly audience: readonly string[];
  /** Address of its public keys; absent: as its metadata say. */
  readonly jwks?: string;
  /** JWS algorithms; never `none`, never a symmetric one. */
  readonly algorithms: readonly string[];
  /** `typ` headers, any of them. */
  readonly types: readonly string[];
  readonly introspection?: IntrospectionRules;
  /** Its tokens are not read, only asked after. */
  readonly opaque: boolean;
  readonly claims: ClaimNames;
  /** What it calls the roles at Ficus itself, where they are not called as here. */
  readonly roles?: RoleNames;
  readonly clockSkewSeconds: number;
}

/** How an issuer is asked after a token (RFC 7662). */
export interface IntrospectionRules {
  /** Absent: as its metadata say. */
  readonly url?: string;
  readonly clientId: string;
  /** Proof of who asks: `client_secret_basic`, or `private_key_jwt` (RFC 7523). */
  readonly proof:
    | { readonly kind: 'secret'; readonly secret: string }
    | {
        readonly kind: 'key';
        readonly pem: string;
        readonly keyId?: string;
        readonly algorithm: 'RS384' | 'ES384';
      };
  /** An answer is good for so long. */
  readonly everyMs: number;
}

/** Names of claims; dots go down into objects. */
export interface ClaimNames {
  readonly scope: string;
  readonly patient: string;
  readonly fhirUser: string;
  readonly client: string;
  readonly roles: string;
  readonly purposes: string;
  readonly facility: string;
}

/** Members of a token, or of an answer about it. */
export type Claims = Readonly<Record<string, unknown>>;
