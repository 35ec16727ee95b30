import type { Criterion } from './criteria.ts';
import type { SoapRequestFile } from './service.ts';
import { draftXml } from './draft.ts';
import type { XmlElement } from './xml-element.ts';

/** What `$name` in a file's `set` stands for; one that is undefined is left out. */
export type Facts = Readonly<Record<string, string | undefined>>;

/** The body of a request: what the file sets, and the criteria, in the order of the service's schema. */
export function requestBody(
  { namespace, element, set, order }: Pick<SoapRequestFile, 'namespace' | 'element' | 'set' | 'order'>,
  facts: Facts,
  criteria: readonly Criterion[],
): XmlElement {
  const draft = draftXml(namespace, element);
  const fixed = Object.entries(set).flatMap(([path, text]): Criterion[] => {
    const said = text.startsWith('$') ? facts[text.slice(1)] : text;
    return said === undefined ? [] : [{ path, text: said }];
  });
  const times = new Map<string, number>();
  for (const { path, text } of [...criteria, ...fixed]) {
    const index = times.get(path) ?? 0;
    times.set(path, index + 1);
    const steps = path.split('/');
    let place = draft.place;
    for (const step of steps.slice(0, -1)) place = place.child(step);
    place.child(steps.at(-1)!, index).set(text);
  }
  if (order) draft.place.order(order);
  return draft.element();
}
