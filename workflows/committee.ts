/** The committee's votes on one example: all at once, or one after the other until no further vote can change the verdict. */
import { isCancellation } from '@temporalio/workflow';
import { ballotOf, membersOf, type Seat, voterOf } from '../core/poll.ts';
import { type Ballot, decided } from '../core/tally.ts';
import type { Ref } from '../schemas/common.ts';
import type { Absence } from '../schemas/episode.ts';
import type { Flow, VoteResult } from '../schemas/flow.ts';
import { call, failureMessage, modelCall, patient } from './call.ts';
import type { Gate } from './gate.ts';

/** Attempts of a call that the verdict can do without: some minutes, then it counts as failed. */
const optionalAttempts = 10;

export interface Poll {
  votes: { member: string; ballot: Ballot; result: VoteResult }[];
  absent: Absence[];
}

/** What is asked about. */
export interface Question {
  example: Ref;
  /** true when votes that could not be read are asked for anew */
  again?: true;
}

export async function poll(flow: Flow, gate: Gate, question: Question, title: string): Promise<Poll> {
  const asked: Poll = { votes: [], absent: [] };
  const take = (seat: Seat, answer: VoteResult | Absence): void => {
    if ('why' in answer) asked.absent.push(answer);
    else asked.votes.push({ member: seat.member, ballot: ballotOf(seat, answer), result: answer });
  };
  const seats = flow.queues.votes;
  if (flow.filter?.untilDecided !== true) {
    const answers = await Promise.all(seats.map((seat) => askOne(flow, gate, seat, question, title)));
    seats.forEach((seat, at) => {
      const answer = answers[at];
      if (answer !== undefined) take(seat, answer);
    });
    return asked;
  }
  for (const seat of seats) {
    if (stands(flow, asked)) take(seat, absence(seat, 'not-needed', ''));
    else take(seat, await askOne(flow, gate, seat, question, title));
  }
  return asked;
}

/** True when those who may still be asked cannot change the verdict; a member that failed will not be asked again. */
function stands(flow: Flow, { votes, absent }: Poll): boolean {
  const failed = new Set(absent.map(({ voter }) => voter));
  return decided(
    votes.map(({ ballot }) => ballot),
    flow.filter?.accept ?? 'unanimous',
    membersOf(flow).filter(({ voter }) => !failed.has(voter)),
  );
}

const absence = (seat: Seat, why: Absence['why'], detail: string): Absence => ({
  voter: voterOf(seat),
  member: seat.member,
  why,
  detail: detail.slice(0, 300),
});

const brief = (retry: typeof patient): typeof patient => ({
  ...retry,
  maximumAttempts: Math.min(optionalAttempts, retry.maximumAttempts ?? optionalAttempts),
});

/** One member's vote. A required one waits at the gate for what a person can mend; an optional one that fails is absent. */
async function askOne(
  flow: Flow,
  gate: Gate,
  seat: Seat,
  question: Question,
  title: string,
): Promise<VoteResult | Absence> {
  const input = { plan: flow.plan, ...question, member: seat.member };
  const options = modelCall(flow, 'filter', seat.queue, `${seat.member} on ${title}`);
  if (seat.optional !== true) return gate.pass(() => call('vote', options)(input));
  if (gate.standing()) await gate.stand();
  try {
    return await call('vote', { ...options, retry: brief(options.retry ?? patient) })(input);
  } catch (error) {
    if (isCancellation(error)) throw error;
    return absence(seat, 'failed', failureMessage(error));
  }
}
