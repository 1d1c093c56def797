#!/usr/bin/env node
/** The `lbi` program: commands and their options; each command's work is loaded when it is called. */
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { LbiError } from '../core/errors.ts';
import { failureClasses } from '../core/failure-class.ts';
import { formats } from '../schemas/format.ts';
import { cacheFolder, program as lbi } from './home.ts';
import { version } from './version.ts';
import { WrongCall } from './wrong-call.ts';

// What was compiled once is not compiled again by the next call: half of the time of a short command.
if (process.env.NODE_COMPILE_CACHE === undefined) enableCompileCache(join(cacheFolder(), 'compiled'));

const program = new Command(lbi)
  .description('Makes training data for agents from documentation and a live environment.')
  .version(version(), '-V, --version')
  .showHelpAfterError(`(${lbi} --help lists the commands)`)
  .exitOverride()
  .addHelpText(
    'after',
    `
Exit codes: 0 done, 1 failed, 2 wrong call or may not spend,
  3 wrong pipeline, run or task, 4 left or cancelled, 5 a check found problems,
  6 this machine lacks something, 10 plan --exit-code: there is work to do

Begin with:  ${lbi} doctor    ${lbi} init my-agent    ${lbi} run pipeline.yaml
`,
  );

let exit = 0;
/** Runs a command's work and keeps its exit code. */
const does =
  <A extends unknown[]>(work: (...args: A) => Promise<number>) =>
  async (...args: A): Promise<void> => {
    exit = await work(...args);
  };

const collect = (value: string, before: string[] = []): string[] => [...before, value];
const amount = (text: string): number => {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError('expected a number, e.g. 25');
  return value;
};
const count = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number above 0');
  return value;
};
const ofClass = (): Option =>
  new Option('--class <class>', 'only failures of this class').choices(Object.keys(failureClasses));
const json = ['--json', 'print JSON on stdout, for programs'] as const;

program.commandsGroup('Author');
program
  .command('init')
  .argument('[folder]', 'where to put it', '.')
  .option('--docs <where>', 'documentation: folder, file, web address, git address, none or sample')
  .option('--environment <kind>', 'where the agent acts: shell, browser or scripted')
  .option('--app <what>', 'shell: an npm package; browser: the command that starts the application')
  .option('--url <address>', 'browser: the first page of a site that is running')
  .option('--provider <name>', 'model that writes and acts: anthropic, google, openai, ollama, local or scripted')
  .option('--judge <name>', 'model that judges: another maker judges better')
  .option('--name <name>', 'name of the pipeline (the name of the folder)')
  .option('--from [name]', 'copy a pipeline that comes with lbi, e.g. quickstart')
  .option('-y, --yes', 'ask nothing, take what was found')
  .option(...json)
  .description('write a commented pipeline for what is here; asks a little in a terminal')
  .addHelpText(
    'after',
    `\nExamples:\n  ${lbi} init my-agent --docs ./docs\n  ${lbi} init my-site --url https://shop.example.com --docs https://shop.example.com/help\n  ${lbi} init tea --from quickstart\n`,
  )
  .action(does(async (folder, options) => (await import('./init.ts')).initCommand(folder, options)));
program
  .command('validate')
  .argument('<files...>', 'pipeline files, or folders of them')
  .option('--profile <name>', 'check with this profile of the file')
  .option('--set <path=value>', 'change a value, e.g. sources.0.limit=5', collect)
  .option('--input <name=value>', 'give one of the inputs that the pipeline asks for', collect)
  .option('--strict', 'warnings count as errors')
  .option('--watch', 'check again whenever a file changes; Ctrl-C ends')
  .addOption(
    new Option('--format <name>', 'how to print: for people, programs, GitHub workflows, code scanning').choices([
      ...['pretty', 'json', 'github', 'sarif'],
    ]),
  )
  .option(...json)
  .description('check pipeline files; says what is wrong, where, and how to mend it')
  .action(does(async (files, options) => (await import('./validate.ts')).validateCommand(files, options)));
program
  .command('config')
  .argument('<file>', 'pipeline file')
  .option('--profile <name>', 'with this profile of the file')
  .option('--set <path=value>', 'change a value, e.g. sources.0.limit=5', collect)
  .option('--input <name=value>', 'give one of the inputs that the pipeline asks for', collect)
  .option('--sources', 'one line a value: where it was set')
  .option('--defaults', 'also what nobody set')
  .option(...json)
  .description('print the pipeline that comes out of all its files, profile, flags and inputs')
  .addHelpText(
    'after',
    `\nExamples:\n  ${lbi} config pipeline.yaml\n  ${lbi} config pipeline.yaml --profile small --sources\n`,
  )
  .action(does(async (file, options) => (await import('./config.ts')).configCommand(file, options)));
