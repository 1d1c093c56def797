/** A stage: tasks that hold one of the words are not tried. */
import { defineStage, flag, list, Type } from 'learn-by-interact';

export default defineStage({
  version: '1',
  takes: 'tasks',
  gives: 'tasks',
  schema: {
    words: list('output', 'Words that no task may hold.', Type.String({ minLength: 1 }), {
      min: 1,
      example: ['rm -rf'],
    }),
    exact: flag('output', 'Whether capital letters count.', { default: false }),
  },
  run: (tasks, { parameters: { words, exact }, drop }) => {
    const plain = (text: string): string => (exact ? text : text.toLowerCase());
    return tasks.filter((task) => {
      const word = words.find((each) => plain(task.instruction).includes(plain(each)));
      return word === undefined || drop(task, `holds "${word}"`);
    });
  },
});
