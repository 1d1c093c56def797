/** `lbi doctor`: what this machine or a pipeline has and lacks, each line with its fix; `--fix` brings what can be brought from here. */
import { resolve } from 'node:path';
import { SetupError } from '../setup/screen.mjs';
import { prepare } from '../setup/setup.mjs';
import { type Check, line, widthFor } from './doctor/check.ts';
import { engineChecks } from './doctor/machine.ts';
import {
  allModels,
  bubblewrap,
  chromium,
  fonts,
  keys,
  keysWork,
  localModels,
  ollama,
  someModel,
} from './doctor/parts.ts';
import { homeFolder, program } from './home.ts';

export interface DoctorOptions {
  json?: boolean;
  /** Download and install what is missing before looking. */
  fix?: boolean;
  /** Ask providers and sites: with a pipeline unless false, else only when true. */
  online?: boolean;
  profile?: string;
  set?: string[];
  /** The `.lbi` folder; left out, the one that all commands use. */
  home?: string;
}

/** Prints every check to stdout; gives exit code 0, or 6 when something needed is missing. */
export async function doctorCommand(options: DoctorOptions = {}, file?: string): Promise<number> {
  if (options.fix) await mend();
  const home = resolve(options.home ?? homeFolder());
  const checks =
    file === undefined ? await examine(home, options.online === true) : await examineFor(home, file, options);
  if (options.json) console.log(JSON.stringify({ schema: 'lbi.doctor/1', data: checks, warnings: [] }));
  else for (const check of checks) console.log(line(check, widthFor(checks)));
  const lacking = checks.some(({ ok, needed }) => needed && !ok);
  if (!options.json) process.stderr.write(`\n${lacking ? lack : file === undefined ? ready : readyFor(file)}\n`);
  return lacking ? 6 : 0;
}

const ready = `Ready.\n  next  ${program} init my-agent    ${program} run PIPELINE.yaml`;
const readyFor = (file: string): string => `Ready.\n  next  ${program} preview ${file}    ${program} run ${file}`;
const lack =
  'What is marked ✗ is missing; the line below it says how to get it. Lines marked · are of use and not needed.';

async function mend(): Promise<void> {
  for (const part of ['temporal', 'browser', 'models']) {
    await prepare([part], allModels).catch((error) => {
      if (!(error instanceof SetupError)) throw error;
      process.stderr.write(`${error.message}\n  ${error.fix}\n`);
    });
  }
}

/** All checks of the machine, run at the same time. `home` is the `.lbi` folder. */
export async function examine(home: string, online = false): Promise<Check[]> {
  const models = Promise.all([localModels(), ollama(), keys()]);
  const [engine, browser, letters, sandbox, working] = await Promise.all([
    engineChecks(home),
    chromium(),
    fonts(),
    process.platform === 'linux' ? bubblewrap() : undefined,
    online ? keysWork() : [],
  ]);
  const [local, nearby, secrets] = await models;
  const places = [browser, ...letters, ...(sandbox === undefined ? [] : [sandbox])];
  return [...engine, ...places, local, nearby, secrets, ...working, someModel(local.ok, nearby.ok, secrets.ok)];
}

/** What the engine needs, and what this pipeline needs. */
async function examineFor(home: string, file: string, { online, profile, set }: DoctorOptions): Promise<Check[]> {
  const { pipelineChecks } = await import('./doctor/pipeline.ts');
  const [engine, own] = await Promise.all([
    engineChecks(home),
    pipelineChecks(file, { online: online !== false, profile, set }),
  ]);
  return [...own, ...engine];
}
