/** The end of a resource type's life, as the contract tells it. Days are written `2027-01-31` and begin in UTC. */
export interface Lifecycle {
  readonly deprecated?: string | undefined;
  readonly sunset?: string | undefined;
  /** Address of what takes its place. */
  readonly successor?: string | undefined;
  /** Address of a page for people. */
  readonly notice?: string | undefined;
}

/**
 * The headers by type or operation (`Patient.everything`), for those whose end is in sight; undefined: there are none.
 */
export function endingsOf(
  resources: Iterable<{ readonly type: string; readonly lifecycle: Lifecycle }>,
): ((type: string) => Readonly<Record<string, string>> | undefined) | undefined {
  const endings = new Map<string, Readonly<Record<string, string>>>();
  for (const { type, lifecycle } of resources) {
    const headers = lifecycleHeaders(lifecycle);
    if (headers) endings.set(type, headers);
  }
  return endings.size === 0 ? undefined : (type) => endings.get(type);
}

/**
 * Headers of every answer about a type that is coming to its end: `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and
 * `Link` to what takes its place (RFC 5829 §3.3) and to the page that explains it (RFC 9745 §3). undefined: its end is
 * not in sight.
 */
function lifecycleHeaders({
  deprecated,
  sunset,
  successor,
  notice,
}: Lifecycle): Readonly<Record<string, string>> | undefined {
  if (deprecated === undefined && sunset === undefined) return undefined;
  const links = [
    ...(successor === undefined ? [] : [`<${uriOf(successor)}>; rel="successor-version"`]),
    ...(notice === undefined ? [] : [`<${uriOf(notice)}>; rel="deprecation"`]),
  ];
  return {
    ...(deprecated === undefined ? {} : { deprecation: `@${Date.parse(deprecated) / 1000}` }),
    ...(sunset === undefined ? {} : { sunset: new Date(sunset).toUTCString() }),
    ...(links.length === 0 ? {} : { link: links.join(', ') }),
  };
}

/** In ASCII, without what would end the link. */
function uriOf(url: string): string {
  return new URL(url).href.replaceAll(/[<>]/g, (sign) => encodeURIComponent(sign));
}
