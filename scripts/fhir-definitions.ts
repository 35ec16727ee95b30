/** The parts that scripts/fhir-tables.ts reads of HL7's definitional resources (FHIR R4). */
interface TypeRef {
  readonly code: string;
  readonly targetProfile?: readonly string[];
  readonly extension?: readonly { readonly url: string; readonly valueUrl?: string }[];
}
export interface ElementDefinition {
  readonly path: string;
  readonly min: number;
  readonly max: string;
  readonly base?: { readonly path: string };
  readonly type?: readonly TypeRef[];
  readonly contentReference?: string;
  readonly isSummary?: boolean;
  readonly isModifier?: boolean;
  readonly binding?: { readonly strength: string; readonly valueSet?: string };
}
interface StructureDefinition {
  readonly resourceType: 'StructureDefinition';
  readonly url: string;
  readonly type: string;
  readonly kind: string;
  readonly abstract: boolean;
  readonly derivation?: string;
  readonly fhirVersion: string;
  readonly baseDefinition?: string;
  readonly snapshot: { readonly element: readonly ElementDefinition[] };
}
export interface Concept {
  readonly code: string;
  readonly concept?: readonly Concept[];
}
interface CodeSystem {
  readonly resourceType: 'CodeSystem';
  readonly url: string;
  readonly content: string;
  readonly concept?: readonly Concept[];
}
interface ValueSet {
  readonly resourceType: 'ValueSet';
  readonly url: string;
  readonly compose: {
    readonly exclude?: unknown;
    readonly include: readonly {
      readonly system?: string;
      readonly concept?: readonly Concept[];
      readonly filter?: unknown;
      readonly valueSet?: readonly string[];
    }[];
  };
}
export interface SearchParameter {
  readonly resourceType: 'SearchParameter';
  readonly url: string;
  readonly version: string;
  readonly code: string;
  readonly base: readonly string[];
  readonly type: string;
  readonly expression?: string;
  readonly target?: readonly string[];
  readonly xpathUsage?: string;
  readonly component?: readonly { readonly definition: string; readonly expression: string }[];
}
export type Definition = StructureDefinition | CodeSystem | ValueSet | SearchParameter;
