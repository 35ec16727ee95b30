import { element } from './xml-element.ts';
import type { XmlElement } from './xml-element.ts';

export const WSA_NS = 'http://www.w3.org/2005/08/addressing';

/** Message addressing properties of a request (WS-Addressing 1.0 core §3.2); an absent ReplyTo means the way back. */
export function addressingHeaders(to: string, action: string, messageId: string): XmlElement[] {
  return [
    element(WSA_NS, 'To', to),
    element(WSA_NS, 'Action', action),
    element(WSA_NS, 'MessageID', messageId),
  ];
}

/** Whether an answer says that it answers another message than this one. */
export function answersAnother(headers: readonly XmlElement[], messageId: string): boolean {
  return headers.some(
    (block) =>
      block.ns === WSA_NS && block.local === 'RelatesTo' && isReply(block) && block.text.trim() !== messageId,
  );
}

function isReply(relatesTo: XmlElement): boolean {
  const relation = relatesTo.attrs.find((attribute) => attribute.local === 'RelationshipType')?.value;
  return relation === undefined || relation === `${WSA_NS}/reply`;
}
