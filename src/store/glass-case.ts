import type { GlassCase, GlassUse } from '../privacy-ports.ts';

/** So many different reasons are kept of one case. */
const REASONS = 20;

/** A case with its first use. */
export function opened(id: string, use: GlassUse): GlassCase {
  const { reason, requestId, action, at, ...who } = use;
  return {
    ...who,
    id,
    reasons: [reason],
    requests: 1,
    actions: [action],
    firstAt: at,
    lastAt: at,
    firstRequestId: requestId,
    lastRequestId: requestId,
  };
}

/** The same case with one use more. */
export function added(known: GlassCase, { reason, requestId, action, at }: GlassUse): GlassCase {
  const { reasons, actions } = known;
  const isNew = !reasons.includes(reason) && reasons.length < REASONS;
  return {
    ...known,
    reasons: isNew ? [...reasons, reason] : reasons,
    requests: known.requests + 1,
    actions: actions.includes(action) ? actions : [...actions, action],
    lastAt: at,
    lastRequestId: requestId,
  };
}
