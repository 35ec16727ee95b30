import type { CharsetHints } from './xml-decode.ts';

export interface XmlLimits {
  /** Bytes of a document, checked before anything else; default 10 MiB. */
  readonly maxBytes?: number;
  /** Elements inside each other; default 100. */
  readonly maxDepth?: number;
  /** Attributes and namespace declarations of one element; default 64. */
  readonly maxAttributes?: number;
  /** Elements of a document; default 500,000. */
  readonly maxElements?: number;
}

export interface XmlReadOptions extends CharsetHints, XmlLimits {
  /**
   * What to do with processing instructions (the XML declaration is none); default `refuse`, as SOAP 1.2 part 1 §5 has
   * it.
   */
  readonly processingInstructions?: 'refuse' | 'skip';
}
