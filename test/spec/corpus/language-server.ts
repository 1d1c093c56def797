/** yaml-language-server as editors run it, with the pipeline's schema: what it says of a text, offers, and shows. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = join(import.meta.dirname, '../../..');
const program = join(root, 'node_modules/yaml-language-server/bin/yaml-language-server');
const schema = pathToFileURL(join(root, 'schemas/pipeline.schema.json')).href;

export interface Diagnostic {
  message: string;
  severity: number;
  range: { start: { line: number; character: number } };
}

export interface Completion {
  label: string;
  documentation?: string | { value: string };
}

interface Message {
  id?: number | string;
  method?: string;
  params?: { uri?: string; diagnostics?: Diagnostic[]; items?: { section: string }[] };
  result?: unknown;
}

const settings = {
  yaml: {
    validate: true,
    hover: true,
    completion: true,
    schemas: { [schema]: ['*.yaml'] },
    schemaStore: { enable: false },
    kubernetesCRDStore: { enable: false },
    customTags: [],
  },
};

export class LanguageServer {
  #child: ChildProcessWithoutNullStreams;
  #unread = Buffer.alloc(0);
  #answers = new Map<number, (result: unknown) => void>();
  #diagnostics = new Map<string, (found: Diagnostic[]) => void>();
  #count = 0;
  /** How often the server's own check has failed: it then underlines nothing. */
  failures = 0;

  constructor() {
    this.#child = spawn(process.execPath, [program, '--stdio'], { cwd: root, stdio: 'pipe' });
    this.#child.stdout.on('data', (bytes: Buffer) => this.#read(bytes));
    this.#child.stderr.resume();
  }

  async start(): Promise<void> {
    await this.#ask('initialize', {
      processId: process.pid,
      rootUri: null,
      capabilities: { workspace: { configuration: true, didChangeConfiguration: { dynamicRegistration: true } } },
    });
    this.#send({ method: 'initialized', params: {} });
    this.#send({ method: 'workspace/didChangeConfiguration', params: { settings } });
  }

  /** Everything that the editor underlines in a file of this text. */
  async diagnose(text: string): Promise<Diagnostic[]> {
    const uri = this.#open(text);
    const found = await new Promise<Diagnostic[]>((resolve) => this.#diagnostics.set(uri, resolve));
    this.#send({ method: 'textDocument/didClose', params: { textDocument: { uri } } });
    return found;
  }

  /** What is offered where `‸` stands. */
  async complete(marked: string): Promise<Completion[]> {
    const answer = await this.#at('textDocument/completion', marked);
    return (answer as { items: Completion[] }).items;
  }

  /** What is shown over the word where `‸` stands. */
  async hover(marked: string): Promise<string> {
    const answer = (await this.#at('textDocument/hover', marked)) as { contents: { value: string } } | null;
    return answer?.contents.value ?? '';
  }

  async stop(): Promise<void> {
    const ended = new Promise((done) => this.#child.once('close', done));
    this.#child.kill('SIGKILL');
    await ended;
  }

  #open(text: string): string {
    this.#count += 1;
    const uri = `file:///pipelines/case-${this.#count}.yaml`;
    const textDocument = { uri, languageId: 'yaml', version: 1, text };
    this.#send({ method: 'textDocument/didOpen', params: { textDocument } });
    return uri;
  }

  async #at(method: string, marked: string): Promise<unknown> {
    const before = marked.slice(0, marked.indexOf('‸')).split('\n');
    const position = { line: before.length - 1, character: before.at(-1)?.length ?? 0 };
    const uri = this.#open(marked.replace('‸', ''));
    return this.#ask(method, { textDocument: { uri }, position });
  }

  #ask(method: string, params: object): Promise<unknown> {
    this.#count += 1;
    const id = this.#count;
    this.#send({ id, method, params });
    return new Promise((resolve) => this.#answers.set(id, resolve));
  }

  #send(message: object): void {
    const text = JSON.stringify({ jsonrpc: '2.0', ...message });
    this.#child.stdin.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  }

  #read(bytes: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, bytes]);
    for (;;) {
      const header = /^Content-Length: (\d+)\r\n(?:[^\r]+\r\n)*\r\n/i.exec(this.#unread.toString('latin1', 0, 200));
      if (header === null) return;
      const end = header[0].length + Number(header[1]);
      if (this.#unread.length < end) return;
      const message = JSON.parse(this.#unread.toString('utf8', header[0].length, end)) as Message;
      this.#unread = this.#unread.subarray(end);
      this.#take(message);
    }
  }

  #take({ id, method, params, result }: Message): void {
    if (method === 'workspace/configuration') {
      const answers = (params?.items ?? []).map(({ section }) => (section === 'yaml' ? settings.yaml : null));
      this.#send({ id, result: answers });
    } else if (method === 'telemetry/event') {
      this.failures += 1;
    } else if (method === 'textDocument/publishDiagnostics') {
      this.#diagnostics.get(params?.uri ?? '')?.(params?.diagnostics ?? []);
    } else if (method !== undefined && id !== undefined) {
      this.#send({ id, result: null });
    } else if (typeof id === 'number') {
      this.#answers.get(id)?.(result);
    }
  }
}
