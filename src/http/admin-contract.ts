import { z } from 'zod';
import { FicusError } from '../errors.ts';
import type { Issue } from '../errors.ts';
import { isPermission } from '../security/roles.ts';
import type { AdminPermission } from '../security/roles-table.ts';
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
  readonly tag: string;
  /** `x-ficus-permission`; `none`: `security` says that no token is needed. Absent: the document says neither. */
  readonly permission?: AdminPermission | 'none';
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
  readonly tags: readonly [string];
  readonly security?: readonly object[];
  readonly 'x-ficus-permission'?: unknown;
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
      const permission = permissionOf(written);
      return [
        {
          id: written.operationId,
          tag: written.tags[0],
          ...(permission ? { permission } : {}),
          method,
          path,
          ...(body ? { body } : {}),
          answers: Object.fromEntries(answers),
        },
      ];
    }),
  );
}

function permissionOf({ security, 'x-ficus-permission': named }: Written): ApiOperation['permission'] {
  if (named === undefined) return security?.length === 0 ? 'none' : undefined;
  return isPermission(named) ? named : undefined;
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
      path: expressPath(path),
      bodyLimit: LONG_LISTS,
      handle: (request) => {
        if (check) refuseMisfit(check, request.body);
        return handler(request);
      },
    };
  });
}

/**
 * Routes with the names and the permissions that the document gives them. A route that it does not name, and one for
 * which it says nothing of who may, are faults of the program.
 */
export function secured(document: ApiDocument, routes: readonly AdminRoute[]): AdminRoute[] {
  const operations = new Map(
    operationsOf(document).map((one) => [`${one.method} ${expressPath(one.path)}`, one]),
  );
  return routes.map((route) => {
    const { id, tag, permission } = operations.get(`${route.method} ${route.path}`) ?? {};
    if (!permission) throw new Error(`Nothing says who may ${route.method} ${route.path} of the admin API`);
    return { ...route, operation: `${tag}.${id}`, permission };
  });
}

const expressPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ':$1');

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