program
  .command('schema')
  .option('--pipeline <file>', 'with the keys of the own modules that this file names')
  .description('print the JSON Schema of the pipeline file, for editors')
  .action(does(async (options) => (await import('./schema.ts')).schemaCommand(options)));

program
  .command('explain')
  .argument('<what>', 'a key, e.g. interact.max_steps; the code of a problem; an example or a task of a run: RUN/ID')
  .option(...json)
  .description('say what a key does, or where an example comes from and why it was kept')
  .addHelpText('after', `\nExamples:\n  ${lbi} explain filter.committee.accept\n  ${lbi} explain @last/3f2a91\n`)
  .action(does(async (what, options) => (await import('./explain.ts')).explainCommand(what, options)));

const prompt = program.command('prompt').description('the prompts as models get them: show, list, copy');
prompt
  .command('show')
  .argument('<stage>', 'instruct, interact, query, construct or filter')
  .option('--pipeline <file>', 'pipeline file', 'pipeline.yaml')
  .option('--profile <name>', 'use this profile of the file')
  .option('--set <path=value>', 'change a value', collect)
  .option('--style <style>', 'of the stage construct: new-task or replicate')
  .option('--member <model>', 'the committee member that is asked')
  .option('--from <run>', 'fill it with something of this run: RUN, RUN/TASK or RUN/EXAMPLE')
  .option('--document <which>', 'number, path or a part of the path of a document', '1')
  .option('--task <text>', 'the task to show where no run has one')
  .option(...json)
  .description('the prompt of a stage, filled with something real; no model is asked')
  .action(does(async (stage, options) => (await import('./prompt.ts')).promptShowCommand(stage, options)));
prompt
  .command('list')
  .option('--pipeline <file>', 'pipeline file', 'pipeline.yaml')
  .option('--profile <name>', 'use this profile of the file')
  .option(...json)
  .description('the prompts of a pipeline, where they lie and which variables they may use')
  .action(does(async (options) => (await import('./prompt.ts')).promptListCommand(options)));
prompt
  .command('copy')
  .argument('<stage>', 'instruct, interact, query, construct or filter')
  .option('--pipeline <file>', 'pipeline file', 'pipeline.yaml')
  .option('--style <style>', 'of the stage construct: new-task or replicate')
  .option('--to <file>', 'where to write it, relative to the pipeline (prompts/NAME.md)')
  .option(...json)
  .description('write a shipped prompt beside the pipeline, to change it')
  .action(does(async (stage, options) => (await import('./prompt.ts')).promptCopyCommand(stage, options)));

program.commandsGroup('Run');
program
  .command('preview')
  .argument('<file>', 'pipeline file')
  .option('--document <which>', 'number, path or a part of the path of a document', '1')
  .option('--task <text>', 'try this task instead of one that is invented')
  .option('--steps <number>', 'most actions of the attempt (8)', count)
  .option('--windows <number>', 'most windows that are judged (3)', count)
  .option('--profile <name>', 'use this profile of the file')
  .option('--set <path=value>', 'change a value', collect)
  .option('--keep', 'remember the replies, so that a run does not pay for them again')
  .option('-y, --yes', 'do not ask before the first call that costs money')
  .option('--json', 'one JSON event a line')
  .description('take one document through every stage here and now, shown as it happens')
  .addHelpText('after', `\nExample:\n  ${lbi} preview pipeline.yaml --task "Switch the first lamp on"\n`)
  .action(does(async (file, options) => (await import('./preview.ts')).previewCommand(file, options)));
program
  .command('plan')
  .argument('<file>', 'pipeline file')
  .option('--profile <name>', 'use this profile of the file')
  .option('--set <path=value>', 'change a value, e.g. sources.0.limit=5', collect)
  .option('--input <name=value>', 'give one of the inputs that the pipeline asks for', collect)
  .option('--against <run>', 'compare with this run; else with the newest of the pipeline')
  .option('--fetch', 'install packages that carry documents, to count these')
  .option('--exit-code', 'end with 10 when there is work to do, with 0 when there is none')
  .option(...json)
  .description('what a run would do, reuse and cost, and why; asks nobody, starts nothing')
  .addHelpText(
    'after',
    `\nExamples:\n  ${lbi} plan pipeline.yaml\n  ${lbi} plan pipeline.yaml --against @last --json\n`,
  )
  .action(does(async (file, options) => (await import('./plan.ts')).planCommand(file, options)));
