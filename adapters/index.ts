/** The adapters of this installation: an explicit list. A new protocol is a folder here and a line below. */
export { createHl7v2Source } from './hl7v2/source.ts';
export { createModernBackend } from './modern/backend.ts';
export { createSoapSource } from './soap/source.ts';
