/** All that one pipeline needs, and only that: models, places, prompts, sources, knowledge. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { indexFolder, wantsVectors } from '../../activities/retrieve.ts';
import { isOwn } from '../../core/own-path.ts';
import { withDefaults } from '../../core/spec/defaults.ts';
import { openDriver } from '../../environments/environments.ts';
import type { OwnEnvironment } from '../../environments/own.ts';
import { openModel } from '../../models/models.ts';
import { secretName } from '../../models/one-call.ts';
import { reach } from '../../models/reach.ts';
import { findWeights } from '../../models/weights.ts';
import type { FullModel } from '../../schemas/pipeline/model.ts';
import type { FullSpec } from '../../schemas/pipeline/pipeline.ts';
import { onPath } from '../../setup/places.mjs';
import { cacheFolder, indexesFolder, program, secretHere } from '../home.ts';
import { loadModule } from '../modules.ts';
import { hasPrice, type PipelineFileOptions, readPipelineFile, unreadable } from '../pipeline-file.ts';
import { readPrompts } from '../prompts.ts';
import { WrongCall } from '../wrong-call.ts';
import { type Check, check, wrong } from './check.ts';
import { bring } from './machine.ts';
import { embedder, fonts } from './parts.ts';
import { packageCheck, sourceCheck } from './sources.ts';

export interface PipelineCheckOptions extends PipelineFileOptions {
  /** Ask providers, sites and the registry. */
  online: boolean;
}

/** Minutes by which this machine's clock may differ from a provider's. */
const skewMinutes = 5;

export async function pipelineChecks(file: string, options: PipelineCheckOptions): Promise<Check[]> {
  const { online, ...rest } = options;
  const { loaded, folder } = await readPipelineFile(file, { ...rest, knownPrice: hasPrice }).catch((error: unknown) => {
    throw new WrongCall(unreadable(file, error));
  });
  if ('problems' in loaded) {
    const errors = loaded.problems.filter(({ severity }) => severity === 'error');
    const [first] = errors;
    const detail = `${errors.length} ${errors.length === 1 ? 'mistake' : 'mistakes'}, the first in line ${first?.line ?? 1}: ${first?.message ?? ''}`;
    return [check('pipeline', false, detail, `${program} validate ${file}`)];
  }
  const spec = withDefaults(loaded.spec, loaded.own);
  const stages = spec.stages.map(({ uses }) => uses).join(' → ');
  const parts = await Promise.all([
    Promise.all(Object.entries(spec.models).map(([name, model]) => modelCheck(name, model, folder, online))),
    Promise.all(Object.keys(spec.environments).map((name) => placeChecks(name, spec, folder, online))),
    Promise.all(spec.sources.map((_, index) => sourceCheck(index, spec, folder, online))),
    promptsCheck(spec, folder),
    knowledgeChecks(spec),
  ]);
  return [check('pipeline', true, `${spec.name}: ${stages}`), ...parts.flat(2)];
}

async function modelCheck(name: string, model: FullModel, folder: string, online: boolean): Promise<Check> {
  const what = `model ${name}`;
  if (isOwn(model)) return check(what, true, `by ${model.provider}`);
  if (model.provider === 'local') {
    const label = `${model.model}, in this process`;
    const weights = await findWeights(model.model, cacheFolder()).catch((error: unknown) => wrong(what, error));
    if (weights === undefined) return check(what, false, `${model.model}: its weights are not here`, bring);
    return 'what' in weights ? weights : check(what, true, `${label}  ${weights.path}`);
  }
  if (model.provider === 'scripted') {
    const context = { secret: () => '', weights: async () => '', file: (path: string) => resolve(folder, path) };
    const opened = await openModel(model, context).catch((error: unknown) =>
      wrong(what, error, `correct ${model.script}`),
    );
    if ('what' in opened) return opened;
    await opened.close();
    return check(what, true, `scripted by ${model.script}`);
  }
  return remoteCheck(what, model, online);
}