program
  .command('run')
  .argument('<file>', 'pipeline file')
  .option('--profile <name>', 'use this profile of the file')
  .option('--set <path=value>', 'change a value, e.g. sources.0.limit=5', collect)
  .option('--input <name=value>', 'give one of the inputs that the pipeline asks for', collect)
  .option('--detach', 'start it and come back at once')
  .option('-y, --yes', 'spend what it costs without asking')
  .option(...json)
  .description('start a run and watch it; Ctrl-C leaves, the run goes on')
  .addHelpText(
    'after',
    `\nExamples:\n  ${lbi} run pipelines/quickstart.yaml\n  ${lbi} run pipeline.yaml --set sources.0.limit=5 --detach\n`,
  )
  .action(does(async (file, options) => (await import('./run.ts')).runCommand(file, options)));
program
  .command('attach')
  .argument('<run>', 'run id, its beginning, a pipeline name, or @last')
  .option(...json)
  .description('watch a run from any terminal')
  .action(does(async (run, options) => (await import('./control.ts')).attachCommand(run, options)));
program
  .command('pause')
  .argument('<run>', 'run id, its beginning, a pipeline name, or @last')
  .option(...json)
  .description('begin nothing new until resume; calls under way are ended')
  .action(does(async (run, options) => (await import('./steer.ts')).pauseCommand(run, options)));
program
  .command('resume')
  .argument('<run>', 'run id, its beginning, a pipeline name, or @last')
  .option('--budget <usd>', 'raise the budget of the run to this many US dollars', amount)
  .option('--budget-tokens <number>', 'raise it to this many tokens', count)
  .option('--budget-hours <hours>', 'raise it to this many hours since the run began', amount)
  .option('--stage-budget <stage=usd>', 'raise that of a stage to this many US dollars', collect)
  .option('--stage-tokens <stage=number>', 'raise that of a stage to this many tokens', collect)
  .option(...json)
  .description('start what is down, end a pause, go on with what waits')
  .action(does(async (run, options) => (await import('./steer.ts')).resumeCommand(run, options)));
program
  .command('tune')
  .argument('<run>', 'run id, its beginning, a pipeline name, or @last')
  .option('--concurrency <number>', 'episodes in flight at once', count)
  .option('--ahead <number>', 'documents asked ahead', count)
  .option(...json)
  .description('do more or less at once while the run goes on')
  .addHelpText('after', `\nExample:\n  ${lbi} tune @last --concurrency 40\n`)
  .action(does(async (run, options) => (await import('./steer.ts')).tuneCommand(run, options)));
program
  .command('retry')
  .argument('<run>', 'run id, its beginning, a pipeline name, or @last')
  .addOption(ofClass())
  .option('--detach', 'where that takes a new run: start it and come back at once')
  .option('-y, --yes', 'spend what it costs without asking')
  .option(...json)
  .description('take up again what failed; what succeeded is not paid again')
  .action(does(async (run, options) => (await import('./retry.ts')).retryCommand(run, options)));
program
  .command('cancel')
  .argument('<run>', 'run id, its beginning, a pipeline name, or @last')
  .option(...json)
  .description('stop a run; what is finished is kept')
  .action(does(async (run, options) => (await import('./steer.ts')).cancelCommand(run, options)));

program.commandsGroup('Look');
program
  .command('runs')
  .option(...json)
  .description('list the runs of this folder')
  .action(does(async (options) => (await import('./control.ts')).runsCommand(options)));
program
  .command('show')
  .argument('<run>', 'run id, its beginning, a pipeline name, or @last')
  .argument('[task]', 'a task of the run: its trajectory, step by step')
  .option('--examples', 'list the kept examples with their votes')
  .option('--dropped', 'list the dropped examples with the reasons')
  .option(...json)
  .description('the funnel of a run, its examples, or one trajectory')
  .addHelpText('after', `\nExamples:\n  ${lbi} show @last\n  ${lbi} show @last --dropped\n  ${lbi} show @last TASK\n`)
  .action(does(async (run, task, options) => (await import('./show.ts')).showCommand(run, task, options)));
program
  .command('failures')
  .argument('<run>', 'run id, its beginning, a pipeline name, or @last')
  .addOption(ofClass())
  .option(...json)
  .description('what failed in a run, by class, and why')
  .action(does(async (run, options) => (await import('./failures.ts')).failuresCommand(run, options)));
program
  .command('ui')
  .argument('[run]', 'run id, its beginning, a pipeline name, or @last')
  .option('--no-open', 'only print the address')
  .option(...json)
  .description('open a run in the Temporal UI')
  .action(does(async (run, options) => (await import('./control.ts')).uiCommand(run, options)));

program.commandsGroup('Use the data');
program
  .command('export')
  .argument('<run>', 'run id, its beginning, a pipeline name, or @last')
  .addOption(new Option('--format <names...>', "formats to write (the pipeline's)").choices([...formats]))
  .addOption(new Option('--chat <how>', 'a row per conversation or per action').choices(['turns', 'steps']))
  .option('--out <folder>', 'where to write it (.lbi/datasets/RUN)')
  .option(...json)
  .description('write the dataset of a run again, in other formats or elsewhere')
  .action(does(async (run, options) => (await import('./data.ts')).exportCommand(run, options)));
