/** A decimal whose digits JavaScript's number would lose (`1.50`): what `JSON.rawJSON` gives. */
export interface RawJson {
  readonly rawJSON: string;
}

/** Any FHIR JSON value inside Ficus. Decimals are numbers when that keeps their digits, else RawJson. */
export type Json = string | number | boolean | null | RawJson | Json[] | { [name: string]: Json | undefined };

export type JsonObject = { [name: string]: Json | undefined };

/** A FHIR R4 resource in JSON form. Treated as immutable once it has left the function that built it. */
export type Resource = JsonObject & { resourceType: string; id?: string };

/**
 * FHIR R4 interactions that Ficus knows (http.html), and the one operation, `everything` of a Patient
 * (patient-operation-everything.html). What is promised is the contract's choice.
 */
export type Interaction = 'read' | 'vread' | 'history' | 'search' | 'create' | 'update' | Operation;

/**
 * Operations by the name in their address, without `$`. They are no endpoints: what they need is asked of those of
 * other interactions.
 */
export type Operation = 'everything';

/** An endpoint: the unit of promise, routing and migration. */
export type Endpoint = `${string}.${Interaction}`;
