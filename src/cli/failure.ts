/** Why a command ended, for whoever typed it. */
export function failureInWords(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!isTaken(error)) return error.message;
  const { address, port } = error;
  return `${address}:${port} is taken: another program listens there, perhaps another Ficus or sandbox. Free ports: --ports random (ficus start, ficus sandbox), or those of the configuration (ficus serve).`;
}

function isTaken(error: Error): error is Error & { readonly address: string; readonly port: number } {
  return 'code' in error && error.code === 'EADDRINUSE' && 'address' in error && 'port' in error;
}