program
  .command('retrieve')
  .argument('<run>', 'run id, its beginning, a pipeline name, or @last')
  .argument('<text>', 'an observation, an instruction or a question')
  .option('-k <number>', 'examples to show', count, 3)
  .addOption(
    new Option('--by <what>', 'what the text is compared with')
      .choices(['observation', 'instruction', 'query'])
      .default('query'),
  )
  .option(...json)
  .description('find the examples that a prompt would be given')
  .addHelpText('after', `\nExample:\n  ${lbi} retrieve @last "set the version of a package" -k 2\n`)
  .action(does(async (run, text, options) => (await import('./data.ts')).retrieveCommand(run, text, options)));
program
  .command('check')
  .argument('<run>', 'run id, its beginning, a pipeline name, or @last')
  .option(...json)
  .description('walk every example of a run back to its stored steps and votes')
  .action(does(async (run, options) => (await import('./data.ts')).checkCommand(run, options)));

program.commandsGroup('Machine');
program
  .command('doctor')
  .argument('[file]', 'check what this pipeline needs, and only that')
  .option('--online', 'ask providers whether keys work and sites whether they are there (with a file: always)')
  .option('--no-online', 'with a file: ask nobody')
  .option('--profile <name>', 'use this profile of the file')
  .option('--set <path=value>', 'change a value', collect)
  .option('--fix', 'first download and install what is missing')
  .option(...json)
  .description('check what this machine has and say how to mend what is missing')
  .action(does(async (file, options) => (await import('./doctor.ts')).doctorCommand(options, file)));
program
  .command('up')
  .option(...json)
  .description('start the Temporal server and a worker in the background')
  .action(does(async (options) => (await import('./machine.ts')).upCommand(options)));
program
  .command('down')
  .option(...json)
  .description(`stop them; open runs wait and go on after ${lbi} up`)
  .action(does(async (options) => (await import('./machine.ts')).downCommand(options)));
program
  .command('worker')
  .description('serve in the foreground: for more workers, on this machine or another')
  .action(does(async () => (await import('./machine.ts')).workerCommand()));
program
  .command('workers')
  .option(...json)
  .description('list the workers of this store: where they run, what they serve, what they lack')
  .action(does(async (options) => (await import('./workers.ts')).workersCommand(options)));
program
  .command('leases')
  .option('--release <name>', 'take a lease from whoever holds it; they ask again and wait their turn')
  .option(...json)
  .description('what sessions must not share: who holds it, who waits')
  .action(does(async (options) => (await import('./leases.ts')).leasesCommand(options)));
program
  .command('supervise', { hidden: true })
  .action(does(async () => (await import('./machine.ts')).superviseCommand()));

const completion = 'print a script that completes commands, files, runs and keys';
// What a shell asks while one types is answered by a library that is loaded for that alone.
if (/^complet(e|ion)$/.test(process.argv[2] ?? '') && !/^(-h|--help)$/.test(process.argv[3] ?? '')) {
  await (await import('./completion.ts')).addCompletion(program, process.argv.slice(4));
  program.commands.find((command) => command.name() === 'completion')?.description(completion);
} else {
  program
    .command('completion')
    .addArgument(new Argument('<shell>', 'your shell').choices(['bash', 'zsh', 'fish', 'powershell']))
    .description(completion)
    .addHelpText('after', `\nExample:\n  source <(${lbi} completion bash)     in ~/.bashrc\n`);
}

program.helpCommand('help [command]', 'say more about a command');
for (const command of program.commands) command.showHelpAfterError(`(${lbi} ${command.name()} --help says more)`);

/** Exit code of an error, which is then on stderr: 2 wrong call, 3 what the user wrote, 6 what is missing around, 1 otherwise. */
function explained(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const unexpected = !(error instanceof LbiError || error instanceof WrongCall);
  const text = error instanceof Error ? error.message : String(error);
  const hint = unexpected ? `\n(this was not foreseen; LBI_DEBUG=1 shows where it happened)` : '';
  const stack = process.env.LBI_DEBUG !== undefined && error instanceof Error ? error.stack : undefined;
  process.stderr.write(`error: ${stack ?? `${text}${hint}`}\n`);
  if (error instanceof WrongCall) return 2;
  return error instanceof LbiError ? ({ spec: 3, operator: 6 }[error.kind as string] ?? 1) : 1;
}

// `lbi show … | head`: whoever reads has seen enough.
process.stdout.on('error', (error) => {
  if ('code' in error && error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  exit = explained(error);
}
// All that was written must have left before the process goes.
process.stdout.write('', () => process.exit(exit));
