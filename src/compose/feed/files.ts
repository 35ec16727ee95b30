import { join } from 'node:path';
import type { Contract } from '../../contract/contract.ts';
import type { IndexedNames } from '../../projection/index/parameters.ts';

/** The files of the feed, under the folder of the embedded stores. */
export interface FeedFiles {
  readonly inbox: string;
  readonly projection: string;
  /** Where copies and subscribers stand. */
  readonly followers: string;
  /** What senders are owed. */
  readonly answers: string;
  /** What people decided of un-merges. */
  readonly reviews: string;
}

export function feedFiles(stateDir: string): FeedFiles {
  return {
    inbox: join(stateDir, 'inbox.sqlite'),
    projection: join(stateDir, 'projection.sqlite'),
    followers: join(stateDir, 'followers.sqlite'),
    answers: join(stateDir, 'answers.sqlite'),
    reviews: join(stateDir, 'reviews.sqlite'),
  };
}

/**
 * Which search parameters the projection indexes: those that the contract promises; of types that it does not name,
 * none but the patient.
 */
export function indexedBy(contract: Contract): IndexedNames {
  return (type) => {
    const promised = contract.resources.get(type);
    return promised ? [...promised.search.keys()] : ['identifier', 'patient'];
  };
}
