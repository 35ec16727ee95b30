/** The method and body of a call that changes something. */
export interface Change {
  readonly method: 'POST' | 'PUT' | 'DELETE';
  readonly body: object;
}

interface Failure {
  readonly message?: string;
  readonly reasons?: readonly string[];
}

async function request(admin: string, path: string, change?: Change): Promise<Response> {
  const address = `${admin.replace(/\/+$/, '')}${path}`;
  const response = await fetch(
    address,
    change && {
      method: change.method,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(change.body),
    },
  ).catch((error: unknown) => {
    throw new Error(`No Ficus answers at ${admin}. Is it running? Its admin address is given with --admin.`, {
      cause: error,
    });
  });
  if (response.ok) return response;
  const { message, reasons = [] } = (await response.json().catch(() => ({}))) as Failure;
  const words = message ?? `The admin API answered ${response.status}.`;
  throw new Error([words, ...reasons.filter((one) => one !== words).map((one) => `  - ${one}`)].join('\n'));
}

/** Asks the admin API of a running Ficus. @throws Error with its words, every reason on a line. */
export async function askAdmin<T>(admin: string, path: string, change?: Change): Promise<T> {
  return (await (await request(admin, path, change)).json()) as T;
}

/** The same for an answer that is text. */
export async function askAdminText(admin: string, path: string): Promise<string> {
  return (await request(admin, path)).text();
}

/** Columns as wide as their longest cell. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
