import { decodeXml } from './xml-decode.ts';
import type { XmlElement } from './xml-element.ts';
import { malformedXml } from './xml-malformed.ts';
import type { XmlReadOptions } from './xml-options.ts';
import { Scanner } from './xml-scanner.ts';

/**
 * Reads one XML 1.0 document into its root element, strictly: well-formed (XML 1.0 5th ed.), namespaces resolved
 * (Namespaces in XML 1.0 3rd ed.), no DOCTYPE and so no entities but the five predefined ones, no comments kept.
 * Text stays text: nothing is trimmed and no number is guessed.
 *
 * @throws FicusError `legacy-malformed` for everything else, without a word of the document in its message.
 */
export function readXml(bytes: Uint8Array, options: XmlReadOptions = {}): XmlElement {
  if (bytes.byteLength > (options.maxBytes ?? 10 * 1024 * 1024)) throw malformedXml('it is too large');
  const text = decodeXml(bytes, options);
  // Line ends are one character before anything else looks at them (XML 1.0 §2.11).
  return new Scanner(text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text, options).document();
}
