/** The small web application of the crash sweep: a counter that lives in the page, on one port for all runs, so that two runs see the same. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const page = `<!doctype html><title>Counter</title>
<h1>Counter</h1>
<p role="status" id="count">count 1</p>
<button data-by="+1">Add</button> <button data-by="*2">Double</button> <button data-by="-1">Take</button>
<ul id="log"></ul>
<script>
  let count = 1;
  for (const button of document.querySelectorAll('button'))
    button.addEventListener('click', () => {
      const [how, by] = [button.dataset.by[0], Number(button.dataset.by.slice(1))];
      count = how === '*' ? count * by : count + (how === '-' ? -by : by);
      document.getElementById('count').textContent = 'count ' + count;
      document.getElementById('log').insertAdjacentHTML('beforeend', '<li>' + button.textContent + ' gave ' + count + '</li>');
    });
</script>`;

export async function site(): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(page);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/**
 * Starts with every session, to be found and ended when a worker dies: a server with a child of its own, as applications have. It leads
 * on to the counter, whose address is the same for all sessions.
 */
export const companion = `
const { createServer } = require('node:http');
const { spawn } = require('node:child_process');
spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
createServer((request, response) => {
  if (request.url === '/ready') return response.end('ready');
  response.writeHead(302, { location: process.argv[3] });
  response.end();
}).listen(Number(process.argv[2]), '127.0.0.1');
`;

/** What the model answers: three kinds of tasks of two to five clicks. */
export const script = `rules:
  - role: instruct
    when: { user: '"Page of the (?<room>\\w+)"' }
    reply:
      tasks:
        - "Double the counter of the \${room} twice"
        - "Add to the counter of the \${room} until it shows more than four"
        - "Take what the \${room} has too much"
${clicks('Double the counter of', ['Double', 'Double'])}
${clicks('Add to the counter of', ['Add', 'Add', 'Add', 'Add'])}
${clicks('Take what the', ['Take', 'Add', 'Double', 'Take', 'Add'])}
  - role: decide
    reply: { reason: "It is done.", action: { name: finish, answer: "Done." } }
  - role: [relabel-new-task, relabel-replicate, relabel]
    when: ['(?<what>Add|Double|Take) gave (?<count>-?\\d+)']
    reply: { instruction: "\${what} until the counter shows \${count}." }
  - role: [relabel-new-task, relabel-replicate, relabel]
    reply: { instruction: "Look at the counter." }
  - role: vote
    reply: { aligned: "yes", coherent: "yes", natural: "yes", reasonable: "yes", reason: "It was done." }
    probability: 0.9
`;

function clicks(task: string, buttons: string[]): string {
  return buttons
    .map(
      (name, step) => `  - role: decide
    when: { user: 'Your task: ${task}' }
    step: ${step}
    pick: 'button "${name}"'
    reply: { reason: "${name} comes next.", action: { name: click, element: "${name}", ref: "\${ref}" } }`,
    )
    .join('\n');
}
