/** `lbi explain` of what a run made: an example walked back to its document, a task and its windows, and names that are wrong. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Judged } from '../../activities/judged.ts';
import { makePlace, type Place } from './place.ts';

let place: Place;
let kept: Judged[] = [];
let dropped: Judged[] = [];
before(async () => {
  place = await makePlace({ documents: 2 });
  const { exitCode, stderr } = await place.lbi('run', 'pipeline.yaml');
  assert.equal(exitCode, 0, stderr);
  kept = JSON.parse((await place.lbi('show', '@last', '--examples', '--json')).stdout) as Judged[];
  dropped = JSON.parse((await place.lbi('show', '@last', '--dropped', '--json')).stdout) as Judged[];
});
after(() => place.close());

interface Facts {
  example: string;
  document: { id: string; text: string };
  task: { id: string; documentId: string };
  steps: { index: number; inWindow: boolean }[];
  window: { steps: number[] };
  prompts: { name: string; sha256: string; own: boolean }[];
  votes: { member: string; yes: boolean }[];
  counted: { kept: boolean; reason: string };
  row: { line: number; split: string } | null;
}

const explain = async (what: string): Promise<Facts> => {
  const { stdout, stderr, exitCode } = await place.lbi('explain', what, '--json');
  assert.equal(exitCode, 0, stderr);
  return (JSON.parse(stdout) as { data: Facts }).data;
};

test('every kept example has a document, its steps, a vote of each member, and its row', async () => {
  assert.ok(kept.length > 0);
  for (const { example, actions } of kept) {
    const facts = await explain(`@last/${example.slice(0, 10)}`);
    assert.equal(facts.example, example);
    assert.equal(facts.document.id, facts.task.documentId);
    assert.match(facts.document.text, /Each lamp can be switched/);
    assert.deepEqual(
      facts.steps.filter(({ inWindow }) => inWindow).map(({ index }) => index),
      facts.window.steps,
    );
    assert.equal(facts.window.steps.length, actions.length);
    assert.deepEqual(facts.votes.map(({ member }) => member).toSorted(), ['judge', 'writer']);
    assert.equal(facts.counted.kept, true);
    assert.ok(facts.prompts.every(({ own, sha256 }) => !own && /^[0-9a-f]{64}$/.test(sha256)));
    assert.ok(facts.row !== null && facts.row.line <= kept.length);
  }
});

test('a dropped example says who refused it and why; a bare id is enough', async () => {
  const refused = dropped.find(({ reason }) => reason.includes('natural')) ?? assert.fail('nothing was refused');
  const { stdout, exitCode } = await place.lbi('explain', refused.example.slice(0, 12));
  assert.equal(exitCode, 0);
  assert.match(stdout, /✘ dropped {2}\w+ says no: natural/);
  assert.match(stdout, /✘ natural +0\.30 A lamp that does not exist was tried/);
  assert.match(stdout, /\d\. switch "lamp-9" +failed: There is no lamp/);
  const facts = await explain(refused.example.slice(0, 12));
  assert.equal(facts.row, null);
});

test('a task tells the fate of each of its windows', async () => {
  const task = dropped.find(({ actions }) => actions.includes('switch "lamp-9"'))?.task ?? assert.fail('no such task');
  const { stdout, exitCode, stderr } = await place.lbi('explain', `@last/${task}`);
  assert.equal(exitCode, 0, stderr);
  assert.match(stdout, /finished: the agent said that it was done/);
  assert.match(stdout, /1–2 {2}✘ its last action failed \(drop_failed\)/);
  assert.match(stdout, /× last-action-failed/);
  assert.equal((await place.lbi('explain', task)).stdout, stdout);
});

test('what is not there is told with what is', async () => {
  const wrong: [string, RegExp][] = [
    ['@last/ffffffffff', /has nothing called "ffffffffff"; it has/],
    ['r-nothing/abc', /no run is called "r-nothing"/],
    ['ffffffffff', /no run here has an example or a task of that name/],
    ['interact.max_step', /did you mean stages\.interact\.max_steps/],
    ['/', /no key of the pipeline file/],
  ];
  for (const [what, says] of wrong) {
    const { exitCode, stderr, stdout } = await place.lbi('explain', what);
    assert.match(stderr, says, what);
    assert.deepEqual([exitCode, stdout], [3, ''], what);
    assert.doesNotMatch(stderr, /\n +at /);
  }
});
