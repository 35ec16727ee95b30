import { FicusError, type ErrorCode, type Issue } from '../../../src/errors.ts';
import type { CompiledMap } from '../../../src/mapping/map-compiler.ts';
import type { ToldError, Verdict } from './refusal.ts';

/** HL7 table 0357. */
const CONDITIONS: Readonly<Record<string, string>> = {
  100: 'segment sequence error',
  101: 'required field missing',
  102: 'data type error',
  103: 'table value not found',
  104: 'value too long',
  198: 'non-conformant cardinality',
  199: 'other error',
  200: 'unsupported message type',
  201: 'unsupported event',
  202: 'unsupported processing id',
  203: 'unsupported version',
  204: 'unknown key identifier',
  205: 'duplicate key identifier',
  206: 'record locked',
  207: 'application internal error',
};

/** FHIRPath of the element that a field is mapped to, where there is one. */
export type ElementOf = (place: string) => string | undefined;

/** Elements by field, of the maps that wrote a message: `PID-5` is `Patient.name`. */
export function elementsOf(map: CompiledMap | undefined): ElementOf {
  const elements = new Map<string, string>();
  for (const { row } of map?.rows ?? []) {
    const field =
      row.v2 === undefined || row.v2 === null ? undefined : /^[A-Z][A-Z0-9]{2}-\d+/.exec(row.v2)?.[0];
    const element =
      row.fhir === undefined || row.fhir === null ? undefined : /^[a-z][A-Za-z]*/.exec(row.fhir)?.[0];
    if (map && field && element && element !== 'id' && element !== 'extension' && !elements.has(field))
      elements.set(field, `${map.fhirType}.${element}`);
  }
  return (place) => elements.get(place);
}

/**
 * The error that a refusal becomes. Its words are ours: the core's own texts may hold patient data.
 * @param code what the error table says it is.
 */
export function refusalError(code: ErrorCode, verdict: Verdict, elementOf: ElementOf): FicusError {
  const { issue } = codeInfo(code);
  const told = verdict.errors.length > 0 ? verdict.errors : [undefined];
  const issues = told.map((error): Issue => {
    const expression = error?.place === undefined ? undefined : elementOf(error.place);
    return {
      severity: 'error',
      code: issue,
      diagnostics: wordsOf(verdict, error),
      ...(expression === undefined ? {} : { expression: [expression] }),
    };
  });
  return new FicusError(code, wordsOf(verdict, told[0]), {
    issues,
    ...(code === 'locked' ? { retryAfter: 1 } : {}),
  });
}

/** FHIR issue type of a code: what an error of it says without being told otherwise. */
function codeInfo(code: ErrorCode): { readonly issue: string } {
  return { issue: new FicusError(code, '').issues[0]!.code };
}

function wordsOf(verdict: Verdict, error: ToldError | undefined): string {
  const ack = verdict.ack === 'AR' || verdict.ack === 'CR' ? 'rejected the message' : 'refused';
  if (!error)
    return `The legacy system ${ack} (${[verdict.ack, verdict.status].filter(Boolean).join(', ')}).`;
  const known = CONDITIONS[error.code];
  // A code of the core's own is a text of the core's.
  const condition =
    known === undefined ? 'for a reason of its own' : `${known} (HL7 table 0357, ${error.code})`;
  return `The legacy system ${ack}: ${condition}${error.place === undefined ? '' : ` at ${error.place}`}.`;
}
