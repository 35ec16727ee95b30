import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

const gzipAsync = promisify(gzip);
const brotliAsync = promisify(brotliCompress);
/** Below this size the gain is smaller than a packet. */
const LEAST_BYTES = 1_400;
/** Brotli's default (11) is for files that are compressed once. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };

/** Encodings named with a quality above zero (RFC 9110 §12.5.3). */
function accepted(header: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const part of header.split(',')) {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    const quality = parameters.find((text) => text.startsWith('q='))?.slice(2);
    if (quality === undefined || Number(quality) > 0) names.add(name);
  }
  return names;
}

/** A body of our own, compressed off the main thread when the client takes it and it pays. Streams are left alone. */
export async function compress(
  body: Buffer,
  acceptEncoding: string,
): Promise<{ readonly body: Buffer; readonly encoding?: 'br' | 'gzip' }> {
  if (body.length < LEAST_BYTES) return { body };
  const names = accepted(acceptEncoding);
  if (names.has('br')) return { body: await brotliAsync(body, BROTLI), encoding: 'br' };
  if (names.has('gzip') || names.has('*')) return { body: await gzipAsync(body), encoding: 'gzip' };
  return { body };
}
