/** All activities, made from their dependencies: the name in the contract, the file, and nothing else. */
import type { Activities } from '../schemas/activities.ts';
import { act, close } from './act.ts';
import { admit } from './admit.ts';
import { recall, seal } from './attempt.ts';
import { conclude } from './conclude.ts';
import { decide, query } from './decide.ts';
import type { Deps } from './deps.ts';
import { evaluate } from './evaluate.ts';
import { exportDataset } from './export.ts';
import { alive } from './failures.ts';
import { indexDataset } from './index-dataset.ts';
import { instruct } from './instruct.ts';
import { gone, lease } from './lease.ts';
import { open } from './open.ts';
import { prepare } from './prepare.ts';
import { page, read } from './read.ts';
import { finish, inspect, record } from './record.ts';
import { relabel } from './relabel.ts';
import { recordFailed, takeUp } from './take-up.ts';
import { tally } from './tally.ts';
import { transform } from './transform.ts';
import { vote } from './vote.ts';

export type { Deps } from './deps.ts';

export function createActivities(deps: Deps): Activities {
  return {
    prepare: alive(prepare(deps)),
    read: alive(read(deps)),
    page: alive(page(deps)),
    instruct: alive(instruct(deps)),
    admit: alive(admit(deps)),
    lease: alive(lease(deps)),
    gone: alive(gone(deps)),
    open: alive(open(deps)),
    query: alive(query(deps)),
    decide: alive(decide(deps)),
    act: alive(act(deps)),
    evaluate: alive(evaluate(deps)),
    close: alive(close(deps)),
    recall: alive(recall(deps)),
    seal: alive(seal(deps)),
    relabel: alive(relabel(deps)),
    vote: alive(vote(deps)),
    conclude: alive(conclude(deps)),
    record: alive(record(deps)),
    recordFailed: alive(recordFailed(deps)),
    takeUp: alive(takeUp(deps)),
    inspect: alive(inspect(deps)),
    tally: alive(tally(deps)),
    index: alive(indexDataset(deps)),
    export: alive(exportDataset(deps)),
    transform: alive(transform(deps)),
    finish: alive(finish(deps)),
  };
}