async function remoteCheck(
  what: string,
  model: Extract<FullModel, { provider: 'anthropic' | 'google' | 'openai' }>,
  online: boolean,
): Promise<Check> {
  const secret = model.api_key && secretName(model.api_key);
  const key = secret === undefined ? undefined : secretHere(secret);
  if (secret !== undefined && key === undefined)
    return check(what, false, `${model.provider} ${model.model}: ${secret} is not set`, `echo ${secret}=… >> .env`);
  if (!online)
    return check(
      what,
      true,
      `${model.provider} ${model.model}${secret === undefined ? '' : `, ${secret} is set`}; not asked`,
    );
  const { ok, detail, fix, clock } = await reach(model, key);
  const minutes = clock === undefined ? 0 : Math.round((Date.now() - clock.getTime()) / 60_000);
  const skew =
    Math.abs(minutes) > skewMinutes
      ? `\nthis machine's clock is ${Math.abs(minutes)} minutes ${minutes > 0 ? 'ahead' : 'behind'}`
      : '';
  return check(what, ok, `${model.provider}: ${detail}${skew}`, fix);
}

async function placeChecks(name: string, spec: FullSpec, folder: string, online: boolean): Promise<Check[]> {
  const place = spec.environments[name];
  if (place === undefined) return [];
  if (isOwn(place)) {
    const own = (await loadModule(folder, place.kind)).exported as OwnEnvironment;
    const findings = await own.doctor(place as Parameters<OwnEnvironment['doctor']>[0]);
    return [
      check(name, true, `by ${place.kind}`),
      ...findings.map(({ what, ok, detail, fix }) => check(`${name}: ${short(what)}`, ok, detail, fix)),
    ];
  }
  const driver = await openDriver(place.kind);
  const own = (await driver.doctor(place)).map(({ what, ok, detail, fix }) =>
    check(`${name}: ${short(what)}`, ok, detail, fix),
  );
  const packages =
    place.kind === 'shell' ? (place.packages ?? []) : place.kind === 'browser' ? [place.app?.package] : [];
  const named = packages.filter((each) => each !== undefined);
  const installed = await Promise.all(named.map((each) => packageCheck(each, online)));
  if (place.kind !== 'browser') return [...own, ...installed];
  const started = place.app?.command[0];
  const isProgram = started !== undefined && !started.includes('${');
  const has = isProgram && (started.includes('/') ? existsSync(started) : onPath(started) !== undefined);
  return [
    ...own,
    ...installed,
    ...(isProgram
      ? [
          check(
            `${name}: ${started}`,
            has,
            has ? 'is here' : 'is no program here',
            'install it, or correct app.command',
          ),
        ]
      : []),
    ...(place.app === undefined && place.url !== undefined && online
      ? [await siteCheck(`${name}: site`, place.url)]
      : []),
    ...(await fonts()),
  ];
}

const short = (what: string): string => what.replace(/ sandbox for the shell$/, '');

/** A page that answers at all is reachable: many refuse HEAD, or ask for a login. */
async function siteCheck(what: string, url: string): Promise<Check> {
  try {
    const reply = await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(8000) });
    return check(what, true, `${url} answers (${reply.status})`);
  } catch (error) {
    const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const why = inner instanceof Error ? ('code' in inner ? String(inner.code) : inner.message) : String(inner);
    return check(what, false, `${url} does not answer (${why})`, 'start the site, or correct the address');
  }
}

async function promptsCheck(spec: FullSpec, folder: string): Promise<Check[]> {
  try {
    await readPrompts(spec, folder);
    return [check('prompts', true, `readable   (${program} prompt list)`)];
  } catch (error) {
    return [wrong('prompts', error, `${program} prompt list`)];
  }
}

async function knowledgeChecks(spec: FullSpec): Promise<Check[]> {
  const checks: Check[] = [];
  let dense = false;
  for (const stage of spec.stages) {
    if (stage.uses === 'index') dense ||= stage.embedding === 'local';
    if (stage.uses !== 'interact' || stage.knowledge === undefined) continue;
    dense ||= wantsVectors(stage.knowledge);
    if (stage.knowledge.index === undefined) continue;
    const folder = indexFolder(indexesFolder(), stage.knowledge.index);
    checks.push(
      check(
        'knowledge',
        existsSync(folder),
        existsSync(folder) ? folder : `there is no index in ${folder}`,
        `run a pipeline with the stage index, or correct stages.interact.knowledge.index`,
      ),
    );
  }
  return dense ? [...checks, await embedder()] : checks;
}
