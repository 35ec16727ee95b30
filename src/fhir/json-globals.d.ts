import type { RawJson } from './types.ts';

/** ECMAScript JSON.parse source text access: in Node since 22, not yet in TypeScript's library. */
declare global {
  interface JSON {
    /** @throws SyntaxError unless `text` is one JSON primitive. */
    rawJSON(text: string): RawJson;
    isRawJSON(value: unknown): value is RawJson;
    parse(
      text: string,
      reviver: (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown,
    ): unknown;
  }
}
