import { z } from 'zod';
import { FicusError } from '../errors.ts';
import type { Issue } from '../errors.ts';
import type { AdminAnswer, AdminRequest, AdminRoute } from './admin.ts';

/** A schema of an OpenAPI document: JSON Schema 2020-12. */
export type ApiSchema = Readonly<Record<string, unknown>>;

interface ApiBody {
  readonly content?: Readonly<Record<string, { readonly schema: ApiSchema }>>;
  readonly $ref?: string;
}

/** One operation of the document: method, path in OpenAPI's form, and what goes in and comes out. */
export interface ApiOperation {
  readonly id: string;
  readonly method: AdminRoute['method'];
  /** `/routes/{endpoint}`. */
  readonly path: string;
  readonly body?: ApiSchema;
  /** Schemas of JSON answers by status. */
  readonly answers: Readonly<Record<string, ApiSchema>>;
}

/** An OpenAPI 3.1 document, as far as it is read here. */
export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, ApiSchema>>;
    readonly requestBodies: Readonly<Record<string, ApiBody>>;
  };
}

/** A list of patients may be long. */
const LONG_LISTS = '64mb';

const METHODS: readonly AdminRoute['method'][] = ['get', 'put', 'post', 'delete'];

interface Written {
  readonly operationId: string;
  readonly requestBody?: ApiBody;
  readonly responses: Readonly<Record<string, ApiBody>>;
}

/** Every operation of a document, in its order. */
export function operationsOf(document: ApiDocument): ApiOperation[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const written = item[method] as Written | undefined;
      if (!written) return [];
      const body = bodyOf(document, written.requestBody);
      const answers = Object.entries(written.responses).flatMap(([status, response]) => {
        const schema = response.content?.['application/json']?.schema;
        return schema ? [[status, schema] as const] : [];
      });
      return [
        {
          id: written.operationId,
          method,
          path,
          ...(body ? { body } : {}),
          answers: Object.fromEntries(answers),
        },
      ];
    }),
  );
}

function bodyOf(document: ApiDocument, body: ApiBody | undefined): ApiSchema | undefined {
  const name = body?.$ref?.replace('#/components/requestBodies/', '');
  const found = name === undefined ? body : document.components.requestBodies[name];
  return found?.content?.['application/json']?.schema;
}

/** A schema of the document as a check. Definitions are those of the document's components. */
export function compileSchema(document: ApiDocument, schema: ApiSchema): z.ZodType {
  const definitions = JSON.stringify({ ...schema, $defs: document.components.schemas });
  return z.fromJSONSchema(JSON.parse(definitions.replaceAll('#/components/schemas/', '#/$defs/')));
}

/** What an operation does, given a body that fits its schema. Throws FicusError. */
export type OperationHandler = (request: AdminRequest) => Promise<AdminAnswer> | AdminAnswer;

/**
 * Routes for the operations of a document, each body checked against it: 422 with everything that is wrong with it.
 *
 * @param handlers by operation id; an operation without one, and one of no operation, is a fault of the program
 */
export function contractRoutes(
  document: ApiDocument,
  operations: readonly ApiOperation[],
  handlers: Readonly<Record<string, OperationHandler>>,
): AdminRoute[] {
  const strange = Object.keys(handlers).filter((id) => operations.every((one) => one.id !== id));
  if (strange.length > 0) throw new Error(`No operation of the admin API is called ${strange.join(', ')}`);
  return operations.map(({ id, method, path, body }) => {
    const handler = Object.hasOwn(handlers, id) ? handlers[id] : undefined;
    if (!handler) throw new Error(`Nothing does ${id} of the admin API`);
    const check = body && compileSchema(document, body);
    return {
      method,
      path: path.replaceAll(/\{(\w+)\}/g, ':$1'),
      bodyLimit: LONG_LISTS,
      handle: (request) => {
        if (check) refuseMisfit(check, request.body);
        return handler(request);
      },
    };
  });
}

function refuseMisfit(check: z.ZodType, body: unknown): void {
  const { error } = check.safeParse(body);
  if (!error) return;
  const issues = error.issues.map(({ path, message }): Issue => {
    const where = path.join('.');
    return {
      severity: 'error',
      code: 'value',
      diagnostics: where === '' ? message : `"${where}": ${message}`,
      ...(where === '' ? {} : { expression: [where] }),
    };
  });
  throw new FicusError('value-invalid', 'The body is not what this address takes.', { issues });
}
