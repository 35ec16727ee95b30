/** What of a member its order follows from: keys of tree paths that its conditions ask for, and that it writes. */
interface Places {
  readonly needs: readonly string[];
  readonly writes: readonly string[];
}

/** Members whose conditions ask for what others write come after those; otherwise the order stays. */
export function orderByNeeds<Member extends Places>(members: readonly Member[]): readonly Member[] {
  const ordered: Member[] = [];
  const visiting = new Set<Member>();
  const visit = (member: Member): void => {
    if (visiting.has(member)) return;
    visiting.add(member);
    for (const other of members) {
      if (
        other !== member &&
        member.needs.some((need) => other.writes.some((write) => overlaps(need, write)))
      )
        visit(other);
    }
    ordered.push(member);
  };
  for (const member of members) visit(member);
  return ordered;
}

/** Whether two members write the same place, or one what is within another's. */
export function sharePlaces(members: readonly Places[]): boolean {
  return members.some((member, at) =>
    members.some(
      (other, before) =>
        before < at && member.writes.some((write) => other.writes.some((it) => overlaps(it, write))),
    ),
  );
}

function overlaps(a: string, b: string): boolean {
  return a.startsWith(b) || b.startsWith(a);
}
